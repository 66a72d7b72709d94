"""Names of tasks. They are in queue messages and never change."""

from typing import Final

ADVANCE_ORDER: Final = "orders.advance"
ADVANCE_CLAIM: Final = "claims.advance"
ADVANCE_PAYOUT: Final = "payouts.advance"
START_PAYOUT: Final = "payouts.start"
EXPIRE_LISTING: Final = "listings.expire"
PROCESS_IMAGE: Final = "images.process"
PUBLISH_PHOTOS: Final = "listings.publish_photos"
RETIRE_PHOTOS: Final = "listings.retire_photos"
PROCESS_INBOUND: Final = "inbound.process"
PROCESS_UPLOAD: Final = "images.process_upload"
SWEEP_AFTER_JUMP: Final = "clocks.sweep"
