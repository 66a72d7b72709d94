"""Path parameters that are ids: their entity type, the accepted ids, and the error of any other text."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from resale.domain.entities import CUSTOMER, ENTITIES
from resale.domain.ids import CONNECTION_ID, RETURN_ID, SHIPMENT_ID, IdType
from resale.domain.partners import ConnectionNotFound
from resale.domain.shipments import ShipmentNotFound
from resale.errors import NotFound


class PathId(msgspec.Struct, frozen=True, kw_only=True):
    """A path parameter that is an id.

    Attributes:
        name: What it names, as ``not_found`` says it.
        description: For the OpenAPI document.
        ids: The kinds of id that it takes.
        not_found: Raised for a text that is none of them.
    """

    name: str
    description: str
    ids: tuple[IdType[Any], ...]
    not_found: type[NotFound]

    @property
    def pattern(self) -> str:
        """Its pattern, for the OpenAPI document."""
        prefixes = "|".join(one.prefix for one in self.ids)
        return f"^{prefixes if len(self.ids) == 1 else f'(?:{prefixes})'}_[0-9a-f]{{32}}$"

    def check(self, text: str) -> None:
        """Raise ``not_found`` unless the text is an accepted id."""
        for one in self.ids:
            if one.matches(text):
                return
        raise self.not_found(f"No such {self.name}.")


PATH_IDS: Final[Mapping[str, PathId]] = {
    **{
        entity_type.argument: PathId(
            name=entity_type.name,
            description=f"The {entity_type.name}.",
            ids=(entity_type.id,),
            not_found=entity_type.not_found,
        )
        for entity_type in ENTITIES.values()
    },
    "seller_id": PathId(
        name="seller",
        description="The seller: `seller_id` of a listing.",
        ids=(CUSTOMER.id,),
        not_found=CUSTOMER.not_found,
    ),
    "connection_id": PathId(
        name="connection",
        description="The shop's connection to the partner.",
        ids=(CONNECTION_ID,),
        not_found=ConnectionNotFound,
    ),
    "shipment_id": PathId(
        name="parcel", description="The parcel.", ids=(SHIPMENT_ID, RETURN_ID), not_found=ShipmentNotFound
    ),
}
