"""The shopper's own seller account: how they are paid and where they ship from."""

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.permissions import Access
from resale.application.operations.sellers import edit_seller
from resale.application.queries.sellers import SellerView, get_own_seller, seller_document, view_seller
from resale.domain.customers import CustomerChanged
from resale.domain.sellers import PayoutDestinationRefused, SellerChanged, SellerEdit, SellerNotFound


@Endpoint(
    method="get",
    path="/v1/seller_account",
    id="getSellerAccount",
    tag="Money",
    summary="Retrieve the shopper's seller account",
    details=(
        "`available` is the amount of the next payout. A negative amount is owed and deducted from future earnings."
    ),
    access=Access.SHOPPER,
    responses=(SellerView,),
    tagged=True,
    problems=(SellerNotFound,),
)
def get(context: Context[None, None]) -> SellerView:
    """Return the caller's seller account."""
    return get_own_seller(reader=context.reader, principal=context.principal)


@Endpoint(
    method="patch",
    path="/v1/seller_account",
    id="editSellerAccount",
    tag="Money",
    summary="Update the payout method and ship-from address of a seller account",
    details=(
        "Fields that are absent do not change. `payout_destination` is the payment provider's reference of an account; "
        "entering it is deprecated: create an onboarding link instead."
    ),
    access=Access.SHOPPER,
    body=SellerEdit,
    responses=(SellerView,),
    tagged=True,
    problems=(SellerChanged, CustomerChanged, PayoutDestinationRefused),
)
def edit(context: Context[None, SellerEdit]) -> SellerView:
    """Edit the payout method and ship-from address of the caller's account."""
    seller = context.run(edit_seller, shopper=context.shopper, edit=context.body)
    return view_seller(reader=context.reader, document=seller_document(seller))
