"""The certificate of deletion: what was exported and what was destroyed, signed by the platform."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from resale.application.ports import Signed, Signer
from resale.domain.tenants import Tenant

_TEXT: Final = (
    "The encryption key of this tenant's account is deleted at the time below. From then on, no personal data of its "
    "customers can be decrypted: neither in the tables, nor in backups, nor in the export."
)


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform certifies. ``steps`` has what each step of the offboarding recorded."""

    text: str = _TEXT
    tenant_id: str
    slug: str
    account_id: str
    region: str
    closed_at: datetime
    steps: Mapping[str, Any]


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A statement and its signature, which is of ``encode_statement``."""

    statement: Statement
    signed: Signed


def certify(tenant: Tenant, *, steps: Mapping[str, Any], closed_at: datetime, signer: Signer) -> Certificate:
    """Sign what was recorded of an offboarding."""
    statement = Statement(
        tenant_id=tenant.id,
        slug=tenant.slug,
        account_id=tenant.account_id,
        region=tenant.region,
        closed_at=closed_at,
        steps=steps,
    )
    return Certificate(statement=statement, signed=signer.sign(encode_statement(statement)))


def encode_statement(statement: Statement) -> bytes:
    """Return the signed bytes: JSON without white space, keys sorted."""
    return msgspec.json.encode(statement, order="sorted")
