"""What the OpenAPI document says before its operations: the introduction, the groups, and the keys and tokens."""

from typing import Any, Final

DESCRIPTION: Final = """
Resale on a brand's own shop: shoppers list what they no longer need, the brand approves it, another shopper buys it.

**Keys.** `X-API-Key` takes a publishable key (`pk_…`, in the shop's pages) or a secret one (`sk_…`, in the brand's
back end). Calls of a shopper also carry the shopper's OpenID Connect token in `Authorization: Bearer`; a call with a
token is the shopper's, whichever key carries it. A key of a sandbox shop has `_test_` in it, one of a live shop
`_live_`; neither is good at the other.

**Repeating.** A POST with an `Idempotency-Key` is done once. Sent again within 24 hours it answers as the first time,
with `Idempotent-Replayed: true`. The same body may be written in another way: order of keys, white space, escapes,
`1.0` for `1`, `null` for what is absent. A body that means something else is refused.

**Versions.** One object comes with an `ETag`. Send it back as `If-Match` to change exactly what was read (412 when it
has changed), or as `If-None-Match` to be told that nothing has (304).

**Bodies** are JSON in UTF-8. `null` for an optional field is the same as leaving it out. A key given twice is refused.

**Text** that people write comes back in Unicode's normalisation form C. Refused with `invalid_characters` are control
characters, noncharacters, embeddings and overrides of direction (U+202A to U+202E), isolates that are not closed, and
line breaks and tabs in what is one line; with `blank`, what shows nothing. A payment card number in it is refused; in
an id or a reference of yours, digits are digits.

**API versions** are dates. Send the one you are written for as `API-Version`; one that this API does not have is
refused with 400 `api_version_unsupported`, never ignored. Each response names the version it is of.

**Errors** are problem documents (RFC 9457). Act on `code`: it never changes its meaning. `errors[].pointer` is where:
a JSON pointer into the body, a query parameter, or `/headers/…`.

**Requests** are named by us: `X-Request-Id` of an answer is in our logs, in histories and in problem documents. An
`X-Request-Id` of yours (8 to 64 letters, digits, `.`, `_` or `-`) is logged beside it and comes back as
`X-Client-Request-Id`.

**Money.** Amounts are whole minor units. A buyer's money is taken when the order is confirmed; the seller's part is
held until the order is completed: when the buyer confirms receipt, or the claim window after delivery is over.

**Sandbox.** `payment_token`: `tok_ok`, `tok_declined`, `tok_timeout` (booked, the answer is lost), `tok_error` (fails
twice), `tok_slow` (takes ten seconds), `tok_requires_action` (waits for the buyer, on the bank's page). Good at first
are `tok_capture_timeout` (captured, the answer is lost), `tok_capture_declined`, `tok_refund_error` (two refunds fail)
and `tok_refund_timeout` (refunded, the answer is lost). `payout_destination`: `acct_ok`, `acct_failed` (comes back),
`acct_timeout` (paid, the answer is lost). The carrier refuses an address whose `line1` is `Undeliverable`. Parcels
move by `POST /v1/shipments/{shipment_id}/tracking_events`, time by `/v1/test_clocks`.
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
    "This document",
)


def security_schemes() -> dict[str, Any]:
    """Describe the API keys and the shopper's token."""
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    return {
        "PublishableKey": {**key, "description": "`pk_…`: may be seen by anybody; browses, and carries shoppers."},
        "SecretKey": {**key, "description": "`sk_…`: the brand's own back end, within the key's scopes."},
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
