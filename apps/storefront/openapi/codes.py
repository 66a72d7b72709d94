"""Problem codes as the document names them: status and code, read off the classes that carry them."""

from typing import Final

import msgspec

from apps.core import problems
from apps.core.api_version import APIVersionUnsupported
from apps.core.problems import STATUS, HTTPError
from apps.storefront.parameters import CursorTooLong, IdempotencyKeyInvalid, IdempotencyKeyRequired
from apps.tenancy import errors as tenancy
from resale.application.ports import IdempotencyInProgress, IdempotencyMismatch
from resale.domain.cards import CardNumberRefused
from resale.errors import Conflict, Invalid, Outcome, Unavailable


class ProblemCode(msgspec.Struct, frozen=True, order=True):
    """One way a call can fail."""

    status: int
    code: str
    meaning: str


def code_of(kind: type[Outcome] | type[HTTPError]) -> ProblemCode:
    """Read a class: its status by the one table, its code, the first line of its docstring."""
    if issubclass(kind, Outcome):
        status = next(status for branch, status in STATUS if issubclass(kind, branch))
    else:
        status = kind.status
    return ProblemCode(int(status), kind.code, problems.meaning_of(kind))


def codes_of(*kinds: type[Outcome] | type[HTTPError]) -> tuple[ProblemCode, ...]:
    """Read several."""
    return tuple(map(code_of, kinds))


#: What the tenant's own account can answer with. Their classes are the adapters', which no door knows.
ACCOUNT: Final = (
    ProblemCode(503, "store_refused", "The tenant's account does not let us, or lacks the table."),
    ProblemCode(503, "tenant_session_unavailable", "No credentials for the tenant's account."),
    ProblemCode(503, "tenant_wrong_account", "The role assumed lies in another account than the tenant's."),
    ProblemCode(503, "schema_too_new", "The document was written by a newer release than this one."),
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
        tenancy.TokenInvalid,
        tenancy.TokenExpired,
        tenancy.RegistryUnavailable,
        tenancy.IssuerUnavailable,
        Unavailable,
    ),
)
#: Any call at all.
ANY: Final = (
    ProblemCode(400, "bad_request", "Not a request this server understands."),
    code_of(APIVersionUnsupported),
    code_of(Invalid),
    code_of(CardNumberRefused),
    ProblemCode(405, "method_not_allowed", "The path has no such method; `Allow` lists what it has."),
    ProblemCode(500, "internal_error", "Our fault; it is logged under the `request_id`."),
)
BODY: Final = codes_of(problems.MalformedBody, problems.BodyTimeout, problems.BodyTooLarge, problems.UnsupportedBody)
LIST: Final = (ProblemCode(422, "cursor_invalid", "Not a cursor of this list."), code_of(CursorTooLong))
SHOPPER: Final = codes_of(tenancy.TokenMissing)
BRAND: Final = codes_of(tenancy.SecretKeyRequired, tenancy.ScopeMissing)
SCOPED: Final = codes_of(tenancy.ScopeMissing)
PRECONDITION: Final = codes_of(problems.PreconditionFailed)
KEYED: Final = codes_of(IdempotencyKeyInvalid, IdempotencyInProgress, IdempotencyMismatch)
KEY_REQUIRED: Final = codes_of(IdempotencyKeyRequired)
CONTENDED: Final = codes_of(Conflict)
