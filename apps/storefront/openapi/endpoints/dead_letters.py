"""Endpoints of dead letters: looked at, replayed, discarded."""

from typing import Final

from apps.storefront.openapi import codes
from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from apps.storefront.parameters import DeadLettersQuery, NoBody
from resale.application.operations.dead_letters import Discard
from resale.application.queries.dead_letters import DeadLetterDetail, DeadLetterView, DryRun
from resale.domain import dead_letters

_TAG: Final = "Dead letters"
_READ: Final = "dead_letters:read"
_MANAGE: Final = "dead_letters:manage"
_LOOK: Final = codes_of(dead_letters.DeadLetterNotFound, dead_letters.DeadLetterHeld)
_ACT: Final = (
    *_LOOK,
    *codes_of(dead_letters.DeadLetterTransitionRefused, dead_letters.DeadLetterChanged, dead_letters.DeadLetterGone),
)

DEAD_LETTER_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/dead_letters",
        id="listDeadLetters",
        tag=_TAG,
        summary="What the queues gave up on, the longest sent first",
        details=(
            "Of one queue or of all, up to a thousand messages each. A look takes a second or two, and while somebody "
            "else looks, some more: a queue shows a message to one at a time."
        ),
        access=Access.BRAND,
        scope=_READ,
        query=DeadLettersQuery,
        answers=(DeadLetterView,),
        listed=True,
        problems=codes.LIST,
    ),
    Endpoint(
        method="get",
        path="/v1/dead_letters/{letter_id}",
        id="getDeadLetter",
        tag=_TAG,
        summary="One dead letter, why it failed, and what happened to what it is about",
        details="Also one that was replayed or discarded.",
        access=Access.BRAND,
        scope=_READ,
        answers=(DeadLetterDetail,),
        problems=_LOOK,
    ),
    Endpoint(
        method="post",
        path="/v1/dead_letters/{letter_id}/dry_run",
        id="dryRunDeadLetter",
        tag=_TAG,
        summary="What a replay would do, as things stand now",
        details="Nothing is changed, sent, or asked of a partner. Without `effects` it would find its work done.",
        access=Access.BRAND,
        scope=_READ,
        body=NoBody,
        body_required=False,
        answers=(DryRun,),
        problems=_LOOK,
    ),
    Endpoint(
        method="post",
        path="/v1/dead_letters/{letter_id}/replay",
        id="replayDeadLetter",
        tag=_TAG,
        summary="Run a message once more",
        details=(
            "Sends the original body to its queue and takes the message out of the dead letters; both are on record. "
            "Said again it answers the same and sends nothing; after a fault it finishes what was begun. When it fails "
            "again, it comes back as a dead letter of another id."
        ),
        access=Access.BRAND,
        scope=_MANAGE,
        body=NoBody,
        body_required=False,
        status=202,
        answers=(DeadLetterView,),
        problems=_ACT,
    ),
    Endpoint(
        method="post",
        path="/v1/dead_letters/{letter_id}/discard",
        id="discardDeadLetter",
        tag=_TAG,
        summary="Give a message up, with a reason",
        details="Takes it out of the dead letters; its body stays on record. Said again the first reason stands.",
        access=Access.BRAND,
        scope=_MANAGE,
        body=Discard,
        answers=(DeadLetterView,),
        problems=_ACT,
    ),
)
