"""Labels, receipts, claims, payouts, refunds and the books over HTTP: who may, once, and never another tenant's."""

import uuid
from typing import Any

import msgspec
import pytest

from resale.application.operations.customers import Shopper
from resale.application.operations.orders import record_dispute
from resale.application.operations.payouts import advance_payout
from resale.domain.changes import ChangeType
from resale.domain.ids import OrderId, PayoutId
from resale.domain.orders import Order
from resale.domain.payments import Dispute, DisputeStatus
from resale.domain.shipments import ShipmentStatus
from tests.fixtures.storefront import ADDRESS, Front, Response
from tests.operations.partners import Partners
from tests.unit.builders import NOW

CLAIM = {"reason": "not_as_described", "description": "A sleeve is torn."}


@pytest.fixture
def seller(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def buyer(front: Front) -> Shopper:
    return front.shopper()


@pytest.fixture
def partners() -> Partners:
    return Partners()


@pytest.fixture
def sold(front: Front, seller: Shopper, buyer: Shopper, partners: Partners) -> Order:
    """A paid order whose label is bought, of today: its deadlines are to come."""
    account = {"payout_destination": "acct_ok", "ship_from": ADDRESS}
    assert front.patch("/v1/seller_account", account, by=seller).status == 200
    ordered = front.buy(front.world.active(seller), by=buyer).json["id"]
    return _run(front, ordered, partners)


@pytest.fixture
def delivered(front: Front, sold: Order) -> Order:
    for status in ("in_transit", "delivered"):
        _scan(front, sold, status)
    return front.world.stored_order(sold)


@pytest.fixture
def completed(front: Front, delivered: Order, buyer: Shopper, partners: Partners) -> Order:
    assert front.post(f"/v1/orders/{delivered.id}/confirm_receipt", by=buyer).status == 200
    return _run(front, delivered.id, partners)


def _run(front: Front, order_id: str, partners: Partners) -> Order:
    order = front.world.uow().orders.get(OrderId(order_id))
    return front.world.run(order, partners, now=order.updated_at)


def _scan(front: Front, order: Order, status: str) -> None:
    front.world.scan(order, ShipmentStatus(status), now=order.updated_at)


def _keyed() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


class TestLabel:
    def test_is_there_for_its_seller_alone(self, front: Front, sold: Order, seller: Shopper, buyer: Shopper) -> None:
        path = f"/v1/orders/{sold.id}"
        assert front.get(path, by=seller).json["label_url"] == "https://labels.example/1.pdf"
        assert "label_url" not in front.get(path, by=buyer).json

    def test_is_asked_for_with_an_address_that_is_kept(
        self, front: Front, seller: Shopper, buyer: Shopper, partners: Partners
    ) -> None:
        ordered = front.buy(front.world.active(seller), by=buyer).json["id"]
        _run(front, ordered, partners)
        path = f"/v1/sales/{ordered}/label"
        assert front.post(path, by=seller).code == "409 ship_from_missing"
        asked = front.post(path, {"ship_from": ADDRESS}, by=seller)
        assert asked.json["shipment"]["label_wanted"] is True
        assert front.post(path, by=seller).headers["ETag"] == asked.headers["ETag"]
        assert _run(front, ordered, partners).status == "awaiting_shipment"
        account = front.get("/v1/seller_account", by=seller).json
        assert account["ship_from"]["city"] == ADDRESS["city"]

    def test_is_the_sellers_to_ask_for(self, front: Front, sold: Order, buyer: Shopper) -> None:
        path = f"/v1/sales/{sold.id}/label"
        assert front.post(path, by=buyer).code == "403 forbidden"
        assert front.post(path, by=front.shopper()).code == "404 order_not_found"
        assert front.post(path).code == "401 token_missing"
        assert front.post("/v1/sales/nothing/label", by=buyer).code == "404 order_not_found"


class TestReceipt:
    def test_completes_the_order_and_pays_the_seller(
        self, front: Front, completed: Order, seller: Shopper, buyer: Shopper
    ) -> None:
        assert front.get(f"/v1/orders/{completed.id}", by=buyer).json["status"] == "completed"
        account = front.get("/v1/seller_account", by=seller).json
        assert (account["available"], account["next_payout_at"] >= account["updated_at"]) == (10_800, True)

    def test_is_the_buyers(self, front: Front, delivered: Order, seller: Shopper) -> None:
        path = f"/v1/orders/{delivered.id}/confirm_receipt"
        assert front.post(path, by=seller).code == "403 forbidden"

    def test_of_what_is_not_on_its_way_is_refused(self, front: Front, sold: Order, buyer: Shopper) -> None:
        assert front.post(f"/v1/orders/{sold.id}/confirm_receipt", by=buyer).code == "409 order_transition_refused"


class TestClaims:
    def _opened(self, front: Front, order: Order, buyer: Shopper) -> Response:
        return front.post(f"/v1/orders/{order.id}/claims", CLAIM, by=buyer)

    def test_are_opened_shown_and_listed(self, front: Front, delivered: Order, buyer: Shopper, seller: Shopper) -> None:
        claim = self._opened(front, delivered, buyer)
        path = claim.headers["Location"]
        assert (claim.status, claim.json["status"], claim.json["description"]) == (201, "opened", CLAIM["description"])
        assert front.get(path, by=seller).json["description"] == CLAIM["description"]
        assert "buyer_id" not in front.get(path, by=seller).json
        assert front.get(path, by=front.shopper()).code == "404 claim_not_found"
        (listed,) = front.get("/v1/claims", by=buyer).json["data"]
        assert (listed["id"], listed["description"]) == (claim.json["id"], None)
        assert claim.json["id"] in [one["id"] for one in front.get("/v1/claims?limit=100", brand=True).json["data"]]
        assert front.get(f"/v1/orders/{delivered.id}", by=buyer).json["claim_id"] == claim.json["id"]

    def test_are_one_an_order(self, front: Front, delivered: Order, buyer: Shopper) -> None:
        first = self._opened(front, delivered, buyer)
        assert self._opened(front, delivered, buyer).json == first.json
        other = {**CLAIM, "reason": "wrong_item"}
        assert front.post(f"/v1/orders/{delivered.id}/claims", other, by=buyer).code == "409 claim_exists"

    def test_are_decided_by_the_brand_on_what_it_saw(
        self, front: Front, delivered: Order, buyer: Shopper, narrow: Front
    ) -> None:
        path = f"{self._opened(front, delivered, buyer).headers['Location']}/resolve"
        verdict = {"decision": "deny", "note": "The photos show it."}
        assert front.post(path, verdict, by=buyer).code == "403 secret_key_required"
        assert narrow.post(path, verdict, brand=True).code == "403 scope_missing"
        stale = front.post(path, verdict, brand=True, headers={"If-Match": '"7"'})
        assert stale.code == "412 precondition_failed"
        denied = front.post(path, verdict, brand=True)
        assert (denied.json["status"], denied.json["note"]) == ("denied", verdict["note"])
        assert front.post(path, verdict, brand=True).json == denied.json
        assert front.post(path, {"decision": "approve"}, brand=True).code == "409 claim_transition_refused"

    def test_an_amount_that_cannot_be_says_where(self, front: Front, delivered: Order, buyer: Shopper) -> None:
        path = f"{self._opened(front, delivered, buyer).headers['Location']}/resolve"
        body = {"decision": "approve_without_return", "refund_amount": 99_999}
        response = front.post(path, body, brand=True)
        assert (response.code, response.pointers) == ("422 refund_amount_refused", ["/refund_amount"])

    def test_are_withdrawn_by_the_buyer(self, front: Front, delivered: Order, buyer: Shopper) -> None:
        path = f"{self._opened(front, delivered, buyer).headers['Location']}/withdraw"
        assert front.post(path, by=front.shopper()).code == "404 claim_not_found"
        assert front.post(path, by=buyer).json["status"] == "withdrawn"
        assert front.post(path, by=buyer).json["status"] == "withdrawn"


class TestPayouts:
    def test_are_asked_for_once(self, front: Front, completed: Order, seller: Shopper) -> None:
        assert completed.status == "completed"
        keyed = _keyed()
        first = front.post("/v1/payouts", {}, by=seller, headers=keyed)
        again = front.post("/v1/payouts", {}, by=seller, headers=keyed)
        assert (first.status, first.json["amount"], first.json["status"]) == (202, 10_800, "pending")
        assert (again.json["id"], again.headers["Idempotent-Replayed"]) == (first.json["id"], "true")
        assert front.post("/v1/payouts", {}, by=seller, headers=_keyed()).code == "409 nothing_to_pay_out"
        assert front.get(first.headers["Location"], by=seller).json == first.json
        assert front.get(first.headers["Location"], by=front.shopper()).code == "404 payout_not_found"
        assert [one["id"] for one in front.get("/v1/payouts", by=seller).json["data"]] == [first.json["id"]]

    def test_need_a_key_and_a_balance(self, front: Front, seller: Shopper) -> None:
        assert front.post("/v1/payouts", {}, by=seller).code == "422 idempotency_key_required"
        assert front.post("/v1/payouts", {}, by=seller, headers=_keyed()).code == "409 nothing_to_pay_out"

    @pytest.mark.usefixtures("completed")
    def test_are_cancelled_by_their_seller_or_the_brand(self, front: Front, narrow: Front, seller: Shopper) -> None:
        path = front.post("/v1/payouts", {}, by=seller, headers=_keyed()).headers["Location"] + "/cancel"
        assert front.post(path).code == "401 token_missing"
        assert narrow.post(path, brand=True).code == "403 scope_missing"
        assert front.post(path, by=front.shopper()).code == "404 payout_not_found"
        assert front.post("/v1/payouts/nothing/cancel", by=seller).code == "404 payout_not_found"
        assert front.post(path, by=seller, headers={"If-Match": '"7"'}).status == 412
        ended = front.post(path, by=seller)
        assert (ended.status, ended.json["status"], ended.json["may_be_cancelled"]) == (200, "cancelled", False)
        again = front.post(path, brand=True)
        assert (again.json["status"], again.headers["ETag"]) == ("cancelled", ended.headers["ETag"])
        assert ended.json.items() <= again.json.items()
        assert front.get("/v1/seller_account", by=seller).json["available"] == 10_800

    def test_are_not_cancelled_once_their_sending_began(
        self, front: Front, completed: Order, seller: Shopper, partners: Partners
    ) -> None:
        started = front.post("/v1/payouts", {}, by=seller, headers=_keyed())
        payout_id, now = PayoutId(started.json["id"]), completed.updated_at
        advance_payout(front.world.uow(now=now), partners=partners, payout_id=payout_id)
        refused = front.post(f"/v1/payouts/{payout_id}/cancel", by=seller)
        assert refused.code == "409 payout_transition_refused"


class TestSellerAccount:
    def test_is_made_on_first_need_and_shown_to_its_owner(self, front: Front, seller: Shopper) -> None:
        assert front.get("/v1/seller_account", by=seller).code == "404 seller_not_found"
        made = front.patch("/v1/seller_account", {"payout_method": "store_credit"}, by=seller)
        assert (made.status, made.json["payout_method"], made.json["available"]) == (200, "store_credit", 0)
        assert front.get("/v1/seller_account", by=seller, headers={"If-None-Match": made.headers["ETag"]}).status == 304

    @pytest.mark.parametrize(
        "fields", [{"payout_destination": "GB33BUKB20201555555555"}, {"payout_method": "cheque"}, {"balance": 1}]
    )
    def test_takes_nothing_else(self, front: Front, seller: Shopper, fields: dict[str, Any]) -> None:
        assert front.patch("/v1/seller_account", fields, by=seller).code == "422 validation_failed"


class TestOnboardingLink:
    def test_of_a_shop_without_a_payment_provider_is_documented(self, front: Front, seller: Shopper) -> None:
        body = {"return_url": f"{front.shop.tenant.allowed_origins[0]}/account"}
        refused = front.post("/v1/payout_accounts/onboarding_link", body, by=seller)
        assert refused.code == "503 partner_misconfigured"


class TestRefunds:
    def test_are_the_brands_and_given_once(self, front: Front, completed: Order, buyer: Shopper) -> None:
        body, keyed = {"order_id": completed.id, "amount": 1_000}, _keyed()
        assert front.post("/v1/refunds", body, by=buyer, headers=keyed).code == "403 secret_key_required"
        assert front.post("/v1/refunds", body, brand=True).code == "422 idempotency_key_required"
        first = front.post("/v1/refunds", body, brand=True, headers=keyed)
        assert (first.status, [refund["amount"] for refund in first.json["refunds"]]) == (202, [1_000])
        assert front.post("/v1/refunds", body, brand=True, headers=keyed).headers["Idempotent-Replayed"] == "true"
        assert front.post("/v1/refunds", body, brand=True, headers=_keyed()).code == "409 refund_under_way"

    def test_more_than_is_left_says_where(self, front: Front, completed: Order) -> None:
        body = {"order_id": completed.id, "amount": 12_001}
        response = front.post("/v1/refunds", body, brand=True, headers=_keyed())
        assert (response.code, response.pointers) == ("422 refund_too_large", ["/amount"])


class TestBooks:
    def test_show_what_was_booked_and_that_it_balances(self, front: Front, completed: Order, seller: Shopper) -> None:
        path = f"/v1/ledger/transactions?source={completed.id}"
        books = front.get(path, brand=True).json
        assert {booking["step"] for booking in books["data"]} == {"captured", "label_issued", "released"}
        assert {sum(entry["amount"] for entry in booking["entries"]) for booking in books["data"]} == {0}
        assert (books["has_more"], books["next_cursor"]) == (False, None)
        assert front.get(path, by=seller).code == "403 secret_key_required"

    def test_are_listed_by_day_page_by_page(self, front: Front, completed: Order) -> None:
        day = completed.confirmed_at.date() if completed.confirmed_at is not None else None
        seen: list[str] = []
        path = f"/v1/ledger/transactions?day={day}&limit=1"
        response = front.get(path, brand=True).json
        seen += [booking["id"] for booking in response["data"]]
        while response["next_cursor"] is not None:
            response = front.get(f"{path}&cursor={response['next_cursor']}", brand=True).json
            seen += [booking["id"] for booking in response["data"]]
        whole = front.get(f"/v1/ledger/transactions?from={day}&to={day}&limit=100", brand=True).json["data"]
        assert len(seen) == len(set(seen)) >= len(whole)
        assert seen[: len(whole)] == [booking["id"] for booking in whole]
        assert f"{completed.id}:captured" in seen

    def test_the_sheet_is_the_brands(self, front: Front, completed: Order, narrow: Front) -> None:
        sheet = front.get("/v1/ledger/balances", brand=True).json
        assert sheet["currency"] == completed.currency
        assert [one["amount"] for one in sheet["difference"]] == [0] * len(sheet["difference"])
        assert narrow.get("/v1/ledger/balances", brand=True).code == "403 scope_missing"

    def test_the_journal_has_every_entry_of_the_month(self, front: Front, completed: Order, narrow: Front) -> None:
        response = front.get(f"/v1/ledger/journal?month={completed.created_at:%Y-%m}", brand=True)
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert f"{completed.id}:captured".encode() in response.body
        assert narrow.get("/v1/ledger/journal", brand=True).code == "403 scope_missing"

    def test_the_trial_balance_is_equal_on_both_sides(self, front: Front, completed: Order, narrow: Front) -> None:
        month = f"{completed.created_at:%Y-%m}"
        found = front.get(f"/v1/reports/trial_balance?month={month}&opening=true", brand=True).json
        sheet = next(one for one in found["currencies"] if one["currency"] == completed.currency)
        assert found["balanced"]
        assert sheet["debit"] == sheet["credit"] >= completed.amounts.grand_total
        assert {"provider", "seller", "commission"} <= {line["account"] for line in sheet["lines"]}
        assert narrow.get("/v1/reports/trial_balance", brand=True).code == "403 scope_missing"

    @pytest.mark.parametrize("month", ["2026-13", "2026", "november"])
    def test_of_no_month_there_is_no_trial_balance(self, front: Front, month: str) -> None:
        response = front.get(f"/v1/reports/trial_balance?month={month}", brand=True)
        assert response.code == "422 validation_failed"

    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ("", "/source"),
            ("?source=lst_1", "/source"),
            ("?source=ord_1", "/source"),
            (f"?source=ord_{'1' * 32}&day=2026-11-01", "/source"),
            ("?from=2026-11-01", "/source"),
            ("?day=yesterday", "/day"),
            ("?from=2026-11-02&to=2026-11-01", "/to"),
            ("?from=2026-10-01&to=2026-11-01", "/to"),
        ],
    )
    def test_need_to_be_told_which(self, front: Front, query: str, pointer: str) -> None:
        response = front.get(f"/v1/ledger/transactions{query}", brand=True)
        assert (response.code, response.pointers) == ("422 validation_failed", [pointer])

    def test_are_to_be_had_to_the_last_day_there_is(self, front: Front) -> None:
        assert front.get("/v1/ledger/transactions?from=9999-12-01&to=9999-12-31", brand=True).json["data"] == []

    def test_a_cursor_is_good_for_its_own_days(self, front: Front, completed: Order) -> None:
        day = completed.confirmed_at.date() if completed.confirmed_at is not None else None
        cursor = front.get(f"/v1/ledger/transactions?day={day}&limit=1", brand=True).json["next_cursor"]
        other = front.get(f"/v1/ledger/transactions?source={completed.id}&cursor={cursor}", brand=True)
        assert other.code == "422 cursor_invalid"

    @pytest.mark.parametrize("days", ["0", "32", "many"])
    def test_are_reconciled_a_month_back_at_the_most(self, front: Front, days: str) -> None:
        assert front.get(f"/v1/reports/reconciliation?days={days}", brand=True).code == "422 validation_failed"


