"""Which page an id leads to."""

from django.urls import reverse

from resale.domain.entities import ENTITIES, Absent


def find_page(text: str) -> str | None:
    """Return the address of the page of what an id names; None where there is no such page, or it is no id."""
    entity_type = ENTITIES.get(text.partition("_")[0])
    if entity_type is None or isinstance(entity_type.page, Absent) or not entity_type.id.matches(text):
        return None
    return reverse(f"admin:{entity_type.page}", kwargs={entity_type.argument: text})
