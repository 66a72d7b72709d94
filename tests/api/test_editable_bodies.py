"""Every field that can be edited is: sent on its own, it is what the next read shows."""

from typing import Any

import msgspec
import pytest

from apps.storefront.docs import ENDPOINTS
from apps.storefront.openapi.document import build_document
from resale.domain.listings import ListingEdit
from resale.domain.sellers import SellerEdit
from tests.fixtures.storefront import ADDRESS, Front

#: Body of a PATCH → for each of its fields, a value that no fixture has.
EDITS: dict[type[msgspec.Struct], dict[str, Any]] = {
    ListingEdit: {
        "title": "Edited",
        "description": "Edited too.",
        "product": "edited:1",
        "condition": "fair",
        "price": {"amount": 4_321, "currency": "GBP"},
        "custom_fields": {"size": "XL"},
        "images": [{"content_type": "image/png", "bytes": 4_321}],
        "parcel": {"weight_grams": 4_321, "length_mm": 432, "width_mm": 321, "height_mm": 43},
        "ships_from": "IE",
        "hs_code": "620193",
        "origin_country": "PT",
    },
    SellerEdit: {
        "payout_method": "store_credit",
        "payout_destination": "acct_edited",
        "ship_from": {**ADDRESS, "name": "Robin Edited"},
    },
}


def fields_of(kind: type[msgspec.Struct]) -> list[tuple[str, Any]]:
    return [(name, EDITS[kind][name]) for name in kind.__struct_fields__]


class TestPatch:
    def test_every_body_of_the_api_is_here(self) -> None:
        document = build_document(ENDPOINTS)
        bodies = {
            path["patch"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            for path in document["paths"].values()
            if "patch" in path
        }
        assert bodies == {kind.__name__ for kind in EDITS}

    @pytest.mark.parametrize(("field", "value"), fields_of(ListingEdit))
    def test_a_listing(self, front: Front, field: str, value: Any) -> None:
        seller = front.shopper()
        made, _ = front.world.draft(seller)
        before = front.get(f"/v1/listings/{made.id}", by=seller).json
        assert front.patch(f"/v1/listings/{made.id}", {field: value}, by=seller).status == 200
        after = front.get(f"/v1/listings/{made.id}", by=seller).json
        if field == "images":  # they are added to those there are
            assert [image["id"] for image in before["images"]] == [image["id"] for image in after["images"]][:-1]
            assert after["images"][-1]["upload"]["fields"]["Content-Type"] == "image/png"
        else:
            assert (_same(before[field], value), _same(after[field], value)) == (False, True)
        assert _differ(before, after) <= {field, "version", "updated_at", "images"}

    @pytest.mark.parametrize(("field", "value"), fields_of(SellerEdit))
    def test_a_seller_account(self, front: Front, field: str, value: Any) -> None:
        seller = front.shopper()
        first = {"payout_method": "cash", "payout_destination": "acct_first", "ship_from": ADDRESS}
        before = front.patch("/v1/seller_account", first, by=seller).json
        assert front.patch("/v1/seller_account", {field: value}, by=seller).status == 200
        after = front.get("/v1/seller_account", by=seller).json
        assert (_same(before[field], value), _same(after[field], value)) == (False, True)
        assert _differ(before, after) <= {field, "version", "updated_at"}


def _same(shown: Any, sent: Any) -> bool:
    """Whether what was sent is shown; an object may be shown with what was left out of it."""
    return bool((shown or {}) | sent == shown if isinstance(sent, dict) else shown == sent)


def _differ(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
