"""The steps of an onboarding. Each probes what is there, acts if it is not, and returns what to record."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from django.db import transaction

from apps.core import clock
from apps.tenancy import keys, models
from apps.tenancy.onboarding.journal import Journal
from apps.tenancy.onboarding.registrations import describe_written, update_record
from apps.tenancy.step_runs.machine import Found, Record, Step
from apps.tenancy.tenants import TenantRecord, save_tenant, set_tenant_status
from resale.application.ports import OnboardingProviders, Pending, SmokeTest, StackRequest
from resale.domain.ids import TenantId
from resale.domain.partners import Connection
from resale.domain.policies import Policies
from resale.domain.tenant_onboarding import AccountTaken, AccountUnit, OnboardingStep, TenantRequest
from resale.domain.tenants import Resources, Tenant, TenantStatus


class IssuedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The first keys of a tenant. Their texts are stored nowhere."""

    slug: str
    publishable: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the steps of one onboarding share. ``records`` is what the steps before recorded."""

    request: TenantRequest
    tenant_id: str
    external_id: str
    providers: OnboardingProviders
    smoke: SmokeTest
    journal: Journal
    deliver: Callable[[IssuedKeys], None]
    template: str = ""  # of the stacks; empty: this release's
    records: dict[OnboardingStep, Record] = field(default_factory=dict)

    @property
    def account_id(self) -> str:
        """The account that was found or created."""
        return str(self.records[OnboardingStep.ACCOUNT]["account_id"])

    @property
    def resources(self) -> Resources:
        """The resource map that was read."""
        return msgspec.convert(self.records[OnboardingStep.OUTPUTS]["resources"], Resources)

    @property
    def stack(self) -> StackRequest:
        """The stacks of the account."""
        shop = self.providers.shops.settings_of(self.request)
        return StackRequest(
            tenant_id=self.tenant_id,
            slug=self.request.slug,
            account_id=self.account_id,
            region=self.request.region,
            external_id=self.external_id,
            sandbox=shop.sandbox,
            allowed_origins=shop.allowed_origins,
            template=self.template,
        )


class Reserve:
    """The slug; reserved with the lease, in the journal's first transaction."""

    name = OnboardingStep.RESERVE

    def probe(self, work: Work) -> Found:
        """Return the reserved id."""
        return {"tenant_id": work.tenant_id}

    def act(self, work: Work) -> Record | None:
        """Return the reserved id."""
        return {"tenant_id": work.tenant_id}


class Account:
    """The AWS account."""

    name = OnboardingStep.ACCOUNT

    def probe(self, work: Work) -> Found:
        """Search the account. Raises AccountTaken."""
        found = work.providers.accounts.find(work.request)
        if not isinstance(found, str):
            return found
        other = models.Tenant.objects.filter(account_id=found).exclude(slug=work.request.slug).first()
        if other is not None:
            raise AccountTaken(f"The account {found} belongs to the tenant {other.slug}. Name another account.")
        return {"account_id": found}

    def act(self, work: Work) -> Record | None:
        """Start to create it."""
        work.providers.accounts.create(work.request)
        return None


class OrganizationalUnit:
    """The unit of accounts that are prepared; an account of the tenants' unit stays there."""

    name = OnboardingStep.ORGANIZATIONAL_UNIT

    def probe(self, work: Work) -> Found:
        """Return the unit."""
        for unit in (AccountUnit.ONBOARDING, AccountUnit.TENANTS):
            if work.providers.accounts.is_in_unit(work.account_id, unit):
                return {"unit": unit.value}
        return None

    def act(self, work: Work) -> Record | None:
        """Move the account."""
        work.providers.accounts.move(work.account_id, AccountUnit.ONBOARDING)
        return None


class Baseline:
    """The account's Region and security baseline."""

    name = OnboardingStep.BASELINE

    def probe(self, work: Work) -> Found:
        """Return whether they are in place."""
        found = work.providers.accounts.find_baseline(work.account_id, work.request.region)
        if isinstance(found, Pending):
            return found
        return {"region": work.request.region} if found else None

    def act(self, work: Work) -> Record | None:
        """Start to enable them."""
        work.providers.accounts.apply_baseline(work.account_id, work.request.region)
        return None


class Stacks:
    """The stacks of the write Region."""

    name = OnboardingStep.STACKS

    def probe(self, work: Work) -> Found:
        """Return the version of the stacks."""
        found = work.providers.stacks.find(work.stack)
        if not isinstance(found, str):
            return found
        template = work.template or work.providers.stacks.release_template()
        return {"region": work.request.region, "version": found, "template": template}

    def act(self, work: Work) -> Record | None:
        """Start to create or update them."""
        work.providers.stacks.apply(work.stack)
        return None


class Outputs:
    """The resource map, of the stacks' present version."""

    name = OnboardingStep.OUTPUTS

    def probe(self, work: Work) -> Found:
        """Return the map if it was read from this version."""
        record = work.records.get(self.name, {})
        return record if record.get("version") == self._version(work) else None

    def act(self, work: Work) -> Record | None:
        """Read the outputs."""
        resources = work.providers.stacks.read_outputs(work.stack)
        return {"version": self._version(work), "resources": msgspec.to_builtins(resources)}

    @staticmethod
    def _version(work: Work) -> str:
        return str(work.records[OnboardingStep.STACKS]["version"])


class Smoke:
    """The smoke test. Once a tenant is registered, workers poll its queues and would take the canaries."""

    name = OnboardingStep.SMOKE

    def probe(self, work: Work) -> Found:
        """Return the result of this resource map's test."""
        record = work.records.get(self.name, {})
        if record.get("resources") == _digest(work.resources):
            return record
        return {"skipped": "the tenant is registered"} if _row_of(work) is not None else None

    def act(self, work: Work) -> Record | None:
        """Run it."""
        result = work.smoke.run(
            _tenant_of(work),
            sentinel=f"{work.request.slug}-{work.tenant_id}",
            other_external_id=external_id_of_another(work.request.slug),
        )
        return {**result, "resources": _digest(work.resources)}


