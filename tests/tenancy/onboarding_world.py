"""A small organisation in memory at the onboarding ports, and a process that ends at a boundary of two writes."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.tenancy.onboarding.journal import Journal
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from resale.application.ports import Broken, Pending, ShopSettings, StackRequest
from resale.domain.partners import Connection, PartnerKind, Provider
from resale.domain.tenant_onboarding import (
    AccountDuplicated,
    AccountQuotaReached,
    AccountUnit,
    AccountUnknown,
    SmokeTestFailed,
    StackFailed,
    TenantRequest,
)
from resale.domain.tenants import Resources, Tenant
from resale.errors import Unavailable
from tests.fixtures.tenants import resources_of

REQUEST = TenantRequest(slug="third", name="Third", region="eu-west-2")
_NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Killed(BaseException):
    """The process ended here: no handler of the machine runs."""


class Organisation:
    """Accounts and stacks as AWS has them: creating twice makes two, and what is asked for takes a while."""

    poll_seconds = 5.0

    def __init__(self) -> None:
        self.accounts_of: dict[str, list[str]] = {}
        self.units: dict[str, AccountUnit] = {}
        self.baselines: set[str] = set()
        self.applied: dict[str, StackRequest] = {}
        self.templates: dict[str, str] = {}
        self.release = "1-a"  # the template of the release
        self.outputs_of = resources_of
        self.apply_fault: str | None = None
        self.finished: set[str] = set()
        self.polls_left = 0  # how often something is still being worked on
        self.quota = 10
        self.faults_left = 0  # how often a call is throttled
        self.stack_fault: str | None = None
        self.smoke_fault: str | None = None
        self.smoked: list[str] = []
        self.served: list[str] = []  # the sentinels of tests while the tenant is served

    @property
    def accounts(self) -> "Organisation":
        return self

    @property
    def stacks(self) -> "Stacks":
        return Stacks(self)

    @property
    def shops(self) -> "Organisation":
        return self

    # ---------------------------------------------------------------- accounts
    def find(self, request: TenantRequest) -> str | Pending | Broken | None:
        created = self.accounts_of.get(request.slug, [])
        if request.account_id is not None and request.account_id not in created:
            raise AccountUnknown
        if len(created) > 1:
            raise AccountDuplicated(f"Accounts {', '.join(created)} were created. Close all but one, then resume.")
        return self._waiting("the account is created") or created[0] if created else None

    def create(self, request: TenantRequest) -> None:
        if sum(map(len, self.accounts_of.values())) >= self.quota:
            raise AccountQuotaReached
        created = self.accounts_of.setdefault(request.slug, [])
        created.append(f"{len(created) + 1}{'0' * 10}{len(self.accounts_of)}")
        self.polls_left = 2

    def is_in_unit(self, account_id: str, unit: AccountUnit) -> bool:
        if self.faults_left:
            self.faults_left -= 1
            raise Unavailable("AWS Organizations is throttled.")
        return self.units.get(account_id) == unit

    def move(self, account_id: str, unit: AccountUnit) -> None:
        self.units[account_id] = unit

    def find_baseline(self, account_id: str, region: str) -> bool | Pending:
        return self._waiting(f"{region} is enabled") or account_id in self.baselines

    def apply_baseline(self, account_id: str, region: str) -> None:  # noqa: ARG002 - the port's signature
        self.baselines.add(account_id)

    # ---------------------------------------------------------------- shops
    def settings_of(self, request: TenantRequest) -> ShopSettings:
        return ShopSettings(
            oidc_issuer=f"https://issuer.example/{request.slug}",
            oidc_audience="shop",
            allowed_origins=(),
            sandbox=True,
        )

    def connect(self, request: TenantRequest, *, account_id: str, resources: Resources) -> tuple[Connection, ...]:  # noqa: ARG002
        connection = Connection(
            id="con_" + account_id.zfill(32),  # type: ignore[arg-type]
            kind=PartnerKind.PAYMENTS,
            provider=Provider.SANDBOX,
            secret_name=f"{request.slug}/payments",
            calls_per_second=1,
            concurrent_calls=1,
        )
        return (connection,)

    def finish(self, account_id: str) -> None:
        self.finished.add(account_id)

    # ---------------------------------------------------------------- the smoke test
    def run(
        self, tenant: Tenant, *, sentinel: str, other_external_id: str, is_served: bool = False
    ) -> Mapping[str, str]:
        assert other_external_id != tenant.external_id
        if self.smoke_fault is not None:
            raise SmokeTestFailed(self.smoke_fault)
        (self.served if is_served else self.smoked).append(sentinel)
        return {"bucket": tenant.resources.media_bucket}

    def _waiting(self, what: str) -> Pending | None:
        self.polls_left = max(0, self.polls_left - 1)
        return Pending(what) if self.polls_left else None


class Stacks:
    """The stacks of the organisation."""

    def __init__(self, organisation: Organisation) -> None:
        self._of = organisation

    def release_template(self) -> str:
        return self._of.release

    def applied_template(self, stack: StackRequest) -> str:
        applied = self._of.applied.get(stack.account_id)
        return "" if applied is None else applied.template or self._of.templates[stack.account_id]

    def find(self, stack: StackRequest) -> str | Pending | Broken | None:
        if self._of.stack_fault is not None and stack.account_id in self._of.applied:
            return Broken(self._of.stack_fault)
        wanted = stack.template or self._of.release
        is_current = self._of.applied.get(stack.account_id) == stack and self.applied_template(stack) == wanted
        return f"v-{wanted}" if is_current else None

    def apply(self, stack: StackRequest) -> None:
        if self._of.apply_fault is not None and not stack.template:
            raise StackFailed(self._of.apply_fault)
        self._of.applied[stack.account_id] = stack
        self._of.templates[stack.account_id] = stack.template or self._of.release

    def read_outputs(self, stack: StackRequest) -> Resources:
        return self._of.outputs_of(stack.slug, stack.account_id, stack.region)


def _kill() -> None:
    raise Killed


class Boundaries:
    """Counts the calls that pass through it; acts before the one that was chosen, or after it.

    ``act`` ends the process unless it is another one.
    """

    def __init__(self, number: int | None = None, *, after: bool = False, act: Callable[[], None] = _kill) -> None:
        self.passed: list[str] = []
        self._number = number
        self._after = after
        self._act = act

    def guard(self, thing: Any, *names: str) -> Any:
        """Return the thing with its named methods counted."""
        boundaries = self

        class Guarded:
            def __getattr__(self, name: str) -> Any:
                found = getattr(thing, name)
                return boundaries._counted(name, found) if name in names else found

        return Guarded()

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **arguments: Any) -> Any:
            self.passed.append(name)
            is_chosen = len(self.passed) == self._number
            if is_chosen and not self._after:
                self._act()
            returned = call(*args, **arguments)
            if is_chosen and self._after:
                self._act()
            return returned

        return counted


class Terminal:
    """The command's process: its machine, what it printed, and its clock, which moves only while it waits."""

    def __init__(
        self,
        providers: Any,
        smoke: Any,
        boundaries: Boundaries | None = None,
        *,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self.keys: list[IssuedKeys] = []
        self.lines: list[str] = []
        self._time = _NOON
        self._meanwhile = meanwhile
        cut = boundaries or Boundaries()
        writes = ("start", "resume", "ensure", "begin", "note", "complete", "fail", "end")
        shop_writes = ("create", "move", "apply_baseline", "connect", "finish")
        self.onboarding = Onboarding(
            _Cut(providers, cut, shop_writes),
            cut.guard(smoke, "run"),
            deliver=cut.guard(self, "deliver").deliver,
            say=self.lines.append,
            now=self.now,
            pause=self._wait,
            journal_for=lambda slug: cut.guard(Journal(slug, now=self.now), *writes),
        )

    def deliver(self, issued: IssuedKeys) -> None:
        self.keys.append(issued)

    def now(self) -> datetime:
        """The time of its clock."""
        return self._time

    def later(self, by: timedelta) -> "Terminal":
        """Move the clock."""
        self._time += by
        return self

    def _wait(self, seconds: float) -> None:
        self._time += timedelta(seconds=seconds)
        self._meanwhile()


class _Cut:
    """Providers whose writes are counted."""

    def __init__(self, providers: Any, boundaries: Boundaries, writes: tuple[str, ...]) -> None:
        self.poll_seconds = providers.poll_seconds
        self.accounts = boundaries.guard(providers.accounts, *writes)
        self.stacks = boundaries.guard(providers.stacks, "apply")
        self.shops = boundaries.guard(providers.shops, *writes)


def boundaries_of(run: Callable[[Boundaries], None]) -> Iterator[tuple[int, bool]]:
    """Count the writes of a complete run; iterate over the boundaries, before and after each."""
    counting = Boundaries()
    run(counting)
    yield from ((number, after) for number in range(1, len(counting.passed) + 1) for after in (False, True))
