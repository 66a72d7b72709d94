"""Tokens of demo shoppers, signed like the tenant's own issuer."""

import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt

from deploy.local.issuer.keys import ALGORITHM, IssuerKeys

_AN_HOUR = timedelta(hours=1)


def issuer_url(base_url: str, slug: str) -> str:
    """Return the URL of a demo tenant's issuer, for the registry and for tokens."""
    return f"{base_url.rstrip('/')}/{slug}"


def mint(  # noqa: PLR0913 - what a token says
    directory: Path,
    slug: str,
    subject: str,
    *,
    issuer: str,
    audience: str,
    lifetime: timedelta = _AN_HOUR,
    claims: Mapping[str, Any] | None = None,
) -> str:
    """Sign a token for a shopper of a demo tenant.

    Args:
        directory: Where the issuers' keys lie.
        slug: Whose issuer signs.
        subject: The shopper.
        issuer: ``iss``, as the registry has it.
        audience: ``aud``, as the registry has it.
        lifetime: From now; a negative one makes an expired token.
        claims: Any more claims; they win over the usual ones, and None leaves one out.
    """
    kid, key = IssuerKeys(directory, slug).signing_key()
    now = int(time.time())
    body = {"iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": now + int(lifetime.total_seconds())}
    said = {name: value for name, value in {**body, **(claims or {})}.items() if value is not None}
    return jwt.encode(said, key, algorithm=ALGORITHM, headers={"kid": kid})
