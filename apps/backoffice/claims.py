"""Claims: those that are open, one of them whole, what managers decide, and the item on its way back."""

from datetime import datetime
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.forms import ResolutionForm, ReturnReportForm
from apps.backoffice.orders import find_listing_cover, read_order, remaining_amount
from apps.backoffice.pages import StaffPage
from apps.backoffice.timelines import read_timeline
from apps.core.container import get_container
from resale.application.operations.claims import report_return, resolve_claim
from resale.application.ports import Reader
from resale.application.queries.claims import BrandClaim, get_claim, list_claims, list_evidence
from resale.domain.access import Action, Principal
from resale.domain.amount_rules import AmountNotSupported
from resale.domain.claims import (
    CLAIM_OPEN,
    CLAIMS,
    ClaimCommand,
    ClaimStatus,
    RefundAmountRefused,
    Verdict,
)
from resale.domain.entities import CLAIM
from resale.domain.ids import ClaimId

_READ: Final = 100  # claims of one read
_SHOWN: Final = 300  # of one page: three reads; a shop seldom has as many open
_DONE: Final = {
    Verdict.APPROVE: "The claim is approved. The buyer returns the item.",
    Verdict.APPROVE_WITHOUT_RETURN: "The claim is approved. The refund has started.",
    Verdict.REQUEST_EVIDENCE: "Evidence is requested from the buyer.",
    Verdict.DENY: "The claim is denied. The order is completed and the seller is paid.",
}
#: Whom an open claim waits for.
_WAITS_FOR: Final = {
    ClaimStatus.OPENED: "the brand's decision",
    ClaimStatus.UNDER_REVIEW: "the brand's decision",
    ClaimStatus.AWAITING_EVIDENCE: "the buyer's evidence",
    ClaimStatus.APPROVED: "the item to be returned",
    ClaimStatus.RETURN_LABEL_ISSUED: "the item to be returned",
    ClaimStatus.APPROVED_WITHOUT_RETURN: "the refund",
    ClaimStatus.RETURN_IN_TRANSIT: "the refund",
}


