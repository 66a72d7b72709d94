"""Endpoints of those a shop works with: its partners' webhooks, and what its own carrier reports."""

from typing import Final

from apps.core import problems
from apps.storefront.openapi import codes
from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from apps.storefront.shipments import NewTrackingEvent
from apps.tenancy import errors as tenancy
from resale.application.queries.orders import BrandOrder
from resale.domain import claims, orders, partners, shipments
from resale.errors import Unavailable

PARTNER_ENDPOINTS: Final = (
    Endpoint(
        method="post",
        path="/v1/hooks/{connection_id}",
        id="receiveHook",
        tag="Partners",
        summary="Take what a partner tells by a webhook",
        details=(
            "The address to give to a payment or shipping provider. There is no API key: the body, of up to 64 KiB and "
            "in the provider's own form, is verified by the provider's own signature. It is durably kept before the "
            "answer; the same event again is taken again and changes nothing. A body that is not UTF-8 is refused for "
            "good (400); any other that is signed and says nothing to us is taken, and ignored on record."
        ),
        access=Access.ANYBODY,
        raw_body="As the provider sends it.",
        status=202,
        problems=(
            *codes.ACCOUNT,
            *codes_of(
                problems.MalformedBody,
                problems.BodyTimeout,
                problems.BodyTooLarge,
                problems.UnsupportedBody,
                partners.ConnectionNotFound,
                tenancy.RegistryUnavailable,
                partners.SignatureInvalid,
                partners.PartnerMisconfigured,
                partners.PartnerUnavailable,
                Unavailable,
            ),
        ),
    ),
    Endpoint(
        method="post",
        path="/v1/shipments/{shipment_id}/tracking_events",
        id="reportTracking",
        tag="Partners",
        summary="Report where a parcel is",
        details=(
            "For brands that ship by a carrier of their own. Reports may come in any order and any number of times: a "
            "parcel only moves forward. `shp_…` is an order's parcel, `rtn_…` the return of its claim."
        ),
        access=Access.BRAND,
        scope="orders:write",
        body=NewTrackingEvent,
        answers=(BrandOrder,),
        tagged=True,
        problems=codes_of(
            shipments.ShipmentNotFound,
            orders.OrderNotFound,
            orders.OrderTransitionRefused,
            orders.OrderChanged,
            claims.ClaimNotFound,
            claims.ClaimTransitionRefused,
            claims.ClaimChanged,
        ),
    ),
)
