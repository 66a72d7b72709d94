"""Which transfers a payout takes: debts, and earnings as far as the balance covers them."""

import pytest

from resale.domain.ids import TransferId
from resale.domain.transfers import Transfer, TransferCommand, TransferStatus, payable, transition_transfer
from tests.unit.builders import NOW, a_transfer


def transfers(*amounts: int, frozen: tuple[int, ...] = ()) -> tuple[Transfer, ...]:
    return tuple(
        a_transfer(id=TransferId(f"trf_{at:032x}"), amount=amount, is_frozen=amount in frozen)
        for at, amount in enumerate(amounts)
    )


def chosen(found: tuple[Transfer, ...], *, balance: int, limit: int = 4, **fields: int) -> list[int] | None:
    paid = payable(found, balance=balance, limit=limit, **fields)
    return None if paid is None else [transfer.amount for transfer in paid]


class TestPayable:
    def test_takes_debts_first_and_all_that_the_balance_covers(self) -> None:
        assert chosen(transfers(100, -30, 50), balance=120) == [-30, 100, 50]

    def test_takes_what_is_exactly_the_balance(self) -> None:
        assert chosen(transfers(100), balance=100) == [100]

    def test_takes_one_minor_unit(self) -> None:
        assert chosen(transfers(1), balance=1) == [1]

    def test_leaves_what_the_balance_does_not_cover_and_takes_what_follows(self) -> None:
        assert chosen(transfers(100, 60, 30), balance=95) == [60, 30]

    def test_leaves_what_is_frozen_and_what_is_nothing(self) -> None:
        assert chosen(transfers(100, 0, 60, frozen=(100,)), balance=500) == [60]

    def test_takes_a_debt_although_it_is_frozen(self) -> None:
        assert chosen(transfers(-30, 100, frozen=(-30,)), balance=70) == [-30, 100]

    def test_pays_nothing_when_there_is_nothing(self) -> None:
        assert chosen(transfers(), balance=100) is None
        assert chosen(transfers(0), balance=100) is None
        assert chosen(transfers(100), balance=99) is None
        assert chosen(transfers(-100, 100), balance=0) is None

    def test_takes_no_more_than_one_payout_can_have(self) -> None:
        assert chosen(transfers(1, 2, 3, 4, 5), balance=15) == [1, 2, 3, 4]
        assert chosen(transfers(9, 9, -1, -1, -1), balance=16) == [-1, -1, 9, 9]

    def test_takes_more_debts_if_the_earnings_are_not_enough_for_fewer(self) -> None:
        # Two debts leave room for 10, which is less than any earning; with a third there is room for one.
        assert chosen(transfers(-5, -5, -5, 15), balance=0) is None
        assert chosen(transfers(-5, -5, -5, 20), balance=5) == [-5, -5, -5, 20]

    def test_never_fills_a_payout_with_debts_alone(self) -> None:
        assert chosen(transfers(-1, -1, -1, -1, 6), balance=2) is None
        assert chosen(transfers(-1, -1, -1, -1, 5), balance=2) == [-1, -1, -1, 5]

    def test_does_without_debts_that_no_earning_covers(self) -> None:
        # 30 can be paid; with debts of 40 and one earning of 20 the sum would be below zero.
        assert chosen(transfers(-20, -20, 20), balance=30) == [20]

    @pytest.mark.parametrize(
        ("carried", "balance", "amounts"),
        [(20, 120, [100]), (-20, 80, [100]), (30, 120, []), (-100, 0, None), (-99, 1, [100])],
    )
    def test_pays_what_is_carried_with_them(self, carried: int, balance: int, amounts: list[int] | None) -> None:
        assert chosen(transfers(100), balance=balance, carried=carried) == amounts


class TestTransition:
    def test_is_the_next_version_in_the_status_of_the_command(self) -> None:
        released = transition_transfer(a_transfer(version=3), TransferCommand.RELEASE, now=NOW)
        assert (released.status, released.version) == (TransferStatus.AVAILABLE, 4)
