"""Attacks on the endpoints of the public API."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from apps.storefront.docs import ENDPOINTS
from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.permissions import Access
from deploy.local.attacks.means import Group, Means

FOREIGN_KEY: Final = Means(
    name="foreign key",
    sends="The victim's publishable key, which anybody can read, with the attacker's shopper token.",
    expected="401 token_invalid",
    event="credential.refused",
)
FOREIGN_TOKEN: Final = Means(
    name="foreign token",
    sends="Keys of the attacker, with a token of the victim's shopper.",
    expected="401 token_invalid",
    event="credential.refused",
)
GUESSED_KEY: Final = Means(
    name="guessed key",
    sends="Keys of the right form that nobody was given, with the attacker's shopper token.",
    expected="401 api_key_invalid",
    event="credential.refused",
)
TENANT: Final = Means(
    name="tenant parameter",
    sends="`?tenant=` with the victim's name, with every key and token of the attacker.",
    expected="422 validation_failed",
)
ID: Final = Means(
    name="id",
    sends="The victim's ids in the path, with every key and token of the attacker; also with the victim's ETag.",
    expected="404",
)
BODY_ID: Final = Means(
    name="id in the body",
    sends="The victim's ids in the body, with every key and token of the attacker.",
    expected="404",
)
CURSOR: Final = Means(
    name="cursor",
    sends="A cursor that the victim's own list returned, with every key and token of the attacker.",
    expected="422 cursor_invalid",
)
FILTER: Final = Means(
    name="filter",
    sends="The victim's ids and names in the query, with every key and token of the attacker.",
    expected="200",
)
OWN_DATA: Final = Means(
    name="own data",
    sends="The attacker's own request; `Host`, `Forwarded`, `X-Tenant` and the like name the victim.",
    expected="200",
)
IDEMPOTENCY_KEY: Final = Means(
    name="idempotency key",
    sends="An `Idempotency-Key` that the victim's shopper used, with the victim's body and the same subject.",
    expected="404",
)
TICKET: Final = Means(
    name="waiting ticket",
    sends="A ticket of the waiting line of the victim's listing, issued to its buyer of the same subject.",
    expected="422 waiting_ticket_invalid",
)
NAME: Final = Means(
    name="name",
    sends="The names that the victim gave its own record, in the path.",
    expected="200 or 201",
)
SIGNATURE: Final = Means(
    name="webhook secret",
    sends="The victim's connection id, with a body that is signed with the attacker's own webhook secret.",
    expected="401 signature_invalid",
    event="credential.refused",
)
SHOP_KEY: Final = Means(
    name="shop's key",
    sends="Every key and token of the attacker, at an endpoint of operators.",
    expected="403 operator_key_required",
    event="credential.refused",
)
NO_KEY: Final = Means(
    name="no key",
    sends="No key at all; `Host` and the like name the victim.",
    expected="200",
)

_KEYS: Final = (FOREIGN_KEY, FOREIGN_TOKEN, GUESSED_KEY, TENANT)
_MADE: Final = IDEMPOTENCY_KEY.expecting("201")
_MINE: Final = IDEMPOTENCY_KEY.expecting("409 nothing_to_pay_out")

#: Operation → the means that are tried on it.
ROWS: Final[Mapping[str, tuple[Means, ...]]] = {
    "listListings": (*_KEYS, OWN_DATA, CURSOR, FILTER),
    "createListing": (*_KEYS, BODY_ID.expecting("404 or 422"), _MADE),
    "getListing": (*_KEYS, ID),
    "editListing": (*_KEYS, ID),
    "submitListing": (*_KEYS, ID),
    "pauseListing": (*_KEYS, ID),
    "resumeListing": (*_KEYS, ID),
    "withdrawListing": (*_KEYS, ID),
    "relistListing": (*_KEYS, ID),
    "moderateListing": (*_KEYS, ID),
    "getListingHistory": (*_KEYS, ID, CURSOR.expecting("404 or 422")),
    "listSellerListings": (*_KEYS, ID.expecting("200"), CURSOR),
    "listPurchases": (*_KEYS, OWN_DATA, CURSOR),
    "getPurchase": (*_KEYS, ID),
    "getPurchaseHistory": (*_KEYS, ID, CURSOR.expecting("404 or 422")),
    "recordPurchase": (*_KEYS, NAME),
    "getOrderQuote": (*_KEYS, ID),
    "listOrders": (*_KEYS, OWN_DATA, CURSOR),
    "submitOrder": (*_KEYS, BODY_ID, IDEMPOTENCY_KEY, TICKET),
    "getOrder": (*_KEYS, ID),
    "correctShippingAddress": (*_KEYS, ID),
    "cancelOrder": (*_KEYS, ID),
    "acknowledgeOrder": (*_KEYS, ID),
    "confirmReceipt": (*_KEYS, ID),
    "listSales": (*_KEYS, OWN_DATA, CURSOR),
    "requestLabel": (*_KEYS, ID),
    "getOrderHistory": (*_KEYS, ID, CURSOR.expecting("404 or 422")),
    "getAddressFormat": (NO_KEY,),
    "openClaim": (*_KEYS, ID),
    "listClaims": (*_KEYS, OWN_DATA, CURSOR),
    "getClaim": (*_KEYS, ID),
    "addEvidence": (*_KEYS, ID, IDEMPOTENCY_KEY),
    "withdrawClaim": (*_KEYS, ID),
    "resolveClaim": (*_KEYS, ID),
    "getClaimHistory": (*_KEYS, ID, CURSOR.expecting("404 or 422")),
    "getSellerAccount": (*_KEYS, OWN_DATA.expecting("404 seller_not_found or 200")),
    "editSellerAccount": _KEYS,
    "createOnboardingLink": _KEYS,
    "getBalance": (*_KEYS, OWN_DATA),
    "listBalanceTransactions": (*_KEYS, OWN_DATA, CURSOR),
    "listPayouts": (*_KEYS, OWN_DATA, CURSOR),
    "startPayout": (*_KEYS, _MINE),
    "getPayout": (*_KEYS, ID),
    "getPayoutHistory": (*_KEYS, ID, CURSOR.expecting("404 or 422")),
    "cancelPayout": (*_KEYS, ID),
    "refundOrder": (*_KEYS, BODY_ID, IDEMPOTENCY_KEY),
    "compensateSeller": (*_KEYS, ID, IDEMPOTENCY_KEY),
    "settleCarrierClaim": (*_KEYS, ID),
    "listLedgerTransactions": (*_KEYS, OWN_DATA, CURSOR, FILTER),
    "getBalanceSheet": (*_KEYS, OWN_DATA),
    "getTrialBalance": (*_KEYS, OWN_DATA),
    "getJournal": (*_KEYS, OWN_DATA),
    "getReconciliation": (*_KEYS, OWN_DATA.expecting("503 partner_misconfigured")),
    "listConnections": (*_KEYS, OWN_DATA),
    "receiveHook": (SIGNATURE,),
    "reportTracking": (*_KEYS, ID),
    "listTestClocks": (*_KEYS, OWN_DATA),
    "createTestClock": _KEYS,
    "getTestClock": (*_KEYS, ID),
    "advanceTestClock": (*_KEYS, ID),
    "listDeadLetters": (*_KEYS, OWN_DATA, CURSOR),
    "getDeadLetter": (*_KEYS, ID),
    "dryRunDeadLetter": (*_KEYS, ID),
    "replayDeadLetter": (*_KEYS, ID),
    "discardDeadLetter": (*_KEYS, ID),
    "createSandbox": (SHOP_KEY,),
    "getOpenAPI": (NO_KEY,),
    "getDocs": (NO_KEY,),
}

_PART: Final = re.compile(r"{(\w+)}")
_ID_FIELD: Final = re.compile(r"\w+_id")


def find_needed(endpoints: Collection[AnyEndpoint] = ENDPOINTS) -> Mapping[str, Collection[Means]]:
    """Return each operation with the means that its declaration calls for."""
    return {endpoint.id: _means_for(endpoint) for endpoint in endpoints}


def _means_for(endpoint: AnyEndpoint) -> tuple[Means, ...]:
    if endpoint.access is Access.ANYBODY:
        return (SIGNATURE,) if endpoint.raw_body else (NO_KEY,)
    if endpoint.access is Access.OPERATOR:
        return (SHOP_KEY,)
    parts = _PART.findall(endpoint.path)
    body = endpoint.body.__struct_fields__ if endpoint.body else ()
    query = endpoint.query.__struct_fields__ if endpoint.query else ()
    derived = (
        (ID, any(_ID_FIELD.fullmatch(part) for part in parts)),
        (NAME, endpoint.names is not None),
        (OWN_DATA, endpoint.method == "get" and not parts),
        (BODY_ID, any(_ID_FIELD.fullmatch(name) for name in body)),
        (CURSOR, "cursor" in query),
        (FILTER, bool({"product", "source"} & set(query))),
        (IDEMPOTENCY_KEY, endpoint.idempotency is not None),
        (TICKET, endpoint.has_waiting_line),
    )
    return (*_KEYS, *(means for means, applies in derived if applies))


ENDPOINT_GROUP: Final = Group(
    title="Public API",
    about=(
        "The attacker has a publishable key, a secret key with every scope, and a shopper of its own issuer, who has "
        "the same subject as the victim's buyer. Every request also names the victim in `Host`, `Forwarded` and "
        "`X-Tenant`. No response contains an id, a name or a text of the victim."
    ),
    surface="operation",
    place="ROWS of deploy/local/attacks/endpoints.py",
    means=(
        *_KEYS, ID, BODY_ID, CURSOR, FILTER, OWN_DATA, IDEMPOTENCY_KEY, TICKET, NAME, SIGNATURE, SHOP_KEY, NO_KEY,
    ),
    rows=ROWS,
    find_needed=find_needed,
)  # fmt: skip
