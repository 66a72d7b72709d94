"""Sandboxes: an account of the pool is one caller's, keys work at once, and time runs out unless it is claimed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connections

from apps.core import clock
from apps.tenancy import keys, registry
from apps.tenancy.models import OnboardingRun, Sandbox, Tenant
from apps.tenancy.sandboxes import (
    SandboxPool,
    claim_sandbox,
    expire_sandboxes,
    find_keyed_sandbox,
    list_sandboxes,
)
from apps.tenancy.step_runs.leases import LEASE
from resale.domain.command_context import CommandKey
from resale.domain.entitlements import ENTITLEMENTS, Tier
from resale.domain.sandboxes import SANDBOX_LIFETIME, SandboxExpired, SandboxNotFound, SandboxState
from resale.domain.tenant_onboarding import AccountQuotaReached, OnboardingInvalid, RegionNotSupported
from resale.domain.tenants import TenantStatus
from tests.tenancy.onboarding_world import Boundaries, Killed, Organisation, Terminal

REGION = "eu-west-2"


class Desk:
    """An operator's terminal with the pool."""

    def __init__(self, organisation: Organisation, boundaries: Boundaries | None = None) -> None:
        self.terminal = Terminal(organisation, organisation, boundaries)
        self.pool = SandboxPool(self.terminal.onboarding, say=self.terminal.lines.append, now=self.terminal.now)

    def create(self, name: str = "Trial") -> Sandbox:
        return self.pool.create(name=name, region=REGION)


@pytest.fixture
def organisation() -> Organisation:
    return Organisation()


@pytest.fixture
def desk(organisation: Organisation) -> Desk:
    return Desk(organisation)


def states() -> list[SandboxState]:
    return [one.state for one in list_sandboxes()]


@pytest.mark.django_db
class TestCreate:
    def test_an_account_of_the_pool_becomes_a_shop_with_keys_that_work(
        self, organisation: Organisation, desk: Desk
    ) -> None:
        assert desk.pool.fill(count=2, region=REGION) == 2
        assert states() == [SandboxState.READY] * 2
        assert not Tenant.objects.exists()
        accounts = dict(organisation.accounts_of)
        sandbox = desk.create("Trial")
        assert organisation.accounts_of == accounts
        tenant = registry.by_slug(sandbox.slug)
        assert (tenant.name, tenant.status, tenant.sandbox) == ("Trial", TenantStatus.ACTIVE, True)
        assert tenant.limits == ENTITLEMENTS[Tier.SANDBOX].limits
        (issued,) = desk.terminal.keys
        for text in (issued.publishable, issued.secret):
            known = registry.by_api_key_hash(keys.hash_of(text))
            assert known is not None
            assert (known.tenant, known.sandbox) == (tenant, True)
        assert sandbox.expires_at == desk.terminal.now() + SANDBOX_LIFETIME
        assert {(one.state, one.name) for one in list_sandboxes()} == {("in_use", "Trial"), ("ready", "")}

    def test_an_empty_pool_onboards_one_and_says_so(self, desk: Desk) -> None:
        sandbox = desk.create()
        assert "no account in eu-west-2 is ready: one is prepared now" in desk.terminal.lines
        assert registry.by_slug(sandbox.slug).status == TenantStatus.ACTIVE
        assert len(desk.terminal.keys) == 1

    def test_an_account_of_another_region_is_not_taken(self, desk: Desk) -> None:
        desk.pool.fill(count=1, region="us-east-1")
        assert registry.by_slug(desk.create().slug).region == REGION
        assert SandboxState.READY in states()

    def test_a_wrong_name_or_region_takes_nothing(self, desk: Desk) -> None:
        desk.pool.fill(count=1, region=REGION)
        with pytest.raises(OnboardingInvalid, match="name"):
            desk.create(" ")
        with pytest.raises(RegionNotSupported):
            desk.pool.create(name="Trial", region="mars-1")
        with pytest.raises(RegionNotSupported):
            desk.pool.fill(count=1, region="mars-1")
        assert states() == [SandboxState.READY]

    def test_one_that_was_interrupted_is_resumed_and_is_nobody_elses(self, organisation: Organisation) -> None:
        Desk(organisation).pool.fill(count=1, region=REGION)
        cut = Boundaries(3)
        with pytest.raises(Killed):
            Desk(organisation, cut).create()
        assert states() == [SandboxState.IN_USE]
        slug = Sandbox.objects.get().slug
        rerun = Desk(organisation)
        rerun.terminal.later(LEASE * 2).onboarding.resume(slug)
        assert registry.by_slug(slug).status == TenantStatus.ACTIVE
        assert len(rerun.terminal.keys) == 1
        assert rerun.create().slug != slug

    def test_a_live_shop_cannot_have_its_tier(self, desk: Desk) -> None:
        row = Tenant.objects.get(slug=desk.create().slug)
        row.sandbox = False
        with pytest.raises(ValidationError, match="live mode"):
            row.full_clean()


