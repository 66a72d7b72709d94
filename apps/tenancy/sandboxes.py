"""Sandboxes: accounts prepared in a pool, taken out of it by one conditional write, and expired unless claimed."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from apps.core import clock
from apps.tenancy.models import OnboardingRun, Sandbox, Status, Tenant
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.onboarding_tables import RunState
from apps.tenancy.tenants import set_tenant_status
from resale.application.ports import IdempotencyConflict
from resale.application.queries.idempotency import check_same_request
from resale.domain.command_context import CommandKey
from resale.domain.sandboxes import (
    SANDBOX_LIFETIME,
    SANDBOX_PREFIX,
    SandboxExpired,
    SandboxNotFound,
    SandboxPoolEmpty,
    SandboxState,
    request_sandbox,
)
from resale.domain.tenant_onboarding import OnboardingInProgress, OnboardingStep, TenantRequest, check_request
from resale.domain.tenants import TenantStatus

Say = Callable[[str], None]

#: The last step of an account in the pool: what follows depends on who takes it.
_POOLED: Final = OnboardingStep.SMOKE
_RANDOM_BYTES: Final = 4


class SandboxView(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox as the list shows it. ``name`` is empty while its account is in the pool."""

    slug: str
    name: str
    region: str
    state: SandboxState
    expires_at: datetime | None


