"""The introduction of the OpenAPI document, its tags, and its security schemes."""

from typing import Any, Final

DESCRIPTION: Final = """
Resale in a brand's own shop: a shopper lists an item, the brand approves the listing, another shopper buys it.

**Authentication.** Send an API key in `X-API-Key`: a publishable key (`pk_…`) from the shop's pages, or a secret key
(`sk_…`) from the brand's back end. Requests of a shopper also carry the shopper's OpenID Connect token in
`Authorization: Bearer`; such a request acts for the shopper, with either kind of key. Keys of a sandbox shop contain
`_test_`, keys of a live shop `_live_`. A key is valid in its own mode only.

**Idempotency.** A POST with an `Idempotency-Key` runs once. Retried within 24 hours, it returns the first response
again, with `Idempotent-Replayed: true`. The body may be formatted differently (order of keys, white space, escapes,
`1.0` for `1`, `null` for an absent field). A body with another meaning is refused.

**Versions.** A single object has an `ETag`. Send it as `If-Match` to change exactly the version that was read (412
if it has changed since), or as `If-None-Match` to receive 304 while it has not changed.

**Bodies** are JSON, encoded as UTF-8. `null` for an optional field is the same as leaving it out. A duplicate key is
refused.

**Text** is returned in Unicode normalisation form C. Control characters, noncharacters, directional embeddings and
overrides (U+202A to U+202E), unclosed isolates, and line breaks and tabs in a single line are refused with
`invalid_characters`; text that shows nothing with `blank`. Payment card numbers in texts are refused. In your own ids
and references, digits are not checked.

**API versions** are dates. Send the version that your client is written for as `API-Version`. An unsupported version
is refused with 400 `api_version_unsupported`. Each response names its version.

**Errors** are problem documents (RFC 9457). Act on `code`: it is stable. `errors[].pointer` is a JSON pointer into
the body, a query parameter, or `/headers/…`.

**Limits.** A shop, an API key and a shopper can send a limited number of requests per second. A request above a limit
is refused with 429 `rate_limited` and has no effect: repeat it after the seconds in `Retry-After`, with the same
`Idempotency-Key`. `RateLimit-Policy` names the limit (`"shopper";q=60;w=6`: 60 requests in 6 seconds). `RateLimit`
(`"shopper";r=59`) is also in the responses to a secret key or a shopper: the requests that are left. Both fields are
those of draft-ietf-httpapi-ratelimit-headers. Buyers of a listing that very many order at once wait in line
(`POST /v1/orders`). Under load, 503 `overloaded` refuses reports first and orders last.

**Requests** have an id: the `X-Request-Id` of a response is in the server's logs, in histories and in problem
documents. An `X-Request-Id` in the request (8 to 64 letters, digits, `.`, `_` or `-`) is logged too and returned as
`X-Client-Request-Id`.

**Money.** Amounts are integers in minor units. A payment is captured when the order is confirmed. The seller's
earnings are on hold until the order is completed: when the buyer confirms receipt, or when the claim window after
delivery has passed.

**Sandbox.** `payment_token`: `tok_ok`, `tok_declined`, `tok_timeout` (processed, but the response is lost),
`tok_error` (fails twice), `tok_slow` (takes ten seconds), `tok_requires_action` (waits for the buyer on the bank's
page). These are authorised first: `tok_capture_timeout` (captured, but the response is lost), `tok_capture_declined`,
`tok_capture_partial` (half is captured, so the order waits for staff), `tok_refund_error` (two refunds fail),
`tok_refund_timeout` (refunded, but the response is lost).
`payout_destination`: `acct_ok`, `acct_failed` (the payout is returned), `acct_timeout` (paid, but the response is
lost), `acct_left` (the account left the provider, so the payout is stuck). The carrier refuses an address whose
`line1` is `Undeliverable`. Parcels move by `POST /v1/shipments/{shipment_id}/tracking_events`, time by
`/v1/test_clocks`.
"""
TAGS: Final = (
    "Listings",
    "Moderation",
    "Purchases",
    "Orders",
    "Claims",
    "Money",
    "Connections",
    "Histories",
    "Dead letters",
    "Partners",
    "Test clocks",
    "Sandboxes",
    "This document",
)


def security_schemes() -> dict[str, Any]:
    """Return the API keys and the shopper's token as security schemes."""
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    return {
        "PublishableKey": {**key, "description": "`pk_…`: public. For browsing, and for requests of shoppers."},
        "SecretKey": {**key, "description": "`sk_…`: secret. For the brand's back end, within the scopes of the key."},
        "OperatorKey": {**key, "description": "`op_…`: secret. For operators of the platform, within its scopes."},
        "ShopperToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": (
                "The shopper's OpenID Connect token, from the shop's own issuer: signed with RS256, ES256 or EdDSA by "
                "a key it publishes, with `iss`, `aud`, `sub` and `exp`; `typ`, if any, is `JWT` or `at+jwt`."
            ),
        },
    }
