"""An operation authorises the principal of its unit of work; who is refused an action is told why."""

import ast

import pytest

from resale.application.operations.access import authorize
from resale.application.operations.customers import enrol_shopper
from resale.application.operations.listings import withdraw_listing
from resale.application.operations.orders import cancel_order
from resale.domain.access import Action, Principal, Role
from resale.domain.listings import ListingStatus
from tests.architecture.sources import broken, calls, sources
from tests.operations.world import BRAND, World, customer_of


class TestRefusals:
    def test_every_action_that_is_authorised_has_a_sentence(self) -> None:
        used = {
            ast.unparse(keyword.value).removeprefix("Action.")
            for source in sources("resale/application/operations")
            for call, called in calls(source.tree)
            if called in {"authorize", "require_standing"}
            for keyword in call.keywords
            if keyword.arg == "action"
        }
        offences = sorted(used ^ {action.name for action in Action if action.refusal})
        reason = "Each says beside its value in domain/access.py what a refusal says, and no other does:"
        assert not offences, broken(reason, offences)


class TestAuthorize:
    def test_says_what_the_principal_is_to_the_entity(self, world: World) -> None:
        seller, buyer = world.shopper(), world.shopper()
        order = world.order(buyer, world.active(seller))
        for principal, role in (
            (world.principal(buyer), Role.OWNER),
            (BRAND, Role.BRAND),
            (Principal(standing=Role.MANAGER), Role.MANAGER),
        ):
            assert authorize(world.uow(principal=principal), entity=order, action=Action.CANCEL_ORDER) == role

    def test_permits_nobody_where_nobody_acts(self, world: World) -> None:
        order = world.order(world.shopper(), world.active(world.shopper()))
        with pytest.raises(TypeError, match="nobody's permissions"):
            cancel_order(world.uow(), order_id=order.id)
        assert world.stored_order(order) == order

    def test_permits_a_shopper_from_where_their_customer_is_known(self, world: World) -> None:
        seller = world.shopper()
        listing, _ = world.draft(seller)
        uow = world.uow()
        enrol_shopper(uow, shopper=seller)
        assert uow.principal == Principal(customer_id=customer_of(world, seller))
        assert withdraw_listing(uow, listing_id=listing.id).status == ListingStatus.WITHDRAWN