@pytest.mark.django_db
class TestFill:
    def test_interrupted_accounts_are_continued(self, organisation: Organisation) -> None:
        with pytest.raises(Killed):
            Desk(organisation, Boundaries(8)).pool.fill(count=2, region=REGION)
        assert states() == [SandboxState.PREPARING]
        again = Desk(organisation)
        again.terminal.later(LEASE * 2)
        assert again.pool.fill(count=2, region=REGION) == 2
        assert len(organisation.accounts_of) == 2
        assert organisation.finished == {accounts[0] for accounts in organisation.accounts_of.values()}
        assert again.pool.fill(count=2, region=REGION) == 2
        assert Sandbox.objects.count() == 2

    def test_one_that_another_process_prepares_is_left_to_it(self, organisation: Organisation) -> None:
        with pytest.raises(Killed):
            Desk(organisation, Boundaries(8)).pool.fill(count=1, region=REGION)
        beside = Desk(organisation)
        assert beside.pool.fill(count=1, region=REGION) == 1
        assert set(states()) == {SandboxState.PREPARING, SandboxState.READY}
        assert any("Another process" in line for line in beside.terminal.lines)

    def test_no_more_accounts_than_the_quota(self, organisation: Organisation, desk: Desk) -> None:
        organisation.quota = 1
        with pytest.raises(AccountQuotaReached):
            desk.pool.fill(count=2, region=REGION)
        assert sorted(states()) == [SandboxState.PREPARING, SandboxState.READY]
        organisation.quota = 2
        assert desk.pool.fill(count=2, region=REGION) == 2
        assert Sandbox.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_creations_at_once_never_take_the_same_account() -> None:
    desk, callers = Desk(Organisation()), 6
    desk.pool.fill(count=4, region=REGION)
    barrier = Barrier(callers)

    def take(_: int) -> str | None:
        barrier.wait()
        try:
            sandbox = desk.pool.take(region=REGION)
            return None if sandbox is None else sandbox.slug
        finally:
            connections.close_all()

    with ThreadPoolExecutor(callers) as threads:
        taken = list(threads.map(take, range(callers)))
    assert taken.count(None) == 2
    assert {slug for slug in taken if slug is not None} == set(OnboardingRun.objects.values_list("slug", flat=True))