class TestRelist:
    def test_sells_a_returned_item_again_with_one_call(
        self, front: Front, sold: Order, seller: Shopper, buyer: Shopper, partners: Partners
    ) -> None:
        path = f"/v1/listings/{sold.listing_id}/relist"
        assert front.post(path, by=seller).code == "409 listing_not_relistable"
        front.post(f"/v1/orders/{sold.id}/cancel", by=buyer)
        _run(front, sold.id, partners)
        again = front.post(path, by=seller)
        assert (again.status, again.json["status"]) == (201, "pending_review")
        assert again.json["relisted_from"] == sold.listing_id
        assert len(again.json["photos"]) == 1
        assert front.post(path, by=seller).json["id"] == again.json["id"]
        assert front.post(path, by=buyer).code == "403 forbidden"
        shown = front.post(f"/v1/listings/{again.json['id']}/moderation", {"decision": "approve"}, brand=True)
        assert shown.json["status"] == "active"
        assert front.world.listing(again.json["id"]).created_at > NOW


class TestShoppersAlone:
    """What only a shopper does asks for their token, whatever a secret key may do."""

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/v1/orders/{order}/confirm_receipt", None),
            ("/v1/orders/{order}/claims", CLAIM),
            ("/v1/sales/{order}/label", None),
            ("/v1/claims/{claim}/withdraw", None),
            ("/v1/listings/{listing}/relist", None),
        ],
    )
    def test_a_secret_key_alone_is_told_what_is_missing(
        self, front: Front, narrow: Front, delivered: Order, buyer: Shopper, path: str, body: Any
    ) -> None:
        claim = front.post(f"/v1/orders/{delivered.id}/claims", CLAIM, by=buyer).json["id"]
        asked = path.format(order=delivered.id, claim=claim, listing=delivered.listing_id)
        assert front.post(asked, body, brand=True).code == "401 token_missing"
        assert narrow.post(asked, body, brand=True).code == "401 token_missing"


