"""Onboarding of a tenant: what is requested, the steps in order, and the errors. Calls nothing."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.entitlements import Tier
from resale.domain.policies import Policies
from resale.errors import Conflict, Invalid, NotFound, Rejected, Unavailable


class OnboardingStep(StrEnum):
    """The steps of an onboarding, in the order in which they run."""

    RESERVE = "reserve"
    ACCOUNT = "account"
    ORGANIZATIONAL_UNIT = "organizational_unit"
    BASELINE = "baseline"
    STACKS = "stacks"
    OUTPUTS = "outputs"
    SMOKE = "smoke"
    REGISTRATION = "registration"
    KEYS = "keys"
    ACTIVE = "active"


#: What each step does, for the plan of ``--dry-run`` and for the operator.
PURPOSES: Final[Mapping[OnboardingStep, str]] = {
    OnboardingStep.RESERVE: "reserve the slug, and generate the tenant's id and external id",
    OnboardingStep.ACCOUNT: "find the AWS account, or create it",
    OnboardingStep.ORGANIZATIONAL_UNIT: "move the account to the unit of accounts that are prepared",
    OnboardingStep.BASELINE: "enable the account's Region and its security baseline",
    OnboardingStep.STACKS: "create or update the account's stacks in its Region",
    OnboardingStep.OUTPUTS: "read the stacks' outputs as the resource map",
    OnboardingStep.SMOKE: "test tables, queues, bucket, streams and key; another external id must be refused",
    OnboardingStep.REGISTRATION: "register the tenant with issuer, origins, policies and partners; suspended at first",
    OnboardingStep.KEYS: "issue a publishable and a secret API key",
    OnboardingStep.ACTIVE: "move the account to the tenants' unit and serve the tenant",
}


class OnboardingState(StrEnum):
    """The state of an onboarding. All but ``ACTIVE`` can be resumed."""

    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    ACTIVE = "active"


class AccountUnit(StrEnum):
    """The organisational units of tenants' accounts."""

    ONBOARDING = "onboarding"
    TENANTS = "tenants"
    CLOSED = "closed"


class Market(msgspec.Struct, frozen=True):
    """The default market of a Region: country, currency and language of its shops unless the request has others."""

    market: str
    currency: str
    locale: str


