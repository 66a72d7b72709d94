"""Operations of listings: create, edit, submit, pause, resume, withdraw, moderate, relist, expire."""

from resale.application.operations.listings.drafting import (
    UPLOAD_CHECK_AFTER,
    UPLOAD_WINDOW,
    create_listing,
    edit_listing,
)
from resale.application.operations.listings.expiring import expire_listing
from resale.application.operations.listings.pausing import pause_listing, resume_listing
from resale.application.operations.listings.relisting import relist_listing
from resale.application.operations.listings.reviewing import (
    Decision,
    Moderation,
    moderate_listing,
    submit_listing,
    withdraw_listing,
)

__all__ = [
    "UPLOAD_CHECK_AFTER",
    "UPLOAD_WINDOW",
    "Decision",
    "Moderation",
    "create_listing",
    "edit_listing",
    "expire_listing",
    "moderate_listing",
    "pause_listing",
    "relist_listing",
    "resume_listing",
    "submit_listing",
    "withdraw_listing",
]