@pytest.mark.django_db
class TestExpiry:
    def test_one_that_nobody_claims_is_suspended(self, desk: Desk) -> None:
        sandbox = desk.create()
        slug, end = sandbox.slug, sandbox.expires_at
        assert end is not None
        assert expire_sandboxes(now=end - timedelta(seconds=1)) == ()
        assert expire_sandboxes(now=end) == (slug,)
        assert registry.by_slug(slug).status == TenantStatus.SUSPENDED
        assert expire_sandboxes(now=end) == ()
        with pytest.raises(SandboxExpired):
            claim_sandbox(slug=slug, now=end - timedelta(seconds=1))
        assert states() == [SandboxState.EXPIRED]

    def test_one_that_was_expired_by_a_call_that_was_interrupted(self, desk: Desk) -> None:
        slug, now = desk.create().slug, desk.terminal.now()
        Sandbox.objects.update(expired_at=now)
        assert expire_sandboxes(now=now) == (slug,)

    def test_an_account_that_was_taken_and_never_used_returns_to_the_pool(self, desk: Desk) -> None:
        desk.pool.fill(count=1, region=REGION)
        key = CommandKey(key="k", request_hash="r", meaning_hash="m")
        sandbox = desk.pool.take(region=REGION, key=key)
        assert sandbox is not None
        assert sandbox.expires_at is not None
        expire_sandboxes(now=sandbox.expires_at - timedelta(seconds=1))
        assert states() == [SandboxState.IN_USE]
        assert expire_sandboxes(now=sandbox.expires_at) == ()
        assert states() == [SandboxState.READY]
        assert find_keyed_sandbox(key) is None
        assert desk.create().slug == sandbox.slug
        assert registry.by_slug(sandbox.slug).status == TenantStatus.ACTIVE

    def test_an_account_that_somebody_opens_or_has_opened_does_not_return(self, organisation: Organisation) -> None:
        Desk(organisation).pool.fill(count=2, region=REGION)
        opening = Desk(organisation, Boundaries(1, after=True))
        with pytest.raises(Killed):
            opening.create()  # its run is leased, and still paused as the pool's are
        registering = Desk(organisation, Boundaries(3))
        with pytest.raises(Killed):
            registering.create()
        Sandbox.objects.update(expires_at=opening.terminal.now())
        expire_sandboxes(now=opening.terminal.now())
        assert states() == [SandboxState.EXPIRED] * 2
        expire_sandboxes(now=opening.terminal.now() + LEASE * 2)  # the first one's process is gone
        assert sorted(states()) == [SandboxState.EXPIRED, SandboxState.READY]

    def test_one_that_is_claimed_stays(self, desk: Desk) -> None:
        slug, now = desk.create().slug, desk.terminal.now()
        for _ in range(2):  # idempotent
            claim_sandbox(slug=slug, now=now)
        assert expire_sandboxes(now=now + SANDBOX_LIFETIME * 2) == ()
        assert registry.by_slug(slug).status == TenantStatus.ACTIVE
        assert states() == [SandboxState.CLAIMED]

    def test_a_claim_after_its_time_is_too_late(self, desk: Desk) -> None:
        slug, now = desk.create().slug, desk.terminal.now()
        with pytest.raises(SandboxExpired):
            claim_sandbox(slug=slug, now=now + SANDBOX_LIFETIME)
        assert expire_sandboxes(now=now + SANDBOX_LIFETIME) == (slug,)

    def test_there_is_nothing_to_claim_in_the_pool(self, desk: Desk) -> None:
        desk.pool.fill(count=1, region=REGION)
        for slug in (Sandbox.objects.get().slug, "northwind"):
            with pytest.raises(SandboxNotFound):
                claim_sandbox(slug=slug, now=desk.terminal.now())


@pytest.mark.django_db
class TestCommand:
    def test_claim_expire_and_list(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        slug, other = desk.create("Trial").slug, desk.create().slug
        Sandbox.objects.filter(slug=slug).update(expires_at=clock.for_platform() + timedelta(days=1))
        Sandbox.objects.filter(slug=other).update(expires_at=clock.for_platform())
        call_command("sandbox", "claim", slug)
        with pytest.raises(CommandError, match="closed_unit"):  # suspended it is, all the same
            call_command("sandbox", "expire")
        call_command("sandbox", "list")
        said = capsys.readouterr().out
        assert f"{slug} is claimed" in said
        assert "claimed    eu-west-2" in said
        assert f"{other} has expired and is suspended\n1 expired\n" in said

    @pytest.mark.parametrize(
        ("words", "said"),
        [(("claim", "nobody"), "sandbox_not_found"), (("fill", "--count", "0"), "1 to 50")],
    )
    def test_refusals(self, words: tuple[str, ...], said: str) -> None:
        with pytest.raises(CommandError, match=said):
            call_command("sandbox", *words)
