"""Sandboxes: an operator's key opens a shop in test mode, in an account of the pool."""

import logging
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from apps.core.requests import Body
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint, Idempotency
from apps.storefront.permissions import Access
from apps.tenancy import registry
from apps.tenancy.onboarding.opening import open_onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from apps.tenancy.sandboxes import OpenSandbox, SandboxPool, find_keyed_sandbox, get_open_sandbox
from apps.tenancy.scopes import OperatorScope
from resale.domain.sandboxes import SandboxPoolEmpty
from resale.domain.tenant_onboarding import REGIONS, OnboardingInProgress, OnboardingInvalid
from resale.domain.text import code, line
from resale.errors import Unavailable

logger = logging.getLogger(__name__)

_REGION: Final = rf"^(?:{'|'.join(REGIONS)})\Z"


class NewSandbox(Body, frozen=True, kw_only=True):
    """A sandbox to open."""

    name: Annotated[str, line(max_length=100, description="Name of the shop.")] = "Sandbox"
    region: (
        Annotated[str, code(_REGION, description="Region of its data; by default the platform's own.")] | UnsetType
    ) = UNSET


class SandboxView(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox. The keys are in the first response only, and are null afterwards."""

    object: str = "sandbox"
    slug: str
    name: str
    region: str
    livemode: bool = False
    expires_at: datetime | None
    oidc_issuer: str
    oidc_audience: str
    publishable_key: str | None = None
    secret_key: str | None = None


def replay(context: Context[None, NewSandbox], slug: str) -> SandboxView:
    """Return the sandbox that a key opened; one whose opening was interrupted is opened now, with its keys."""
    return registry.run_query(lambda: _open(context.body, slug))


@Endpoint(
    method="post",
    path="/v1/sandboxes",
    id="createSandbox",
    tag="Sandboxes",
    summary="Open a sandbox",
    details=(
        "Opens a shop in test mode, in an account that was prepared, and returns its two keys once. It expires after "
        "seven days unless an operator claims it. If no account is ready, the response is 503 `sandbox_pool_empty`."
    ),
    access=Access.OPERATOR,
    scope=OperatorScope.SANDBOXES_WRITE,
    body=NewSandbox,
    is_body_required=False,
    example={"name": "Trial of Robin"},
    idempotency=Idempotency(
        "create_sandbox", replay, is_required=True, find=lambda key: registry.run_query(lambda: find_keyed_sandbox(key))
    ),
    status=201,
    responses=(SandboxView,),
    problems=(SandboxPoolEmpty, OnboardingInvalid, OnboardingInProgress, Unavailable),
)
def create(context: Context[None, NewSandbox]) -> SandboxView:
    """Open a sandbox."""
    return registry.run_query(lambda: _create(context))


def _create(context: Context[None, NewSandbox]) -> SandboxView:
    pool, delivered = _open_pool()
    region = None if context.body.region is UNSET else context.body.region
    slug = pool.take_or_refuse(name=context.body.name, region=region, key=context.key)
    pool.open(slug, name=context.body.name)
    return _view(get_open_sandbox(slug), delivered)


def _open(body: NewSandbox, slug: str) -> SandboxView:
    pool, delivered = _open_pool()
    pool.open_if_interrupted(slug, name=body.name)
    return _view(get_open_sandbox(slug), delivered)


def _open_pool() -> tuple[SandboxPool, list[IssuedKeys]]:
    delivered: list[IssuedKeys] = []
    onboarding = open_onboarding(deliver=delivered.append, say=logger.info)
    return SandboxPool(onboarding, say=logger.info), delivered


def _view(sandbox: OpenSandbox, delivered: list[IssuedKeys]) -> SandboxView:
    issued = next(iter(delivered), None)
    return SandboxView(
        **msgspec.structs.asdict(sandbox),
        publishable_key=None if issued is None else issued.publishable,
        secret_key=None if issued is None else issued.secret,
    )
