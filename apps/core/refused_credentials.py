"""The log line of a refused credential: of a key, a token, a signature or a shop that is not the caller's."""

import logging
from typing import Final

logger = logging.getLogger(__name__)

EVENT: Final = "credential.refused"  # stable: alarms are set on it


def log_refused_credential(code: str, *, tenant_slug: str = "", key_id: str = "") -> None:
    """Log that a credential was refused; nothing of the credential itself.

    Args:
        code: Why; the code of the outcome.
        tenant_slug: Whose data was requested; empty where that is unknown.
        key_id: The API key or the member of staff that sent the credential.
    """
    logger.warning("credential refused", extra={"event": EVENT, "code": code, "tenant": tenant_slug, "key": key_id})
