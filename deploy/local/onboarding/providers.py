"""The onboarding providers of the local platform."""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.issuer.keys import IssuerKeys
from deploy.local.issuer.tokens import issuer_url
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.private_files import change_secrets
from deploy.local.provisioning.concessions import Gap
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.provisioning.platform import platform_principal_arn
from deploy.local.provisioning.secrets import SecretPlace, put_secret
from deploy.local.provisioning.sources import read_source
from deploy.local.provisioning.tenants import TenantStack, provision_tenant
from deploy.local.webhook_urls import save_endpoints
from resale.adapters.faults import unavailable_on_fault
from resale.adapters.stack_outputs import read_resources
from resale.application.ports import Pending, ShopSettings, StackRequest
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection, PartnerKind, Provider
from resale.domain.tenant_onboarding import AccountUnit, AccountUnknown, TenantRequest
from resale.domain.tenant_upgrades import TemplateNotAvailable
from resale.domain.tenants import Resources
from resale.errors import Unavailable

TEMPLATES: Final = Path(__file__).resolve().parents[3] / "deploy" / "tenant"
#: Parameters of data.yaml here: short timeouts, many retries, no protection against deletion.
LOCAL_PARAMETERS: Final[Mapping[str, str]] = {
    "IndexShards": "2",
    "VisibilityTimeoutSeconds": "15",
    "MaxReceiveCount": "20",
    "SweepIntervalSeconds": "5",
    "DeletionProtection": "false",
    "AuditLockMode": "GOVERNANCE",
}
_SAVE_SECONDS: Final = 60.0  # ministack stops, writes its state and starts
_PAUSE_SECONDS: Final = 0.05


class LocalPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the local platform is: its folder, the account of its processes, and the URLs of its parts."""

    var: Path
    platform_account: str
    aws_url: str
    base_url: str
    issuer_base_url: str
    origins: tuple[str, ...]

    @property
    def secrets_file(self) -> Path:
        """The file with the brands' secrets."""
        return self.var / "secrets.json"


class LocalProviders:
    """Implements ``resale.application.ports.OnboardingProviders``."""

    poll_seconds = _PAUSE_SECONDS

    def __init__(
        self, place: LocalPlace, *, finish: Callable[[str], None] | None = None, templates: Path = TEMPLATES
    ) -> None:
        """Store the parts. ``finish`` makes an account durable; None: request it from ``make run`` and wait."""
        files = AccountFiles(place.var)
        self.accounts = LocalAccounts(files, place)
        self.stacks = LocalStacks(files, place, templates)
        self.shops = LocalShops(place, finish=finish or SaveRequest(files))


class LocalAccounts:
    """Accounts are files, and engines that ``make run`` starts for them."""

    def __init__(self, files: AccountFiles, place: LocalPlace) -> None:
        self._files = files
        self._place = place

    def find(self, request: TenantRequest) -> str | Pending | None:
        """Find the named account, or the one of the slug."""
        accounts = self._files.accounts()
        wanted = request.account_id
        found = next((one for one in accounts if wanted in {None, one.account_id} and one.slug == request.slug), None)
        if found is None and wanted is not None:
            raise AccountUnknown(f"The local platform has no account {wanted} for {request.slug}. Leave it out.")
        if found is None:
            return None
        has_engine = found.account_id in self._files.endpoints()
        return found.account_id if has_engine else Pending("waiting for make run to start the account's engine")

    def create(self, request: TenantRequest) -> None:
        """Write the account's file."""
        self._files.add(request.slug)

    def is_in_unit(self, account_id: str, unit: AccountUnit) -> bool:
        """Return whether the account's file has the unit."""
        account = self._files.find(account_id)
        return account is not None and account.unit == unit

    def move(self, account_id: str, unit: AccountUnit) -> None:
        """Store the unit."""
        self._files.move(account_id, unit)

    def find_baseline(self, account_id: str, region: str) -> bool | Pending:
        """Return whether the account's engines respond; they have no trail and no Region to enable."""
        endpoints = Endpoints(aws_url=self._place.aws_url, dynamodb_url=self._files.endpoints()[account_id])
        account = RootAccount(account_id=account_id, region=region, endpoints=endpoints)
        with unavailable_on_fault("The local engines"):
            account.dynamodb.list_tables(Limit=1)
            account.sqs.list_queues(MaxResults=1)
        return True

    def apply_baseline(self, account_id: str, region: str) -> None:
        """Do nothing: an engine that responds needs no more."""


