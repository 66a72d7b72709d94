"""The entity type of images."""

from typing import Final

from resale.domain import task_names
from resale.domain.entities.entity_type import Absent, EntityType, Table
from resale.domain.ids import MEDIA_ID, MediaId
from resale.domain.media import Media, MediaChanged, MediaNotFound

IMAGE: Final = EntityType[MediaId, Media](
    id=MEDIA_ID,
    struct=Media,
    name="image",
    about="An image slot of a listing or of a claim's evidence, with the result of the upload.",
    table=Table.LISTINGS,
    not_found=MediaNotFound,
    changed=MediaChanged,
    owner=lambda media: media.seller_id,
    view=Absent("it is read as a part of its listing or claim"),
    history=Absent("the listing contains its data when submitted, and the listing's history has it"),
    argument="media_id",
    parent="listing_id",
    wake_task=task_names.PROCESS_IMAGE,
    page=Absent("it is shown on the page of its listing or claim"),
    states=Absent("it leaves awaiting_upload once, to ready, rejected or expired"),
    sample="media",
)
