"""What the Stripe adapter makes of errors: unknown, misconfigured, or a bug of ours; never a guess, never a retry."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import pytest
import stripe as library

from resale.adapters.payments.failures import PartnerRequestError
from resale.adapters.payments.stripe import StripePayments
from resale.domain.partners import PartnerMisconfigured, PartnerNotReady, PartnerUnavailable
from tests.adapters.peers import Peer, Response, closed_port, ok
from tests.adapters.stripe_connecting import PART, attempt, connect, new_refund, payout
from tests.adapters.stripe_double import StripeDouble
from tests.adapters.stripe_world import Json, sample

Ask = Callable[[StripePayments], object]

ASKED: dict[str, Ask] = {
    "authorise": lambda stripe: stripe.authorise(attempt()),
    "find_payment": lambda stripe: stripe.find_payment(attempt()),
    "capture": lambda stripe: stripe.capture(attempt()),
    "void": lambda stripe: stripe.void(attempt()),
    "refund": lambda stripe: stripe.refund(attempt(), refund_id=new_refund(), amount=PART),
    "find_refund": lambda stripe: stripe.find_refund(attempt(), refund_id=new_refund()),
    "pay_out": lambda stripe: stripe.pay_out(payout()),
    "find_payout": lambda stripe: stripe.find_payout(payout()),
    "find_payout_account": lambda stripe: stripe.find_payout_account("acct_good"),
    "iter_transactions": lambda stripe: list(stripe.iter_transactions(since=datetime(2020, 1, 1, tzinfo=UTC))),
    "iter_account_movements": lambda stripe: list(
        stripe.iter_account_movements(since=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(2021, 1, 1, tzinfo=UTC))
    ),
}
EVERY_CALL = pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)


def error(kind: str, code: str | None = None) -> Json:
    return {"type": kind, "code": code, "message": "made up"}


@pytest.fixture
def double() -> Iterator[StripeDouble]:
    with StripeDouble() as running:
        yield running


@EVERY_CALL
class TestUnknown:
    @pytest.mark.parametrize(
        ("status", "said"),
        [
            (500, error("api_error")),
            (503, error("api_error")),
            (429, error("invalid_request_error", "rate_limit")),
            (429, error("invalid_request_error", "lock_timeout")),
            (409, error("idempotency_error", "idempotency_key_in_use")),
            (400, error("idempotency_error", "idempotency_key_in_use")),
        ],
        ids=["500", "503", "rate-limit", "lock", "in-progress", "in-progress-as-400"],
    )
    def test_answers_that_say_not_now(self, ask: Ask, double: StripeDouble, status: int, said: Json) -> None:
        double.refuse(".*", status, said)
        with pytest.raises(PartnerUnavailable) as caught:
            ask(connect(double.url))
        assert not isinstance(caught.value, PartnerMisconfigured)
        is_outage = not isinstance(caught.value, PartnerNotReady)
        assert is_outage == (status >= 500 or said["code"] == "rate_limit")
        assert len(double.calls) == 1

    @pytest.mark.parametrize("response", [ok(b"{"), ok(b"\xff"), lambda _: None], ids=["half", "no-text", "hung-up"])
    def test_answers_that_say_nothing(self, ask: Ask, response: Response) -> None:
        with Peer([response]) as peer, pytest.raises(PartnerUnavailable):
            ask(connect(peer.url))
        assert peer.request_count == 1

    def test_nobody_there(self, ask: Ask) -> None:
        with closed_port() as port, pytest.raises(PartnerUnavailable):
            ask(connect(f"http://127.0.0.1:{port}"))


@EVERY_CALL
class TestMisconfigured:
    def test_a_key_that_is_not_taken(self, ask: Ask, double: StripeDouble) -> None:
        with pytest.raises(PartnerMisconfigured) as caught:
            ask(connect(double.url, api_key="sk_test_of_nobody"))
        assert "sk_test" not in str(caught.value)
        assert len(double.calls) == 1

    def test_a_key_that_may_not(self, ask: Ask, double: StripeDouble) -> None:
        double.refuse(".*", 403, error("invalid_request_error", "more_permissions_required"))
        with pytest.raises(PartnerMisconfigured):
            ask(connect(double.url))


@EVERY_CALL
class TestBugs:
    def test_a_request_built_wrong(self, ask: Ask, double: StripeDouble) -> None:
        double.refuse(".*", 400, sample("error_invalid_request")["error"])
        with pytest.raises(PartnerRequestError, match="parameter_unknown, at surprise"):
            ask(connect(double.url))
        assert len(double.calls) == 1


class TestManners:
    def test_redirects_are_not_followed(self, double: StripeDouble) -> None:
        moved = f"HTTP/1.1 302 Found\r\nLocation: {double.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with Peer([moved]) as peer, pytest.raises(PartnerUnavailable):
            connect(peer.url).find_payout(payout())
        assert not double.calls

    def test_tenants_share_no_key_and_nothing_global_is_set(self, double: StripeDouble) -> None:
        connect(double.url).find_payout(payout())
        with pytest.raises(PartnerMisconfigured):
            connect(double.url, api_key="sk_test_of_another").find_payout(payout())
        connect(double.url).find_payout(payout())
        assert library.api_key is None
        assert library.default_http_client is None

    def test_nothing_is_told_of_this_machine(self, double: StripeDouble) -> None:
        stripe = connect(double.url)
        for _ in range(2):
            stripe.find_payout(payout())
        for call in double.calls:
            assert "x-stripe-client-telemetry" not in call.headers
            told = msgspec.json.decode(call.headers["x-stripe-client-user-agent"])
            assert not {"platform", "telemetry_id"} & set(told)
