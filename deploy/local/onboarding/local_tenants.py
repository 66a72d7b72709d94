"""Onboarding of the demo brands by ``make run``, and of the tenants that were onboarded in earlier runs."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from django.conf import settings
from django.db.models import QuerySet

from apps.tenancy.models import Status, Tenant
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from apps.tenancy.onboarding_tables import OnboardingRecord, OnboardingRun
from deploy.local.brands import BRANDS, PLATFORM_ACCOUNT, PLATFORM_REGION, Brand
from deploy.local.engines.local import LocalEngines
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.providers import LocalPlace, LocalProviders
from deploy.local.private_files import Secrets, save
from deploy.local.provisioning.platform import ensure_platform_key
from deploy.local.services import Addresses
from resale.bootstrap import Container
from resale.domain.entitlements import UNLIMITED
from resale.domain.tenant_onboarding import OnboardingStep, TenantRequest
from resale.errors import Outcome

Say = Callable[[str], None]


class LocalTenants:
    """The tenants of one data folder, onboarded by the process that supervises its engines.

    ``secrets`` gets the platform's key and the texts of new API keys; each is saved at once.
    """

    def __init__(self, engines: LocalEngines, addresses: Addresses, secrets: Secrets, *, say: Say) -> None:
        self._engines = engines
        self._secrets = secrets
        self._say = say
        self._files = AccountFiles(engines.data_dir)
        self._place = LocalPlace(
            var=engines.data_dir,
            platform_account=PLATFORM_ACCOUNT,
            aws_url=addresses.aws_url,
            base_url=addresses.base_url,
            issuer_base_url=addresses.issuer_url,
            origins=addresses.origins,
        )

    def onboard(self) -> None:
        """Onboard the demo brands, and apply the templates again in every other account. Idempotent.

        Raises:
            Outcome: A brand could not be onboarded.
        """
        self._secrets.platform_key = ensure_platform_key(
            aws_url=self._place.aws_url,
            account_id=PLATFORM_ACCOUNT,
            region=PLATFORM_REGION,
            known=self._secrets.platform_key,
        )
        save(self._place.secrets_file, self._secrets)
        self._files.begin_session(uuid.uuid4().hex)
        self._files.save_endpoints(self._engines.dynamodb_endpoints)
        providers = LocalProviders(self._place, finish=lambda _account_id: None)  # all are saved together below
        with self._container() as container:
            onboarding = Onboarding(providers, container.smoke_test(), deliver=self._keep_keys, say=lambda _line: None)
            for brand in BRANDS:
                if brand.slug in _list_closed():
                    self._say(f"  {brand.slug}: was offboarded, and is closed")
                else:
                    onboarding.ensure(request_of(brand))
            self._renew_others(onboarding)
        for gap in dict.fromkeys(providers.stacks.gaps):
            self._say(f"  on this machine: {gap}")
        self._save_once()

    def _renew_others(self, onboarding: Onboarding) -> None:
        """Apply the templates to tenants of earlier runs; one's failure is its own."""
        brands = [brand.slug for brand in BRANDS]
        running = self._engines.dynamodb_endpoints
        reachable = {one.slug for one in self._files.accounts() if one.account_id in running}
        for run in OnboardingRun.objects.filter(records__in=_done()).exclude(slug__in=[*brands, *_list_closed()]):
            if run.slug not in reachable:
                self._say(f"  {run.slug}: its account is not among the accounts of this folder")
                continue
            try:
                onboarding.resume(run.slug)
            except Outcome as outcome:
                self._say(f"  {run.slug}: {outcome.detail}")

    def _keep_keys(self, issued: IssuedKeys) -> None:
        kept = self._secrets.brands[issued.slug]
        kept.publishable_key, kept.secret_key = issued.publishable, issued.secret
        save(self._place.secrets_file, self._secrets)

    @contextmanager
    def _container(self) -> Iterator[Container]:
        """Open a container with the platform's key; the SDK reads the engines' endpoint from the environment."""
        key = self._secrets.platform_key
        assert key is not None  # noqa: S101 - set by onboard
        before = os.environ.get("AWS_ENDPOINT_URL")
        os.environ["AWS_ENDPOINT_URL"] = self._place.aws_url
        container = Container(
            msgspec.structs.replace(
                settings.RESALE,
                access_key_id=key.access_key_id,
                secret_access_key=key.secret_access_key,
                dynamodb_endpoints=dict(self._engines.dynamodb_endpoints),
            )
        )
        try:
            yield container
        finally:
            container.close()
            os.environ.pop("AWS_ENDPOINT_URL")
            if before is not None:
                os.environ["AWS_ENDPOINT_URL"] = before

    def _save_once(self) -> None:
        """Restart ministack cleanly if keys, roles, queues or secrets are new, so that it writes its state.

        A crash would otherwise take the key away that wraps everybody's data keys.
        """
        outputs = [sorted(self._files.outputs(one.account_id)[1].items()) for one in self._files.accounts()]
        connections = sorted(
            (slug, repr(sorted(one.connections.items()))) for slug, one in self._secrets.brands.items()
        )
        trust = sorted(OnboardingRun.objects.values_list("slug", "external_id"))
        content = repr((outputs, trust, self._secrets.platform_key, connections))
        digest = hashlib.sha256(content.encode()).hexdigest()
        marker = self._engines.ministack_files.folder / "provisioned"
        if marker.exists() and marker.read_text() == digest:
            return
        self._engines.restart_ministack()
        marker.write_text(digest)


def _done() -> QuerySet[OnboardingRecord]:
    """Return the last steps that were completed once; a later renewal of such a tenant can have failed."""
    return OnboardingRecord.objects.filter(step=OnboardingStep.ACTIVE, finished_at__isnull=False)


def _list_closed() -> tuple[str, ...]:
    """Return the slugs of tenants that were offboarded, or are being."""
    return tuple(Tenant.objects.filter(status__in=(Status.CLOSING, Status.CLOSED)).values_list("slug", flat=True))


def add_brands(files: AccountFiles) -> tuple[str, ...]:
    """Create the accounts of the demo brands; return the ids of all accounts."""
    for brand in BRANDS:
        files.add(brand.slug, account_id=brand.account_id)
    return tuple(account.account_id for account in files.accounts())


def request_of(brand: Brand) -> TenantRequest:
    """Return what is requested for a demo brand."""
    return TenantRequest(
        slug=brand.slug,
        name=brand.name,
        region=brand.region,
        account_id=brand.account_id,
        market=brand.market,
        currency=brand.currency,
        locale=brand.locale,
        commission_basis_points=brand.commission_basis_points,
        oidc_audience=brand.audience,
        policies=brand.policies,
        limits=msgspec.structs.asdict(UNLIMITED),  # it is this machine, and nobody's neighbour
    )
