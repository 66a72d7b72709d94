"""Evidence photos of a claim: slots like those of a listing, never public."""

from datetime import timedelta
from typing import Final

import msgspec

from resale.application.operations.access import authorize
from resale.application.operations.idempotency import record_command
from resale.application.ports import UnitOfWork
from resale.domain.access import Action
from resale.domain.changes import ChangeType
from resale.domain.claims import (
    CLAIMS,
    MAX_EVIDENCE,
    Claim,
    ClaimCommand,
    NewEvidence,
    TooMuchEvidence,
    update_claim,
)
from resale.domain.ids import MEDIA_ID, ClaimId
from resale.domain.media import Media, Slot, evidence_album

_UPLOAD_WINDOW: Final = timedelta(hours=1)  # as a listing's images have it
_UPLOAD_CHECK_AFTER: Final = timedelta(seconds=60)


def add_evidence(uow: UnitOfWork, *, claim_id: ClaimId, new: NewEvidence) -> Claim:
    """Add a slot for one photo to a claim that is not resolved; the claim returns to review.

    Shape: reads 1 item; commits 1 claim and 1 image (``claim.evidence_added``, ``image.requested``) and the command's
    record.

    Args:
        uow: Fresh; committed here once.
        claim_id: Which claim.
        new: What the upload will be.

    Returns:
        The claim, with one more of ``evidence_ids``.

    Raises:
        ClaimNotFound: None that the caller may see.
        Forbidden: Not the buyer.
        ClaimTransitionRefused: It is decided already.
        TooMuchEvidence: No room for more.
        IdempotencyConflict: The key was used before.
        Conflict: Another writer won.
    """
    claim = uow.claims.get(claim_id)
    authorize(uow, entity=claim, action=Action.ADD_EVIDENCE)
    status = CLAIMS.next_status(claim.status, ClaimCommand.ADD_EVIDENCE)
    if len(claim.evidence_ids) >= MAX_EVIDENCE:
        raise TooMuchEvidence(f"A claim has at most {MAX_EVIDENCE} photos.")
    photo = Media(
        id=MEDIA_ID.new(uow.ids),
        version=1,
        listing_id=evidence_album(claim.id),
        seller_id=claim.buyer_id,
        slot=Slot(content_type=new.content_type, bytes=new.bytes, sha256=new.sha256),
        upload_expires_at=uow.now + _UPLOAD_WINDOW,
        created_at=uow.now,
        updated_at=uow.now,
        due_at=uow.now + _UPLOAD_CHECK_AFTER,
    )
    claim = msgspec.structs.replace(claim, status=status, evidence_ids=(*claim.evidence_ids, photo.id))
    claim = update_claim(claim, now=uow.now)
    record_command(uow, entity_id=claim.id)
    uow.claims.save(claim, change_type=ChangeType.CLAIM_EVIDENCE_ADDED)
    uow.media.add(photo, change_type=ChangeType.IMAGE_REQUESTED)
    uow.commit()
    return claim