class Registration:
    """The tenant's row with its connections."""

    name = OnboardingStep.REGISTRATION

    def probe(self, work: Work) -> Found:
        """Return the record if the row was written from the same values."""
        record = work.records.get(self.name, {})
        if record.get("values") != self._values(work) or _row_of(work) is None:
            return None
        return {"written": describe_written(_record_of(work), work.request), **record}

    def act(self, work: Work) -> Record | None:
        """Prepare the partners and write the row; a new tenant is suspended until the last step.

        Of an existing row only what changed since the last registration is written: the rest is the operators'.
        """
        offered = work.providers.shops.connect(work.request, account_id=work.account_id, resources=work.resources)
        record, row = _record_of(work, offered), _row_of(work)
        written = describe_written(record, work.request)
        if row is not None:
            record = update_record(record, row, request=work.request, former=self._former(work))
        save_tenant(record)
        return {"values": self._values(work), "written": written}

    def _former(self, work: Work) -> Mapping[str, Any] | None:
        """Return what the last registration wrote; None: there was none."""
        record = work.records.get(self.name)
        return record.get("written", {}) if record else None

    @staticmethod
    def _values(work: Work) -> str:
        shop = work.providers.shops.settings_of(work.request)
        return _digest((work.request, shop, work.account_id, work.external_id, work.resources))


class Keys:
    """The first API keys. Keys whose delivery was not recorded are revoked and replaced: nobody may know them."""

    name = OnboardingStep.KEYS

    def probe(self, work: Work) -> Found:
        """Return the keys' ids once they were delivered."""
        record = work.records.get(self.name, {})
        return record if record.get("delivered") else None

    def act(self, work: Work) -> Record | None:
        """Issue both and hand them over."""
        slug, lost = work.request.slug, work.records.get(self.name, {}).get("keys", ())
        with transaction.atomic():
            for key_id in lost:
                keys.revoke_api_key(key_id=key_id, now=clock.for_platform())
            publishable = keys.issue_api_key(slug=slug, kind=models.KeyKind.PUBLISHABLE)
            secret = keys.issue_api_key(slug=slug, kind=models.KeyKind.SECRET)
            issued = [publishable.id, secret.id]
            work.journal.note(self.name, {"keys": issued})
        work.deliver(IssuedKeys(slug=slug, publishable=publishable.text, secret=secret.text))
        return {"keys": issued, "delivered": True}


class Active:
    """The end: the account among the tenants', everything durable, and the tenant served."""

    name = OnboardingStep.ACTIVE

    def probe(self, work: Work) -> Found:
        """Return the record; a tenant that was suspended later stays so."""
        return work.records.get(self.name) or None

    def act(self, work: Work) -> Record | None:
        """Activate the tenant."""
        work.providers.shops.finish(work.account_id)
        work.providers.accounts.move(work.account_id, AccountUnit.TENANTS)
        set_tenant_status(slug=work.request.slug, status=TenantStatus.ACTIVE)
        return {"status": TenantStatus.ACTIVE.value}


STEPS: Final[Sequence[Step[Work]]] = (
    Reserve(),
    Account(),
    OrganizationalUnit(),
    Baseline(),
    Stacks(),
    Outputs(),
    Smoke(),
    Registration(),
    Keys(),
    Active(),
)


def _record_of(work: Work, offered: Sequence[Connection] = ()) -> TenantRecord:
    """Build the record of a new tenant."""
    request, shop = work.request, work.providers.shops.settings_of(work.request)
    market = request.shop_market
    return TenantRecord(
        slug=request.slug,
        name=request.name,
        account_id=work.account_id,
        region=request.region,
        tier=request.tier,
        currency=market.currency,
        market=market.market,
        locale=market.locale,
        commission_basis_points=request.commission_basis_points,
        oidc_issuer=shop.oidc_issuer,
        oidc_audience=shop.oidc_audience,
        allowed_origins=list(shop.allowed_origins),
        external_id=work.external_id,
        resources=work.resources,
        sandbox=shop.sandbox,
        status=models.Status.SUSPENDED,
        policies=request.policies or Policies(),
        limits=request.limits or {},
        connections=offered,
    )


def _row_of(work: Work) -> models.Tenant | None:
    return models.Tenant.objects.filter(slug=work.request.slug).first()


def _tenant_of(work: Work) -> Tenant:
    """Return the tenant as adapters know it, before it is registered."""
    request, market = work.request, work.request.shop_market
    shop = work.providers.shops.settings_of(request)
    return Tenant(
        id=TenantId(work.tenant_id),
        slug=request.slug,
        name=request.name,
        account_id=work.account_id,
        region=request.region,
        tier=request.tier,
        status=TenantStatus.SUSPENDED,
        sandbox=shop.sandbox,
        currency=market.currency,
        market=market.market,
        locale=market.locale,
        commission_basis_points=request.commission_basis_points,
        oidc_issuer=shop.oidc_issuer,
        oidc_audience=shop.oidc_audience,
        allowed_origins=shop.allowed_origins,
        external_id=work.external_id,
        resources=work.resources,
    )


def external_id_of_another(slug: str) -> str:
    """Return another tenant's external id; of the first tenant there is none, so one that nobody has."""
    other = models.Tenant.objects.exclude(slug=slug).order_by("slug").first()
    return "nobody".ljust(32, "-") if other is None else other.external_id


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()