class TestBalance:
    def test_is_the_sellers_own(self, front: Front, completed: Order, seller: Shopper) -> None:
        seen = front.get("/v1/balance", by=seller).json
        assert (seen["object"], seen["available"], seen["currency"]) == ("balance", 10_800, completed.currency)
        (moved,) = front.get("/v1/balance_transactions", by=seller).json["data"]
        assert (moved["type"], moved["order_id"], moved["amount"]) == ("sale", completed.id, 10_800)
        for path in ("/v1/balance", "/v1/balance_transactions", "/v1/sales"):
            assert front.get(path, brand=True).code == "401 token_missing"
        stranger = front.shopper()
        assert front.get("/v1/balance", by=stranger).json["available"] == 0
        assert front.get("/v1/balance_transactions", by=stranger).json["data"] == []

    def test_cursors_are_of_one_sellers_list(self, front: Front, completed: Order, seller: Shopper) -> None:
        assert front.post("/v1/payouts", {}, by=seller, headers=_keyed()).status == 202
        page = front.get("/v1/balance_transactions?limit=1", by=seller).json
        rest = front.get(f"/v1/balance_transactions?limit=1&cursor={page['next_cursor']}", by=seller).json
        assert [one["type"] for one in (*page["data"], *rest["data"])] in (["payout", "sale"], ["sale", "payout"])
        other = front.shopper()
        front.buy(front.world.active(front.shopper()), by=other)  # who is a customer by now
        stolen = front.get(f"/v1/balance_transactions?cursor={page['next_cursor']}", by=other)
        assert (stolen.code, completed.status) == ("422 cursor_invalid", "completed")


