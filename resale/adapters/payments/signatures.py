"""Webhooks signed like Stripe's: ``t=<seconds>,v1=<HMAC-SHA256>``, verified by Stripe's own library."""

from typing import Final

import stripe

from resale.domain.partners import PartnerMisconfigured, SignatureInvalid

TOLERANCE_SECONDS: Final = 300  # as Stripe's own libraries allow, by the wall clock


def check_signature(body: bytes, header: str | None, *, secrets: str | None) -> None:
    """Verify the signature of a webhook. Raises SignatureInvalid.

    Args:
        body: As received, byte for byte.
        header: The signature; None when there was none.
        secrets: One, or several parted by spaces: an endpoint's old and new one, or those of two endpoints.

    Raises:
        SignatureInvalid: It is not, or it was signed too long ago.
        PartnerMisconfigured: There is no secret to check it with.
    """
    if not secrets or not secrets.split():
        raise PartnerMisconfigured("This connection has no webhook secret.")
    if not header or not header.isascii():  # the library compares text, and other text cannot be
        raise SignatureInvalid("The webhook has no signature.")
    if not any(_is_signed_with(secret, body, header) for secret in secrets.split()):
        raise SignatureInvalid("The webhook's signature is not valid, or too old.")


def _is_signed_with(secret: str, body: bytes, header: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True
