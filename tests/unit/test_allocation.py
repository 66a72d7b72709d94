"""Amounts split in proportion: whole minor units, whatever comes first."""

from hypothesis import given
from hypothesis import strategies as st

from resale.domain.money import allocate

_WEIGHTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=5).filter(lambda weights: sum(weights) > 0)


@st.composite
def splits(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """A whole, and amounts that are taken from it one after the other till nothing is left."""
    weights = draw(_WEIGHTS)
    left, amounts = sum(weights), list[int]()
    while left:
        amounts.append(draw(st.integers(1, left)) if len(amounts) < 8 else left)
        left -= amounts[-1]
    return weights, amounts


class TestAllocate:
    @given(splits())
    def test_never_strays_from_the_proportion_of_the_whole(self, split: tuple[list[int], list[int]]) -> None:
        weights, amounts = split
        total, before = sum(weights), [0] * len(weights)
        for amount in amounts:
            shares = allocate(amount, weights, given=before)
            assert sum(shares) == amount
            assert min(shares) >= 0
            before = [one + share for one, share in zip(before, shares, strict=True)]
            assert all(one <= weight for one, weight in zip(before, weights, strict=True))
            exact = [sum(before) * weight for weight in weights]
            assert all(abs(one * total - at) < 2 * total for one, at in zip(before, exact, strict=True))
        assert before == weights

    def test_many_small_parts_take_the_commission_with_them(self) -> None:
        before = (0, 0)
        for _ in range(20):
            shares = allocate(1, (6_000, 4_000), given=before)
            before = (before[0] + shares[0], before[1] + shares[1])
        assert before == (12, 8)

    def test_of_nothing_is_nothing(self) -> None:
        assert allocate(0, (0, 0), given=(0, 0)) == (0, 0)