class TestSales:
    def test_are_the_sellers_newest_first(self, front: Front, sold: Order, seller: Shopper, buyer: Shopper) -> None:
        newer = front.buy(front.world.active(seller), by=buyer).json["id"]
        sales = front.get("/v1/sales", by=seller).json["data"]
        assert [one["id"] for one in sales] == [newer, sold.id]
        assert "buyer_id" not in sales[0]
        assert sales == front.get("/v1/orders?role=seller", by=seller).json["data"]
        assert front.get("/v1/sales", by=buyer).json["data"] == []
        first = front.get("/v1/sales?limit=1", by=seller).json
        assert [first["data"][0]["id"], first["has_more"]] == [newer, True]


class TestDisputes:
    def _report(self, front: Front, order: Order, reference: str, status: DisputeStatus) -> None:
        dispute = Dispute(provider_reference=reference, status=status, amount=4_000, reason_code="fraudulent")
        record_dispute(front.world.uow(now=order.updated_at), order_id=order.id, dispute=dispute)

    def test_are_all_shown_to_the_brand_with_the_one_that_matters_most(self, front: Front, delivered: Order) -> None:
        self._report(front, delivered, "dp_1", DisputeStatus.OPEN)
        self._report(front, delivered, "dp_2", DisputeStatus.LOST)
        shown = front.get(f"/v1/orders/{delivered.id}", brand=True).json
        assert [one["provider_reference"] for one in shown["disputes"]] == ["dp_1", "dp_2"]
        assert shown["dispute"] == shown["disputes"][0]

    def test_of_an_order_stored_before_there_could_be_several_are_one(self, front: Front, delivered: Order) -> None:
        uow = front.world.uow(now=delivered.updated_at)
        stored = uow.orders.get(delivered.id)
        dispute = Dispute(provider_reference="dp_1", status=DisputeStatus.WON, amount=4_000, reason_code="fraudulent")
        old = msgspec.structs.replace(stored, dispute=dispute)
        uow.orders.save(old, change_type=ChangeType.ORDER_DISPUTE_CLOSED)
        uow.commit()
        shown = front.get(f"/v1/orders/{delivered.id}", brand=True).json
        assert shown["disputes"] == [shown["dispute"]]

    def test_freeze_what_a_completed_sale_earned(self, front: Front, completed: Order, seller: Shopper) -> None:
        self._report(front, completed, "dp_1", DisputeStatus.OPEN)
        balance = front.get("/v1/balance", by=seller).json
        assert (balance["available"], balance["frozen"], balance["owed"]) == (0, 10_800, 0)
        assert front.post("/v1/payouts", {}, by=seller, headers=_keyed()).code == "409 nothing_to_pay_out"


