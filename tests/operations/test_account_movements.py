"""The provider's fees and payouts to the shop's bank: posted once each, oldest first, from the last one on."""

import uuid
from datetime import date, datetime, timedelta

import msgspec
import pytest

from resale.application.operations.account_movements import post_account_movement
from resale.application.queries.ledger import LedgerNotFound, find_import_start, get_reconciliation, list_imported
from resale.domain.access import Principal
from resale.domain.account_movements import AccountMovement, MovementKind
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW


def movement(kind: MovementKind = MovementKind.FEE, *, at: datetime = NOW, **changes: object) -> AccountMovement:
    made = AccountMovement(
        id=f"txn_{uuid.uuid4().hex}", kind=kind, amount=200, currency="GBP", at=at, is_account_wide=False
    )
    return msgspec.structs.replace(made, **changes)  # type: ignore[arg-type]  # its fields


def posted(world: World, one: AccountMovement) -> dict[str, int]:
    return {entry.account: entry.amount for entry in world.reader.iter_ledger_source(one.id)}


class TestPostAccountMovement:
    @pytest.mark.parametrize(
        ("kind", "account"),
        [
            (MovementKind.FEE, "provider_fees"),
            (MovementKind.DISPUTE_FEE, "dispute_fees"),
            (MovementKind.BANK_PAYOUT, "bank"),
        ],
    )
    def test_moves_it_from_the_providers_account(self, world: World, kind: MovementKind, account: str) -> None:
        one = movement(kind)
        assert post_account_movement(world.uow(), movement=one)
        assert posted(world, one) == {account: 200, "provider": -200}

    def test_posts_one_that_came_back_the_other_way(self, world: World) -> None:
        one = movement(MovementKind.BANK_PAYOUT, amount=-500)
        post_account_movement(world.uow(), movement=one)
        assert posted(world, one) == {"bank": -500, "provider": 500}

    def test_is_idempotent(self, world: World) -> None:
        one = movement()
        assert post_account_movement(world.uow(), movement=one)
        assert not post_account_movement(world.uow(), movement=one)
        assert posted(world, one) == {"provider_fees": 200, "provider": -200}

    def test_leaves_out_what_can_belong_to_another_shop(self, world: World) -> None:
        one = movement(MovementKind.BANK_PAYOUT, is_account_wide=True)
        assert not post_account_movement(world.uow(), movement=one)
        assert posted(world, one) == {}
        policies = msgspec.structs.replace(world.tenant.policies, provider_account_is_exclusive=True)
        alone = World(world.container, msgspec.structs.replace(world.tenant, policies=policies))
        assert post_account_movement(alone.uow(), movement=one)
        assert posted(world, one) == {"bank": 200, "provider": -200}

    def test_posts_nothing_for_nothing(self, world: World) -> None:
        assert not post_account_movement(world.uow(), movement=movement(amount=0))


class TestImport:
    def test_begins_some_days_before_the_newest_imported_movement(self, world: World) -> None:
        world.sold(Partners())
        newest = NOW + timedelta(days=3_000)  # nobody else posts so late
        post_account_movement(world.uow(), movement=movement(at=newest))
        start = find_import_start(reader=world.reader, principal=BRAND, now=newest + timedelta(days=20))
        assert start == newest.date() - timedelta(days=3)

    def test_begins_with_the_first_order_without_a_recent_one(self, world: World) -> None:
        world.sold(Partners())
        first = world.reader.find_first_order_time()
        assert first is not None
        assert find_import_start(reader=world.reader, principal=BRAND, now=NOW + timedelta(days=9_000)) == first.date()

    def test_knows_what_of_a_day_is_imported(self, world: World) -> None:
        one = movement(at=NOW + timedelta(days=4_000))
        post_account_movement(world.uow(), movement=one)
        assert list_imported(reader=world.reader, day=one.at.date()) == {(one.id, "fee")}
        assert list_imported(reader=world.reader, day=date(1999, 1, 1)) == frozenset()

    def test_is_not_for_shoppers(self, world: World) -> None:
        with pytest.raises(LedgerNotFound):
            find_import_start(reader=world.reader, principal=Principal(), now=NOW)


class TestReconciliation:
    def test_does_not_take_a_fee_for_a_payment(self, world: World) -> None:
        one = movement(at=NOW)
        post_account_movement(world.uow(), movement=one)
        report = get_reconciliation(
            reader=world.reader,
            principal=BRAND,
            payments=Books(),
            back=timedelta(hours=1),
            now=NOW + timedelta(minutes=1),
            wall_now=NOW + timedelta(minutes=1),
        )
        assert one.id not in {found.source_id for found in report.differences}