#: Regions in which a tenant's account can be, with their default market (AWS General Reference, regional endpoints).
REGIONS: Final[Mapping[str, Market]] = {
    "ap-northeast-1": Market("JP", "JPY", "ja-JP"),
    "ap-southeast-2": Market("AU", "AUD", "en-AU"),
    "ca-central-1": Market("CA", "CAD", "en-CA"),
    "eu-central-1": Market("DE", "EUR", "de-DE"),
    "eu-north-1": Market("SE", "SEK", "sv-SE"),
    "eu-west-1": Market("IE", "EUR", "en-IE"),
    "eu-west-2": Market("GB", "GBP", "en-GB"),
    "eu-west-3": Market("FR", "EUR", "fr-FR"),
    "us-east-1": Market("US", "USD", "en-US"),
    "us-east-2": Market("US", "USD", "en-US"),
    "us-west-2": Market("US", "USD", "en-US"),
}
#: Slugs are in URLs of the issuer, in host names, in commands (``all``) and in names of AWS resources.
RESERVED_SLUGS: Final = frozenset(
    {"admin", "all", "api", "app", "assets", "auth", "default", "health", "healthz", "internal", "issuer", "media"}
    | {"none", "null", "operator", "platform", "public", "readyz", "resale", "root", "sandbox", "static", "status"}
    | {"support", "system", "tenant", "tenants", "test", "webhooks", "www"}
)
#: S3 refuses these in a bucket's name (User Guide, bucket naming rules); ``aws`` begins AWS's own stacks and tags.
_RESERVED_PREFIXES: Final = ("aws", "amazon", "amzn", "sthree-", "xn--")
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{1,29}[a-z0-9]")  # the AllowedPattern of deploy/tenant/data.yaml
_ACCOUNT_ID: Final = re.compile(r"[0-9]{12}")
_LOCALE: Final = re.compile("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_NAME_CHARS: Final = 100
_BASIS_POINTS: Final = 10_000


class TenantRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator requests for a new tenant. None: the default of the Region, or of the account's provider."""

    slug: str
    name: str
    region: str
    tier: str = "standard"
    account_id: str | None = None  # an existing account to use; None: one is created
    market: str | None = None
    currency: str | None = None
    locale: str | None = None
    commission_basis_points: int = 0
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    allowed_origins: tuple[str, ...] = ()
    limits: Mapping[str, int] | None = None  # by field of entitlements.Limits; None: the registry's, or the tier's
    policies: Policies | None = None  # None: those of the registry, or the defaults

    @property
    def shop_market(self) -> Market:
        """The market of the shop, with the defaults of its Region. Validate the request first."""
        default = REGIONS[self.region]
        return Market(
            market=self.market or default.market,
            currency=self.currency or default.currency,
            locale=self.locale or default.locale,
        )


class OnboardingInvalid(Invalid):
    """A field of the request is not valid."""

    code = "onboarding_invalid"
    title = "Invalid onboarding request"
    default_detail = "A field of the request is not valid. Correct it and send the request again."


class SlugReserved(Invalid):
    """The slug is a word of the platform."""

    code = "slug_reserved"
    title = "Reserved slug"
    default_detail = "The platform uses this slug itself. Choose another slug."


class RegionNotSupported(Invalid):
    """No tenant's account can be in this Region."""

    code = "region_not_supported"
    title = "Region not supported"
    default_detail = "No tenant's account can be in this Region. Choose one of the supported Regions."


class SlugTaken(Rejected):
    """Another tenant has the slug."""

    code = "slug_taken"
    title = "Slug already taken"
    default_detail = "A tenant with this slug exists. Choose another slug."


class OnboardingUnfinished(Rejected):
    """The onboarding of this slug was started and has not ended."""

    code = "onboarding_unfinished"
    title = "Onboarding not finished"
    default_detail = "The onboarding of this slug was started before. Continue it with --resume."


class OnboardingNotFound(NotFound):
    """No onboarding of this slug was started."""

    code = "onboarding_not_found"
    title = "Onboarding not found"
    default_detail = "No onboarding of this slug was started. Start it without --resume."


class OnboardingInProgress(Conflict):
    """Another process has the lease of this onboarding."""

    code = "onboarding_in_progress"
    title = "Onboarding in progress"
    default_detail = "Another process onboards this tenant at the moment. Wait until it ends."


class AccountQuotaReached(Rejected):
    """The organisation cannot have more accounts."""

    code = "account_quota_reached"
    title = "Account quota reached"
    default_detail = (
        "The organisation has as many accounts as its quota allows. Request a higher quota of AWS Organizations in the "
        "management account, then resume."
    )


class AccountCreationFailed(Rejected):
    """The account could not be created."""

    code = "account_creation_failed"
    title = "Account creation failed"
    default_detail = "The account could not be created. Remove the cause that is named, then resume."


class AccountDuplicated(Rejected):
    """Several accounts were created for one tenant."""

    code = "account_duplicated"
    title = "Several accounts for one tenant"
    default_detail = "Several accounts were created for this tenant. Close all but one, then resume."


class AccountUnknown(Rejected):
    """The account that the request names is none of the organisation."""

    code = "account_unknown"
    title = "Unknown account"
    default_detail = "The account is not in the organisation. Invite it first, or leave it out to create one."


class AccountTaken(Rejected):
    """The account belongs to another tenant."""

    code = "account_taken"
    title = "Account of another tenant"
    default_detail = "The account belongs to another tenant. Each tenant has an account of its own."


class StackFailed(Rejected):
    """The stack could not be created or updated, and was rolled back."""

    code = "stack_failed"
    title = "Stack failed"
    default_detail = "The stack was rolled back. Remove the cause that is named, then resume."


class SmokeTestFailed(Rejected):
    """A resource of the new account does not work as the service requires."""

    code = "smoke_test_failed"
    title = "Smoke test failed"
    default_detail = "A resource of the account does not work. Correct its stack, then resume."


class StepTimedOut(Unavailable):
    """A step did not complete within its time."""

    code = "onboarding_step_timed_out"
    title = "Onboarding step timed out"
    default_detail = "The step has not completed in time. Resume later: it continues where it stopped."


def check_request(request: TenantRequest) -> None:
    """Validate a request.

    Raises:
        OnboardingInvalid: Slug, name, tier, account, commission or market is not valid.
        SlugReserved: The platform uses the slug itself.
        RegionNotSupported: The Region is none of ``REGIONS``.
    """
    if not _SLUG.fullmatch(request.slug):
        raise OnboardingInvalid(
            f"The slug “{request.slug}” is not valid. Use 3 to 31 characters: a-z, 0-9 and -. It begins with a-z and "
            "does not end with -."
        )
    if request.slug in RESERVED_SLUGS or request.slug.startswith(_RESERVED_PREFIXES):
        raise SlugReserved(f"The slug “{request.slug}” is reserved for the platform or AWS. Choose another slug.")
    if request.region not in REGIONS:
        raise RegionNotSupported(
            f"No tenant's account can be in the Region “{request.region}”. Choose one of {', '.join(REGIONS)}."
        )
    faults = _list_faults(request)
    if faults:
        raise OnboardingInvalid(" ".join(faults))


def _list_faults(request: TenantRequest) -> list[str]:
    market = request.shop_market
    faults = {
        "The name must have 1 to 100 characters.": 0 < len(request.name.strip()) <= _NAME_CHARS,
        f"The tier must be one of {', '.join(Tier)}.": request.tier in set(Tier),
        "The account id must have 12 digits.": _ACCOUNT_ID.fullmatch(request.account_id or "0" * 12),
        "The commission must be 0 to 10000 basis points.": 0 <= request.commission_basis_points <= _BASIS_POINTS,
        "The market must be a country code of two capital letters.": re.fullmatch("[A-Z]{2}", market.market),
        "The currency must be a code of three capital letters.": re.fullmatch("[A-Z]{3}", market.currency),
        "The locale must be a language tag such as en-GB.": re.fullmatch(
            "[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", market.locale
        ),
    }
    return [text for text, holds in faults.items() if not holds]
