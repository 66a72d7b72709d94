"""The carrier over HTTP. ``X-Sandbox-Account`` is the account of the parcel; a document's URL needs none.

For the platform: ``POST /rates``, ``POST /shipments`` (buys a label), ``GET /shipments/{id}``, ``…/{id}/tracking``,
``POST /shipments/{id}/void``, ``GET /documents/{reference}.svg``. For tests: ``POST /shipments/{id}/scan`` reports
something of the parcel, ``…/{id}/decide`` ends a submitted void, ``…/{id}/tell_again`` repeats every message,
``POST /faults`` has calls go wrong, ``GET /books`` shows everything (of one account, when it is named).
"""

import re
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final

from deploy.local.sandbox_server import LoopbackServer, Raw, Refused, Requests, WebhookSender
from deploy.local.shipping.carrier import MESSAGES, SHIPMENT_ID, Decision, Fault, NewLabel, SandboxCarrier, Scan
from deploy.local.shipping.documents import label_svg
from deploy.local.shipping.store import LabelRecords, Row

_ACCOUNT: Final = re.compile(r"[a-z0-9-]{1,63}")
_DOCUMENT: Final = re.compile(r"/documents/(sbx_[0-9a-f]{32})\.svg")
_SHIPMENT: Final = re.compile(rf"/shipments/({SHIPMENT_ID})(?:/(tracking|void|scan|decide|tell_again))?")


class ShippingServer(LoopbackServer):
    """The carrier on one port on loopback; a context manager."""

    def __init__(
        self, data_file: Path, *, webhooks: Path | None = None, port: int = 0, first_wait_seconds: float = 0.1
    ) -> None:
        """Open the records and the port; ``port`` 0 chooses a free one, the others are those of ``WebhookSender``."""
        self._webhooks = WebhookSender(webhooks, first_wait_seconds=first_wait_seconds)
        carrier = SandboxCarrier(LabelRecords(data_file), self._webhooks)
        super().__init__(type("Handler", (_Handler,), {"carrier": carrier}), name="shipping", port=port)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._webhooks.close()
        super().__exit__(kind, error, at)


class _Handler(Requests):
    """One connection. ``carrier`` is set on a subclass."""

    carrier: ClassVar[SandboxCarrier]

    def respond(self, method: str) -> Any:
        match = _SHIPMENT.fullmatch(self.path)
        if match is not None:
            return self._about_one(method, match[1], match[2])
        if method == "GET":
            return self._get()
        return self._post(f"{method} {self.path}")

    def _about_one(self, method: str, shipment_id: str, what: str | None) -> Any:
        match method, what:
            case "GET", None:
                return self._label(self.carrier.find(self._account(), shipment_id))
            case "GET", "tracking":
                return {"data": self.carrier.tracking(self._account(), shipment_id)}
            case "POST", "void":
                return self._label(self.carrier.void(self._account(), shipment_id))
            case "POST", "scan":
                event, delivered = self.carrier.scan(self._account(), shipment_id, self.read(Scan))
                return {"event": event, "delivered": delivered}
            case "POST", "decide":
                return self._label(self.carrier.decide(self._account(), shipment_id, self.read(Decision)))
            case "POST", "tell_again":
                return {"delivered": self.carrier.resend(self._account(), shipment_id)}
        raise Refused(404, "not_found")

    def _get(self) -> Any:
        if self.path == "/books":
            named = self.headers.get("X-Sandbox-Account")
            return {"data": self.carrier.rows(named)}
        match = _DOCUMENT.fullmatch(self.path)
        if match is None:
            raise Refused(404, "not_found")
        return Raw("image/svg+xml", label_svg(self.carrier.document(match[1])))

    def _post(self, what: str) -> Any:
        if what == "POST /rates":
            return {"data": self.carrier.rates(self._account(), self.read(NewLabel))}
        if what == "POST /shipments":
            return self._label(self.carrier.buy(self._account(), self.read(NewLabel)))
        if what == "POST /faults":
            self.carrier.plan_fault(self._account(), self.read(Fault))
            return {}
        raise Refused(404, "not_found")

    def _account(self) -> str:
        account = self.headers.get("X-Sandbox-Account", "")
        if _ACCOUNT.fullmatch(account) is None:
            raise Refused(401, "account_unknown")
        return account

    def _label(self, row: Row) -> dict[str, Any]:
        url = f"http://{self.headers.get('Host', '')}/documents/{row.reference}.svg"
        return {
            "state": row.state,
            "reference": row.reference,
            "carrier": row.carrier,
            "service": row.service,
            "tracking_number": row.tracking_number,
            "url": url if row.state == "issued" else "",
            "amount": row.amount,
            "currency": row.currency,
            "reason": row.reason,
            "message": MESSAGES.get(row.reason or ""),
        }
