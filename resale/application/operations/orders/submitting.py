"""Buying a listing: the reservation and the order, in one transaction."""

from datetime import timedelta
from typing import Final

import msgspec

from resale.application.operations.customers import Shopper, enrol_shopper
from resale.application.operations.idempotency import record_command
from resale.application.ports import UnitOfWork
from resale.domain.access import Action, Role, permits
from resale.domain.addresses import normalise_address
from resale.domain.amount_rules import AmountRules, share_of_seller
from resale.domain.changes import ChangeType
from resale.domain.entities import LISTING
from resale.domain.ids import ORDER_ID, CustomerId
from resale.domain.listing_snapshots import ListingSnapshot
from resale.domain.listings import (
    Listing,
    ListingCommand,
    ListingNotForSale,
    ListingStatus,
    transition_listing,
)
from resale.domain.money import share
from resale.domain.order_steps import STEP_DUE, hold_of
from resale.domain.orders import (
    Amounts,
    Commission,
    NewOrder,
    Order,
    OrderPrivate,
    OwnListing,
)
from resale.domain.quotes import OrderQuote, check_agreement, price_listing
from resale.domain.return_urls import check_return_url
from resale.domain.shipping_data import check_destination, shipping_data

COMMISSION_RULE: Final = "2026-1"


def submit_order(uow: UnitOfWork, *, shopper: Shopper, new: NewOrder) -> Order:
    """Reserve a listing and create its order, in one transaction.

    Shape: reads at most 2 items; commits 1 order and 1 listing (``order.submitted``, ``listing.reserved``), with the
    buyer's open holds, their customer on their first write and the command's record.

    Args:
        uow: Fresh; committed here once.
        shopper: The buyer.
        new: Validated by its own types; the address is checked, and sealed under the buyer's key.

    Returns:
        The order, ``status`` submitted; the workflow takes it from there.

    Raises:
        ListingNotFound: None that a buyer may see.
        ListingNotForSale: Reserved, sold or in review, from a status that was read.
        OwnListing: Nobody buys their own.
        CustomsDataMissing: The parcel would cross a customs border, and nobody said what is in it.
        ExportFilingRequired: It would leave the United States and is worth too much.
        PriceChanged, ListingVersionChanged: Not what the buyer agreed to.
        DestinationNotServed: The shop does not ship the listing to the country of the address.
        TooManyOpenOrders: The buyer has as many unpaid orders as the shop permits.
        Invalid: The return URL is not a page of the shop, the address lacks what its country needs, or the total that
            the buyer agreed to is missing.
        IdempotencyConflict: The key was used before.
        Conflict: Another writer won and the listing is still on sale; read again and retry.
    """
    if new.return_url is not None:
        check_return_url(new.return_url, tenant=uow.tenant)
    new = msgspec.structs.replace(new, shipping_address=normalise_address(new.shipping_address, at="/shipping_address"))
    buyer_id = enrol_shopper(uow, shopper=shopper)
    listing = uow.listings.get(new.listing_id)
    _check_buyable(uow, listing)
    tenant = uow.tenant
    data, country = shipping_data(listing, tenant.policies), new.shipping_address.country
    quote = price_listing(listing, tenant=tenant, country=country, weight_grams=data.parcel.weight_grams)
    check_agreement(new, quote, is_required=tenant.policies.expected_total_required)
    check_destination(data, recipient=new.shipping_address, value=listing.price)
    order = _new_order(uow, listing=listing, buyer_id=buyer_id, new=new, quote=quote)
    reserved = transition_listing(
        msgspec.structs.replace(listing, order_id=order.id), ListingCommand.RESERVE, now=uow.now
    )
    record_command(uow, entity_id=order.id)
    uow.orders.add(order, change_type=ChangeType.ORDER_SUBMITTED)
    uow.listings.save(reserved, change_type=ChangeType.LISTING_RESERVED, lost=_not_for_sale)
    uow.holds.add(buyer_id, hold_of(order), limit=tenant.policies.max_open_holds)
    uow.commit()
    return order


def _check_buyable(uow: UnitOfWork, listing: Listing) -> None:
    role = LISTING.authorize_view(uow.principal, listing)
    if role == Role.OWNER:
        raise OwnListing("A seller cannot buy their own listing.")
    if not permits(Action.BUY_LISTING, role, listing.status):
        raise ListingNotForSale(f"The listing has the status {listing.status}.")
    fault = uow.tenant.amount_rules(listing.price.currency).find_charge_fault(listing.price.amount)
    if fault is not None:  # published before the shop had this payment provider, or by an older release
        raise ListingNotForSale(f"The price of the listing cannot be paid. {fault[1]}")


def _not_for_sale(status: str) -> ListingNotForSale | None:
    return (
        None
        if status == ListingStatus.ACTIVE
        else ListingNotForSale(f"The listing has the status {status} and is not for sale.")
    )


def _new_order(uow: UnitOfWork, *, listing: Listing, buyer_id: CustomerId, new: NewOrder, quote: OrderQuote) -> Order:
    order_id = ORDER_ID.new(uow.ids)
    private = OrderPrivate(
        shipping_address=new.shipping_address, payment_token=new.payment_token, return_url=new.return_url
    )
    rules = uow.tenant.amount_rules(quote.amounts.currency)
    return Order(
        id=order_id,
        version=1,
        livemode=not uow.tenant.sandbox,
        listing_id=listing.id,
        buyer_id=buyer_id,
        seller_id=listing.seller_id,
        market=listing.market,
        locale=uow.tenant.locale,
        listing=_snapshot_of(uow, listing),
        amounts=quote.amounts,
        shipping=quote.shipping,
        tax=quote.tax,
        commission=_commission_on(quote.amounts, uow.tenant.commission_basis_points, rules=rules),
        hold_expires_at=uow.now + timedelta(minutes=uow.tenant.policies.hold_minutes),
        created_at=uow.now,
        updated_at=uow.now,
        due_at=uow.now + STEP_DUE,
        private=uow.vault.seal(private, owner_id=buyer_id, entity_id=order_id),
    )


def _snapshot_of(uow: UnitOfWork, listing: Listing) -> ListingSnapshot:
    return ListingSnapshot(
        listing_id=listing.id,
        version=listing.version,
        title=listing.title,
        product=listing.product,
        condition=listing.condition,
        photo_sha256s=tuple(rendition.sha256 for photo in listing.photos for rendition in photo.renditions),
        shipping=shipping_data(listing, uow.tenant.policies),
    )


def _commission_on(amounts: Amounts, basis_points: int, *, rules: AmountRules) -> Commission:
    """Return the commission; it bears the rounding to what the payment provider can pay to the seller."""
    at_rate, total, unit = share(amounts.item_total, basis_points), amounts.item_total, rules.payout_unit
    return Commission(
        basis_points=basis_points,
        base=total,
        amount=total - share_of_seller(total, commission=at_rate, unit=unit),
        rule_version=COMMISSION_RULE,
        unit=unit,
    )
