"""Which worker services poll which tenants: two for each, stable, and rarely the same two."""

from collections import Counter
from itertools import combinations
from math import comb

import pytest

from resale.domain.worker_shards import MAX_SERVICES, WorkerShard, services_of, worker_shard_of

SLUGS = [f"shop-{number}" for number in range(500)]
_PAIRS = comb(len(SLUGS), 2)


class TestServices:
    @pytest.mark.parametrize("count", [1, 2, 3, 5, 8, MAX_SERVICES])
    def test_each_tenant_is_polled_by_exactly_two_or_the_only_one(self, count: int) -> None:
        shards = [WorkerShard(number, count) for number in range(1, count + 1)]
        assert {sum(shard.polls(slug) for shard in shards) for slug in SLUGS} == {min(count, 2)}

    def test_by_default_one_polls_all(self) -> None:
        assert all(WorkerShard().polls(slug) for slug in SLUGS)

    def test_the_choice_never_changes(self) -> None:
        assert [sorted(services_of(slug, 8)) for slug in ("northwind", "atelier", "shop-1")] == [[1, 4], [1, 5], [7, 8]]

    @pytest.mark.parametrize("count", [2, 4, 8])
    def test_one_service_more_moves_no_tenant_between_the_others(self, count: int) -> None:
        before, after = ({slug: services_of(slug, size) for slug in SLUGS} for size in (count, count + 1))
        assert all(after[slug] - before[slug] <= {count + 1} for slug in SLUGS)
        assert all(before[slug] & after[slug] for slug in SLUGS)  # somebody polls it while services restart
        moved = sum(before[slug] != after[slug] for slug in SLUGS)
        assert moved == pytest.approx(len(SLUGS) * 2 / (count + 1), rel=0.2)

    @pytest.mark.parametrize(("count", "both"), [(4, 1 / 6), (8, 1 / 28), (16, 1 / 120)])
    def test_two_tenants_rarely_share_both(self, count: int, both: float) -> None:
        shared = sum(services_of(one, count) == services_of(other, count) for one, other in combinations(SLUGS, 2))
        assert shared / _PAIRS == pytest.approx(both, rel=0.1)

    def test_the_services_have_about_equally_many(self) -> None:
        counts = Counter(number for slug in SLUGS for number in services_of(slug, 8))
        assert max(counts.values()) < 1.25 * 125
        assert min(counts.values()) > 0.75 * 125


class TestForm:
    @pytest.mark.parametrize("text", ["1/1", "3/8", "64/64"])
    def test_is_a_number_of_a_count(self, text: str) -> None:
        shard = worker_shard_of(text)
        assert f"{shard.number}/{shard.count}" == text

    @pytest.mark.parametrize(
        "text", ["", "3", "0/8", "9/8", "3/0", "1/65", "1/100", "3 / 8", "3/8/1", "-1/8", "a/b", "٣/8"]
    )
    def test_another_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="such as 3/8"):
            worker_shard_of(text)