class LocalStacks:
    """Stacks are applied by the template reader, once in each run of the engines."""

    def __init__(self, files: AccountFiles, place: LocalPlace, templates: Path = TEMPLATES) -> None:
        self._files = files
        self._place = place
        self._templates = templates
        self.gaps: list[Gap] = []

    def release_template(self) -> str:
        """Return the version of the templates and a hash of their files."""
        digest = hashlib.sha256(b"\0".join(_files_of(self._templates)))
        outputs = read_source(self._templates / "data.yaml")["Outputs"]
        return f"{outputs['TemplateVersion']['Value']}-{digest.hexdigest()[:12]}"

    def applied_template(self, stack: StackRequest) -> str:
        """Return the name of the template that was applied last."""
        return self._files.applied_template(stack.account_id)

    def find(self, stack: StackRequest) -> str | None:
        """Return the version if it was applied in this run of the engines."""
        version, _ = self._files.outputs(stack.account_id)
        return version if version == self._version(stack) else None

    def apply(self, stack: StackRequest) -> None:
        """Apply both templates."""
        dynamodb_url = self._files.endpoints()[stack.account_id]
        template = self._store_template(stack)
        described = self._describe(stack)
        with unavailable_on_fault("The local engines"):
            applied = provision_tenant(described, aws_url=self._place.aws_url, dynamodb_url=dynamodb_url)
        self.gaps += applied.gaps
        self._files.save_outputs(
            stack.account_id, version=self._version(stack), outputs=applied.outputs, template=template
        )

    def read_outputs(self, stack: StackRequest) -> Resources:
        """Return the outputs that were stored."""
        return read_resources(self._files.outputs(stack.account_id)[1])

    def _version(self, stack: StackRequest) -> str:
        """Return a hash of the templates, their parameters and the run of the engines."""
        parts = [
            *_files_of(self._folder_of(stack)),
            msgspec.json.encode(stack),
            msgspec.json.encode(self._parameters(stack)),
            self._files.session().encode(),
        ]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def _folder_of(self, stack: StackRequest) -> Path:
        """Return the folder of the stack's template. Raises TemplateNotAvailable."""
        if stack.template in {"", self.release_template()}:
            return self._templates
        folder = self._files.template_folder(stack.template)
        if not folder.is_dir():
            raise TemplateNotAvailable(f"The template {stack.template} is not stored in {folder.parent}.")
        return folder

    def _store_template(self, stack: StackRequest) -> str:
        """Keep a copy of the stack's template, to which a tenant can be moved back; return its name."""
        name = stack.template or self.release_template()
        folder = self._files.template_folder(name)
        if not folder.is_dir():
            draft = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=_ensure(folder.parent)))
            for path in self._folder_of(stack).glob("*.yaml"):
                shutil.copyfile(path, draft / path.name)
            with suppress(OSError):  # another process stored the same files at the same time
                draft.rename(folder)
            shutil.rmtree(draft, ignore_errors=True)
        return name

    def _describe(self, stack: StackRequest) -> TenantStack:
        return TenantStack(
            slug=stack.slug,
            account_id=stack.account_id,
            region=stack.region,
            external_id=stack.external_id,
            platform_principal_arn=platform_principal_arn(self._place.platform_account),
            data_parameters=self._parameters(stack),
            template_folder=self._folder_of(stack),
        )

    def _parameters(self, stack: StackRequest) -> Mapping[str, str]:
        return {
            **LOCAL_PARAMETERS,
            "AllowedOrigins": ",".join(stack.allowed_origins),
            "Sandbox": "true" if stack.sandbox else "false",
            "PublicMediaOrigin": self._place.aws_url,
        }


class LocalShops:
    """Every shop is a sandbox with the local issuer, the sandbox payment provider and the sandbox carrier."""

    def __init__(self, place: LocalPlace, *, finish: Callable[[str], None]) -> None:
        self._place = place
        self._finish = finish

    def settings_of(self, request: TenantRequest) -> ShopSettings:
        """Return the issuer of this machine unless the request names another."""
        return ShopSettings(
            oidc_issuer=request.oidc_issuer or issuer_url(self._place.issuer_base_url, request.slug),
            oidc_audience=request.oidc_audience or f"{request.slug}-shop",
            allowed_origins=(*self._place.origins, *request.allowed_origins),
            sandbox=True,
        )

    def connect(self, request: TenantRequest, *, account_id: str, resources: Resources) -> tuple[Connection, ...]:
        """Store the webhook secrets in the account, and the endpoints where the sandbox partners read them."""
        IssuerKeys(self._place.var / "issuers", request.slug).signing_key()
        place = SecretPlace(account_id=account_id, region=request.region, key_arn=resources.key_arn)
        with change_secrets(self._place.secrets_file, (request.slug,)) as secrets:
            connections = dict(secrets.brands[request.slug].connections)
            save_endpoints(self._place.var, secrets, base_url=self._place.base_url)
        for kind, saved in connections.items():
            values = {"webhook_secret": saved.webhook_secret}
            put_secret(place, aws_url=self._place.aws_url, name=_secret_name(request.slug, kind), values=values)
        return tuple(
            Connection(
                id=ConnectionId(connections[kind].id),
                kind=kind,
                provider=Provider.SANDBOX,
                secret_name=_secret_name(request.slug, kind),
                calls_per_second=1_000,  # it is ours, on this machine, and nobody's bill
                concurrent_calls=32,
            )
            for kind in PartnerKind
        )

    def finish(self, account_id: str) -> None:
        """Save the engines' state: a crash would otherwise lose the key that wraps the shoppers' data keys."""
        self._finish(account_id)


class SaveRequest:
    """Requests from ``make run`` that ministack saves its state, and waits until it has."""

    def __init__(self, files: AccountFiles) -> None:
        self._files = files

    def __call__(self, account_id: str) -> None:
        """Wait for the state of one account. Raises Unavailable."""
        self._files.request_save(account_id)
        deadline = time.monotonic() + _SAVE_SECONDS
        while self._files.is_save_requested(account_id):
            if time.monotonic() > deadline:
                raise Unavailable(
                    "make run has not saved the engines' state. Check that it runs.", retry_after_seconds=5
                )
            time.sleep(_PAUSE_SECONDS)


def _files_of(templates: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(templates.glob("*.yaml"))]


def _ensure(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _secret_name(slug: str, kind: PartnerKind) -> str:
    return f"{slug}/{kind}"