class OpenSandbox(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox that is in use, as its operator gets it."""

    slug: str
    name: str
    region: str
    expires_at: datetime | None
    oidc_issuer: str
    oidc_audience: str


class SandboxPool:
    """The pool of prepared accounts, on one platform."""

    def __init__(self, onboarding: Onboarding, *, say: Say, now: Callable[[], datetime] = clock.for_platform) -> None:
        """Store the parts. ``say`` receives a line for each account that is prepared."""
        self._onboarding = onboarding
        self._say = say
        self._now = now

    def fill(self, *, count: int, region: str) -> int:
        """Prepare accounts until ``count`` of a Region are ready; return how many are. Resumes interrupted ones first.

        Raises:
            Outcome: An account could not be prepared; the next call resumes it.
        """
        for slug in _pool(region).exclude(slug__in=_list_paused()).values_list("slug", flat=True):
            if self._ready_count(region) >= count:
                break
            self._prepare(slug, region)
        while self._ready_count(region) < count:
            slug = _new_slug()
            check_request(request_sandbox(slug=slug, region=region))
            Sandbox.objects.create(slug=slug, region=region, created_at=self._now())
            self._prepare(slug, region)
        return self._ready_count(region)

    def create(self, *, name: str, region: str) -> Sandbox:
        """Open a sandbox in an account of the pool; if none is ready, prepare one now. Its keys are delivered.

        Raises:
            Outcome: It could not be opened. The sandbox is taken, and its onboarding can be resumed.
        """
        request = request_sandbox(slug=_new_slug(), region=region, name=name)
        check_request(request)
        sandbox = self.take(region=region)
        if sandbox is None:
            self._say(f"no account in {region} is ready: one is prepared now")
            sandbox = self._create_taken(request.slug, region)
        self._say(f"{sandbox.slug} is opened; if this is interrupted: manage.py onboard_tenant {sandbox.slug} --resume")
        self.open(sandbox.slug, name=name)
        return sandbox

    def take(self, *, region: str, key: CommandKey | None = None) -> Sandbox | None:
        """Take the oldest account that is ready out of the pool, for one caller; None: none is.

        Raises:
            IdempotencyConflict: The key took one before.
        """
        now = self._now()
        for slug in _ready(region).values_list("slug", flat=True):
            free = Sandbox.objects.filter(slug=slug, taken_at=None)
            try:
                with transaction.atomic():
                    taken = free.update(taken_at=now, expires_at=now + SANDBOX_LIFETIME, **_columns_of(key))
            except IntegrityError as used:
                raise IdempotencyConflict from used
            if taken:
                return Sandbox.objects.get(slug=slug)
        return None

    def take_or_refuse(self, *, name: str, region: str | None, key: CommandKey | None) -> str:
        """Take an account for a request that cannot wait until one is prepared; return its slug.

        Raises:
            OnboardingInvalid, RegionNotSupported: The name or the Region is not valid.
            SandboxPoolEmpty: No account is ready.
            IdempotencyConflict: The key took one before.
        """
        chosen = region or str(settings.RESALE.platform_region)
        check_request(request_sandbox(slug=_new_slug(), region=chosen, name=name))
        sandbox = self.take(region=chosen, key=key)
        if sandbox is None:
            raise SandboxPoolEmpty(
                f"No prepared account is free in {chosen} at the moment. Retry later.", retry_after_seconds=60
            )
        return sandbox.slug

    def open_if_interrupted(self, slug: str, *, name: str) -> None:
        """Complete the onboarding of a sandbox that was taken, unless it is complete. Raises Outcome.

        The keys of the interrupted call went with its response, so they are revoked and others are delivered.
        """
        if not OnboardingRun.objects.filter(slug=slug, state=RunState.ACTIVE).exists():
            self._onboarding.ensure(_request_of(slug, name), is_delivery_lost=True)

    def open(self, slug: str, *, name: str) -> None:
        """Complete the onboarding of a sandbox that was taken. Raises Outcome."""
        self._onboarding.ensure(_request_of(slug, name))

    def _prepare(self, slug: str, region: str) -> None:
        """Onboard an account up to its smoke test; one that another process prepares is left to it."""
        self._say(f"{slug}: preparing an account in {region}")
        try:
            if OnboardingRun.objects.filter(slug=slug).exists():
                self._onboarding.resume(slug, until=_POOLED)
            else:
                self._onboarding.start(request_sandbox(slug=slug, region=region), until=_POOLED)
        except OnboardingInProgress as outcome:
            self._say(f"{slug}: {outcome.detail}")
        else:
            self._onboarding.save(slug)
            self._say(f"{slug}: ready")

    def _create_taken(self, slug: str, region: str) -> Sandbox:
        now = self._now()
        return Sandbox.objects.create(
            slug=slug, region=region, created_at=now, taken_at=now, expires_at=now + SANDBOX_LIFETIME
        )

    @staticmethod
    def _ready_count(region: str) -> int:
        return _ready(region).count()


def find_keyed_sandbox(key: CommandKey) -> str | None:
    """Return the slug of the sandbox that an Idempotency-Key took; None for a new key. Raises IdempotencyMismatch."""
    sandbox = Sandbox.objects.filter(idempotency_key=key.key).first()
    if sandbox is None:
        return None
    check_same_request(key=key, request_hash=sandbox.request_hash, meaning_hash=sandbox.meaning_hash)
    return sandbox.slug


def get_open_sandbox(slug: str) -> OpenSandbox:
    """Return a sandbox that is in use. Raises SandboxNotFound."""
    sandbox, tenant = Sandbox.objects.filter(slug=slug).first(), Tenant.objects.filter(slug=slug).first()
    if sandbox is None or tenant is None:
        raise SandboxNotFound
    return OpenSandbox(
        slug=slug,
        name=tenant.name,
        region=tenant.region,
        expires_at=sandbox.expires_at,
        oidc_issuer=tenant.oidc_issuer,
        oidc_audience=tenant.oidc_audience,
    )


def claim_sandbox(*, slug: str, now: datetime) -> None:
    """Keep a sandbox: it does not expire any more. Idempotent.

    Raises:
        SandboxNotFound: No sandbox with this slug is in use.
        SandboxExpired: It has expired.
    """
    current = Sandbox.objects.filter(slug=slug, expired_at=None, expires_at__gt=now)
    if current.update(claimed_at=now, expires_at=None):
        return
    sandbox = Sandbox.objects.filter(slug=slug).exclude(taken_at=None).first()
    if sandbox is None:
        raise SandboxNotFound(f"No sandbox {slug} is in use. `manage.py sandbox list` has all of them.")
    if sandbox.claimed_at is None:
        raise SandboxExpired(f"The sandbox {slug} has expired and cannot be claimed. Create another one.")


def expire_sandboxes(*, now: datetime) -> tuple[str, ...]:
    """Suspend the sandboxes whose time is over, here immediately and everywhere within 30 s; return their slugs.

    Idempotent. One that was expired by a call that was interrupted is suspended by the next. An account that was taken
    and never used returns to the pool.
    """
    Sandbox.objects.filter(expires_at__lte=now, claimed_at=None, expired_at=None).update(expired_at=now)
    _return_unused(now=now)
    expired = Sandbox.objects.exclude(expired_at=None).values_list("slug", flat=True)
    active = Tenant.objects.filter(slug__in=expired, status=Status.ACTIVE).values_list("slug", flat=True)
    suspended = tuple(active)
    for slug in suspended:
        set_tenant_status(slug=slug, status=TenantStatus.SUSPENDED)
    return suspended


def _return_unused(*, now: datetime) -> None:
    """Return the expired accounts to the pool whose onboarding was not continued since they were taken."""
    expired = Sandbox.objects.exclude(expired_at=None)
    with transaction.atomic():
        paused = _list_paused().filter(Q(lease_until=None) | Q(lease_until__lte=now), slug__in=expired.values("slug"))
        locked = set(paused.select_for_update())
        unused = locked - set(Tenant.objects.filter(slug__in=locked).values_list("slug", flat=True))
        expired.filter(slug__in=unused).update(
            taken_at=None, expires_at=None, expired_at=None, idempotency_key=None, request_hash="", meaning_hash=""
        )


def list_leaving() -> tuple[str, ...]:
    """List the expired sandboxes that are not closed yet, oldest first; one without a tenant was never opened."""
    expired = Sandbox.objects.exclude(expired_at=None).values_list("slug", flat=True)
    open_ = set(Tenant.objects.filter(slug__in=expired).exclude(status=Status.CLOSED).values_list("slug", flat=True))
    return tuple(slug for slug in expired if slug in open_)


def list_sandboxes() -> tuple[SandboxView, ...]:
    """List all sandboxes and the accounts of the pool, oldest first."""
    names = dict(Tenant.objects.filter(slug__startswith=SANDBOX_PREFIX).values_list("slug", "name"))
    paused = set(_list_paused())
    return tuple(
        SandboxView(
            slug=sandbox.slug,
            name=names.get(sandbox.slug, ""),
            region=sandbox.region,
            state=_state_of(sandbox, is_paused=sandbox.slug in paused),
            expires_at=sandbox.expires_at,
        )
        for sandbox in Sandbox.objects.all()
    )


def _state_of(sandbox: Sandbox, *, is_paused: bool) -> SandboxState:
    if sandbox.expired_at is not None:
        return SandboxState.EXPIRED
    if sandbox.claimed_at is not None:
        return SandboxState.CLAIMED
    if sandbox.taken_at is not None:
        return SandboxState.IN_USE
    return SandboxState.READY if is_paused else SandboxState.PREPARING


def _columns_of(key: CommandKey | None) -> dict[str, str]:
    if key is None:
        return {}
    return {"idempotency_key": key.key, "request_hash": key.request_hash, "meaning_hash": key.meaning_hash}


def _request_of(slug: str, name: str) -> TenantRequest:
    return request_sandbox(slug=slug, region=Sandbox.objects.get(slug=slug).region, name=name)


def _new_slug() -> str:
    return SANDBOX_PREFIX + secrets.token_hex(_RANDOM_BYTES)


def _pool(region: str) -> QuerySet[Sandbox]:
    return Sandbox.objects.filter(region=region, taken_at=None)


def _ready(region: str) -> QuerySet[Sandbox]:
    return _pool(region).filter(slug__in=_list_paused())


def _list_paused() -> QuerySet[OnboardingRun, str]:
    """Return the slugs of the onboardings that are paused where the pool's are."""
    return OnboardingRun.objects.filter(state=RunState.PAUSED, step=_POOLED.value).values_list("slug", flat=True)
