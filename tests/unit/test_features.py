"""Who has a feature: waves of the tenants that are reached by themselves, and the choices of the others."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from resale.domain.entitlements import ENTITLEMENTS, Delivery, Tier
from resale.domain.features import (
    FEATURES,
    Choice,
    Feature,
    FeatureNotChosen,
    FeatureNotFound,
    FeaturePinRefused,
    Release,
    Subscriber,
    check_choice,
    check_pin,
    feature_named,
    features_of,
)
from resale.domain.waves import EVERY_PLACE, Wave, place_of, reach_of

RELISTING = Feature.RELISTING
DECLARED = FEATURES[RELISTING]
TODAY = DECLARED.latest - timedelta(days=60)
BEFORE = DECLARED.since - timedelta(days=1)
SLUGS = [f"shop-{number}" for number in range(50)]


def has(  # noqa: PLR0913 - what decides
    *,
    slug: str = "northwind",
    tier: Tier = Tier.STANDARD,
    in_ring: bool = False,
    registered_on: date = BEFORE,
    choice: Choice | None = None,
    release: Release | None = None,
    today: date = TODAY,
) -> bool:
    choices = {} if choice is None else {RELISTING.value: choice}
    subscriber = Subscriber(slug=slug, tier=tier, in_ring=in_ring, registered_on=registered_on, choices=choices)
    releases = {} if release is None else {RELISTING.value: release}
    return RELISTING in features_of(subscriber, releases, today=today)


def released(wave: Wave) -> Release:
    return Release(wave, reach_of(wave, [place_of(slug, RELISTING) for slug in SLUGS]))


class TestWaves:
    @pytest.mark.parametrize(("wave", "count"), [("none", 0), ("ring", 0), ("canary", 1), ("tenth", 5), ("all", 50)])
    def test_each_reaches_its_part(self, wave: str, count: int) -> None:
        assert sum(has(slug=slug, release=released(Wave(wave))) for slug in SLUGS) == count

    def test_each_contains_the_one_before(self) -> None:
        reached = [{slug for slug in SLUGS if has(slug=slug, release=released(wave))} for wave in Wave]
        assert all(smaller <= larger for smaller, larger in pairwise(reached))

    def test_the_ring_is_first_in_every_wave_but_none(self) -> None:
        assert [has(in_ring=True, release=released(wave)) for wave in Wave] == [False, True, True, True, True]

    def test_a_tenth_of_few_is_one(self) -> None:
        assert reach_of(Wave.TENTH, [7, 5]) == 6

    def test_of_no_tenants_nobody_is_reached(self) -> None:
        assert reach_of(Wave.CANARY, []) == 0

    def test_places_are_stable_and_differ_by_feature(self) -> None:
        assert place_of("northwind", "relisting") == 232_547_316
        assert place_of("northwind", "other") != place_of("northwind", "relisting")
        assert all(0 <= place_of(slug, "relisting") < EVERY_PLACE for slug in SLUGS)

    def test_what_nobody_released_has_its_default(self) -> None:
        assert all(has(slug=slug) for slug in SLUGS)


class TestChoices:
    def test_an_older_premium_tenant_has_none_until_it_opts_in(self) -> None:
        assert not has(tier=Tier.PREMIUM)
        assert has(tier=Tier.PREMIUM, choice=Choice(opted_in=True))
        assert has(tier=Tier.PREMIUM, choice=Choice(opted_in=True), release=released(Wave.NONE))

    def test_a_newer_one_has_what_is_released_to_all(self) -> None:
        assert has(tier=Tier.PREMIUM, registered_on=DECLARED.since)
        assert not has(tier=Tier.PREMIUM, registered_on=DECLARED.since, release=released(Wave.TENTH))

    def test_a_pin_holds_to_the_end_of_its_day(self) -> None:
        pinned = Choice(opted_in=True, pinned_until=TODAY)
        assert not has(tier=Tier.PREMIUM, choice=pinned)
        assert has(tier=Tier.PREMIUM, choice=pinned, today=TODAY + timedelta(days=1))

    def test_from_the_last_date_everybody_has_it(self) -> None:
        pinned = Choice(pinned_until=DECLARED.latest)
        late = {"release": released(Wave.NONE), "today": DECLARED.latest}
        assert has(tier=Tier.PREMIUM, choice=pinned, **late)  # type: ignore[arg-type]
        assert has(**late)  # type: ignore[arg-type]

    def test_standard_tenants_choose_nothing(self) -> None:
        assert not has(choice=Choice(opted_in=True), release=released(Wave.NONE))
        with pytest.raises(FeatureNotChosen):
            check_choice(Tier.STANDARD)
        check_choice(Tier.PREMIUM)

    @pytest.mark.parametrize("until", [TODAY - timedelta(days=1), DECLARED.latest, date(2099, 1, 1)])
    def test_a_pin_is_before_the_last_date_and_not_past(self, until: date) -> None:
        with pytest.raises(FeaturePinRefused):
            check_pin(RELISTING, until=until, today=TODAY)

    def test_a_name_that_is_none_is_refused(self) -> None:
        with pytest.raises(FeatureNotFound, match="relisting"):
            feature_named("relist")


class TestDeclarations:
    def test_there_is_one_of_each(self) -> None:
        assert set(FEATURES) == set(Feature)

    def test_a_default_needs_no_count_of_tenants(self) -> None:
        assert {one.default_wave for one in FEATURES.values()} <= {Wave.NONE, Wave.RING, Wave.ALL}

    def test_each_ends_after_it_began(self) -> None:
        assert all(one.since < one.latest for one in FEATURES.values())

    def test_somebody_is_reached_by_waves(self) -> None:
        assert {one.delivery for one in ENTITLEMENTS.values()} == set(Delivery)
