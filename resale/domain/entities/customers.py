"""The entity type of customers."""

from typing import Final

from resale.domain.customers import Customer, CustomerChanged, CustomerNotFound
from resale.domain.entities.entity_type import NEVER_WAITS, ONE_STATUS, Absent, EntityType, Table
from resale.domain.ids import CUSTOMER_ID, CustomerId

CUSTOMER: Final = EntityType[CustomerId, Customer](
    id=CUSTOMER_ID,
    struct=Customer,
    name="customer",
    about="A shopper of one shop, as buyer and as seller, identified by a keyed hash and never by name.",
    table=Table.CUSTOMERS,
    not_found=CustomerNotFound,
    changed=CustomerChanged,
    owner=lambda customer: customer.id,
    view=Absent("only its id is shown"),
    history=Absent("it is created and never changed"),
    argument="customer_id",
    wake_task=NEVER_WAITS,
    page=Absent("it has no page; a search by its id finds its listings and orders"),
    states=ONE_STATUS,
    sample="customer",
)