class TestAcknowledgement:
    @pytest.fixture
    def charged_back(self, front: Front, delivered: Order) -> Order:
        lost = Dispute(provider_reference="dp_1", status=DisputeStatus.LOST, amount=12_000, reason_code="fraudulent")
        now = delivered.updated_at
        return record_dispute(front.world.uow(now=now), order_id=delivered.id, dispute=lost)

    def test_is_the_brands_on_what_it_saw(
        self, front: Front, other_front: Front, narrow: Front, charged_back: Order, seller: Shopper
    ) -> None:
        path, body = f"/v1/orders/{charged_back.id}/acknowledge", {"reason": "loss_taken"}
        assert front.get(f"/v1/orders/{charged_back.id}", brand=True).json["attention"] == "charged_back"
        assert front.post(path, body, by=seller).code == "403 secret_key_required"
        assert other_front.post(path, body, brand=True).code == "404 order_not_found"
        assert front.post("/v1/orders/x/acknowledge", body, brand=True).code == "404 order_not_found"
        stale = front.post(path, body, brand=True, headers={"If-Match": '"1"'})
        assert stale.code == "412 precondition_failed"
        noted = narrow.post(path, body, brand=True, headers={"If-Match": f'"{charged_back.version}"'})
        assert (noted.status, noted.json["attention"]) == (200, None)
        assert front.post(path, body, brand=True).json == noted.json
        assert front.world.stored_order(charged_back).attention is None

    @pytest.mark.parametrize("body", [{}, {"reason": "Ask Mrs Miller"}, {"reason": "x"}])
    def test_says_why_in_a_code(self, front: Front, charged_back: Order, body: dict[str, Any]) -> None:
        response = front.post(f"/v1/orders/{charged_back.id}/acknowledge", body, brand=True)
        assert response.code == "422 validation_failed"

    def test_of_what_is_to_be_done_is_refused(self, front: Front, delivered: Order) -> None:
        asked = Dispute(provider_reference="dp_1", status=DisputeStatus.OPEN, amount=12_000, reason_code="fraudulent")
        now = delivered.updated_at
        record_dispute(front.world.uow(now=now), order_id=delivered.id, dispute=asked)
        path = f"/v1/orders/{delivered.id}/acknowledge"
        assert front.post(path, {"reason": "loss_taken"}, brand=True).code == "409 attention_open"
