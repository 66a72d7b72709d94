"""Rollouts of a test: a platform with tenants that were onboarded, their dead letters, and the time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apps.tenancy.models import TenantUpgrade
from apps.tenancy.upgrades.rollout import Rollouts
from apps.tenancy.upgrades.schedule import RolloutSchedule
from resale.domain.tenant_onboarding import TenantRequest
from resale.domain.tenants import Tenant as KnownTenant
from resale.domain.waves import Wave, place_of
from tests.tenancy.onboarding_world import Boundaries, Organisation, Terminal

SLUGS = ("first", "second", "third")


class Platform:
    """A terminal with rollouts, and the dead letters of each tenant."""

    def __init__(
        self, organisation: Organisation, boundaries: Boundaries | None = None, *, bake_seconds: float = 60
    ) -> None:
        self.organisation = organisation
        self.terminal = Terminal(organisation, organisation, boundaries)
        self.errors: dict[str, int] = {}
        self.errors_after: dict[str, int] = {}  # what a bake time brings
        self.baked: list[float] = []
        self.lines: list[str] = []
        self.now = datetime(2026, 12, 1, 12, tzinfo=UTC)
        self.as_counted: Callable[[KnownTenant], None] = lambda _: None
        self.as_baked: Callable[[], None] = lambda: None
        self.rollouts = Rollouts(
            self.terminal.onboarding,
            count_errors=self._count,
            bake_seconds=bake_seconds,
            say=self.lines.append,
            now=lambda: self.now,
            pause=self._bake,
        )
        self.schedule = RolloutSchedule(self.rollouts, count_errors=self._count, now=lambda: self.now)

    def _count(self, tenant: KnownTenant) -> int:
        self.as_counted(tenant)
        return self.errors.get(tenant.slug, 0)

    def _bake(self, seconds: float) -> None:
        self.baked.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.as_baked()
        self.errors.update(self.errors_after)

    def roll_out(self, wave: Wave = Wave.ALL, *, keeps_templates: bool = False) -> None:
        self.rollouts.start(wave=wave, keeps_templates=keeps_templates)

    def advance(self, *, after_hours: float = 0) -> str:
        self.now += timedelta(hours=after_hours)
        return self.schedule.advance()


def organisation_of(*slugs: str) -> Organisation:
    """Tenants that were onboarded with the template 1-a; the release has 1-b."""
    organisation = Organisation()
    for slug in slugs:
        request = TenantRequest(slug=slug, name=slug, region="eu-west-2")
        Terminal(organisation, organisation).onboarding.start(request)
    organisation.release = "1-b"
    return organisation


def templates(organisation: Organisation) -> dict[str, str]:
    return {slug: organisation.templates[accounts[0]] for slug, accounts in organisation.accounts_of.items()}


def states() -> dict[str, str]:
    return dict(TenantUpgrade.objects.values_list("tenant__slug", "state"))


def in_order() -> list[str]:
    return sorted(SLUGS, key=lambda slug: place_of(slug, "1-b"))