class Claims(StaffPage):
    """``/admin/claims/``: those that are open, the nearest deadline first."""

    def back(self) -> str:
        """Start the list again: a cursor may have outlived its secret."""
        return reverse("admin:claims")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the open claims; the index has the newest first, so as many as a page holds are sorted here."""
        cursor = request.GET.get("cursor") or None
        claims, next_cursor = list_open(self.context.open_reader(), self.context.principal, cursor)
        return self.page(
            "claims",
            title="Claims",
            claims=[(claim, _WAITS_FOR.get(claim.status, "")) for claim in claims],
            is_first=cursor is None,
            next_cursor=next_cursor,
        )


class ClaimPages(StaffPage):
    """What the pages of one claim share: how it is shown, and that a refusal leads back to it."""

    def back(self) -> str:
        """Look at the claim as it is now."""
        return reverse("admin:claim", kwargs={"claim_id": self.kwargs["claim_id"]})

    def show(
        self,
        claim_id: ClaimId,
        *,
        resolving: ResolutionForm | None = None,
        reporting: ReturnReportForm | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """Show one claim with what the buyer wrote, its order, its return and its history.

        Args:
            claim_id: Which.
            resolving: A decision that was filled in wrong.
            reporting: A report that was filled in wrong.
            status: Of the page.
        """
        context, reader = self.context, self.context.open_reader()
        claim = _read_claim(reader, context.principal, claim_id)
        order = read_order(reader, context.principal, claim.order_id)
        timeline = read_timeline(
            context=context,
            reader=reader,
            of=CLAIM,
            entity_id=claim_id,
            cursor=self.request.GET.get("history"),
        )
        version, offered = {"version": claim.version}, _decidable(claim, context.now)
        returns = claim.return_shipment is not None
        return self.page(
            "claim",
            title="Claim",
            status=status,
            claim=claim,
            order=order,
            remaining=remaining_amount(order),
            waits_for=_WAITS_FOR.get(claim.status, ""),
            photos=list_evidence(
                reader=reader,
                links=get_container().private_links(context.tenant),
                forms=None,
                claim_id=claim_id,
                now=context.now,
            ),
            cover=find_listing_cover(context, reader, claim.listing_id),
            timeline=timeline,
            resolving=resolving or ResolutionForm(initial=version, currency=claim.currency, offered=offered),
            reporting=reporting or ReturnReportForm(initial=version),
            may_resolve=bool(offered) and context.is_permitted(Action.RESOLVE_CLAIM, claim.status),
            may_report=returns and context.is_permitted(Action.REPORT_RETURN, claim.status),
            is_undecided=claim.status in CLAIM_OPEN,
        )


class ClaimDetail(ClaimPages):
    """``/admin/claims/{claim_id}/``."""

    def get(self, request: HttpRequest, claim_id: str) -> HttpResponse:  # noqa: ARG002 - Django's signature
        """Show one claim."""
        return self.show(CLAIM.read_id(claim_id))


class ClaimResolution(ClaimPages):
    """``/admin/claims/{claim_id}/resolve/``."""

    def post(self, request: HttpRequest, claim_id: str) -> HttpResponse:
        """Decide on a claim."""
        context, found_id = self.context, CLAIM.read_id(claim_id)
        shown = _read_claim(context.open_reader(), context.principal, found_id)
        form = ResolutionForm(request.POST, currency=shown.currency)
        if not form.is_valid():
            return self.show(found_id, resolving=form, status=422)
        resolution = form.resolution()
        try:
            context.with_version(form.cleaned_data["version"]).run(
                resolve_claim, claim_id=found_id, resolution=resolution
            )
        except RefundAmountRefused:
            form.add_error("amount", "The amount is larger than the remaining amount of the payment.")
            return self.show(found_id, resolving=form, status=422)
        except AmountNotSupported as refused:
            form.add_error("amount", refused.detail)
            return self.show(found_id, resolving=form, status=422)
        messages.success(request, _DONE[resolution.decision])
        return redirect(self.back())


class ReturnReport(ClaimPages):
    """``/admin/claims/{claim_id}/report/``."""

    def post(self, request: HttpRequest, claim_id: str) -> HttpResponse:
        """Record where the return is, as if its carrier had said so."""
        context, found_id = self.context, CLAIM.read_id(claim_id)
        form = ReturnReportForm(request.POST)
        if not form.is_valid():
            return self.show(found_id, reporting=form, status=422)
        claim = context.with_version(form.cleaned_data["version"]).run(
            report_return, claim_id=found_id, event=form.event(now=context.now)
        )
        is_refunded = claim.status == ClaimStatus.RETURN_IN_TRANSIT and claim.refund_amount is not None
        messages.success(request, "The report is recorded." + (" The order is being refunded." if is_refunded else ""))
        return redirect(self.back())


def list_open(reader: Reader, principal: Principal, cursor: str | None) -> tuple[list[BrandClaim], str | None]:
    """List open claims from a cursor on, the nearest deadline first, and where the next page begins."""
    found: list[BrandClaim] = []
    while True:
        page = list_claims(reader=reader, principal=principal, limit=_READ, cursor=cursor)
        found += [claim for claim in page.data if isinstance(claim, BrandClaim)]
        cursor = page.next_cursor
        if cursor is None or len(found) >= _SHOWN:
            return sorted(found, key=lambda claim: claim.deadline_at), cursor


def _decidable(claim: BrandClaim, now: datetime) -> tuple[Verdict, ...]:
    """List the decisions that are left; while a refund runs, none."""
    if claim.status == ClaimStatus.RETURN_IN_TRANSIT and claim.refund_amount is not None:
        return ()
    commands = ((verdict, ClaimCommand(verdict.value)) for verdict in Verdict)
    return tuple(
        verdict for verdict, command in commands if CLAIMS.allows(claim.status, command, entity=claim, now=now)
    )


def _read_claim(reader: Reader, principal: Principal, claim_id: ClaimId) -> BrandClaim:
    claim = get_claim(reader=reader, principal=principal, claim_id=claim_id)
    assert isinstance(claim, BrandClaim)  # noqa: S101 - what staff are shown, by the queries' own table
    return claim
