"""The problem types of each kind of endpoint, taken from the error classes."""

from typing import Final

from apps.core import problems
from apps.core.api_version import APIVersionUnsupported
from apps.core.fair_shares.refusals import Overloaded, RateLimited
from apps.core.hot_listings.refusals import WaitingLine, WaitingTicketInvalid
from apps.core.problems import HTTPError, ProblemType, problem_type_of
from apps.storefront.parameters import CursorTooLong, IdempotencyKeyInvalid, IdempotencyKeyRequired
from apps.tenancy import errors as tenancy
from resale.application.ports import IdempotencyInProgress, IdempotencyMismatch
from resale.domain.cards import CardNumberRefused
from resale.errors import Conflict, Invalid, Outcome, Unavailable


def codes_of(*declared: type[Outcome | HTTPError] | ProblemType) -> tuple[ProblemType, ...]:
    """Return the problem types of several error classes; problem types are returned unchanged."""
    return tuple(one if isinstance(one, ProblemType) else problem_type_of(one) for one in declared)


#: Problems of the tenant's own AWS account. Their classes belong to the adapters, which this package cannot import.
ACCOUNT: Final = (
    ProblemType(
        503,
        "store_refused",
        "Store refused the request",
        "The shop's data store refused the request, and nothing was written. Retry later.",
    ),
    ProblemType(
        503,
        "tenant_session_unavailable",
        "Tenant session unavailable",
        "The shop's data store cannot be reached at the moment. Retry later.",
    ),
    ProblemType(
        503,
        "tenant_wrong_account",
        "Wrong tenant account",
        "The shop's data store is configured wrongly, and nothing was sent to it. Contact the platform's operators.",
    ),
    ProblemType(
        503,
        "write_lease_ended",
        "Write lease ended",
        "The request took too long, and nothing was written. Send it again.",
    ),
    ProblemType(
        503,
        "schema_too_new",
        "Schema too new",
        "A newer release wrote this object, and this server cannot change it yet. Retry later.",
    ),
)
#: Any call that needs a key.
CALLER: Final = (
    *ACCOUNT,
    *codes_of(
        tenancy.APIKeyMissing,
        tenancy.APIKeyInvalid,
        tenancy.APIKeyRevoked,
        tenancy.APIKeyWrongMode,
        tenancy.TenantSuspended,
        tenancy.TenantClosed,
        tenancy.TenantFrozen,
        tenancy.TenantNotServedHere,
        tenancy.TokenInvalid,
        tenancy.TokenExpired,
        tenancy.RegistryUnavailable,
        tenancy.IssuerUnavailable,
        Unavailable,
        RateLimited,
        Overloaded,
    ),
)
#: Any call at all.
ANY: Final = (
    problems.BAD_REQUEST,
    problem_type_of(APIVersionUnsupported),
    problem_type_of(Invalid),
    problem_type_of(CardNumberRefused),
    problems.METHOD_NOT_ALLOWED,
    problems.INTERNAL_ERROR,
)
BODY: Final = codes_of(problems.MalformedBody, problems.BodyTimeout, problems.BodyTooLarge, problems.UnsupportedBody)
LIST: Final = (
    ProblemType(
        422,
        "cursor_invalid",
        "Invalid cursor",
        "The cursor was changed or belongs to another list. Send `next_cursor` of the previous page unchanged.",
    ),
    problem_type_of(CursorTooLong),
)
SHOPPER: Final = codes_of(tenancy.TokenMissing)
BRAND: Final = codes_of(tenancy.SecretKeyRequired, tenancy.ScopeMissing)
OPERATOR: Final = codes_of(
    tenancy.APIKeyMissing,
    tenancy.APIKeyInvalid,
    tenancy.APIKeyRevoked,
    tenancy.OperatorKeyRequired,
    tenancy.RegistryUnavailable,
    Unavailable,
    Overloaded,
)
SCOPED: Final = codes_of(tenancy.ScopeMissing)
PRECONDITION: Final = codes_of(problems.PreconditionFailed)
WAITING: Final = codes_of(WaitingLine, WaitingTicketInvalid)
KEYED: Final = codes_of(IdempotencyKeyInvalid, IdempotencyInProgress, IdempotencyMismatch)
KEY_REQUIRED: Final = codes_of(IdempotencyKeyRequired)
CONTENDED: Final = codes_of(Conflict)
