"""Dead letters, for the brand's own back end: what its queues gave up on, and what is to become of it."""

from typing import Any, Final

from msgspec import UNSET

from apps.core.dead_letters import LetterOffice
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.parameters import DeadLettersQuery, NoBody, given
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.dead_letters import Discard
from resale.application.queries.dead_letters import DeadLetterDetail, DeadLetterPage, DeadLetterView, DryRun
from resale.domain.dead_letters import (
    DeadLetterChanged,
    DeadLetterGone,
    DeadLetterHeld,
    DeadLetterNotFound,
    DeadLetterTransitionRefused,
)
from resale.domain.ids import DeadLetterId

_TAG: Final = "Dead letters"
_COLLECTION: Final = "/v1/dead_letters"
_SEEN: Final = (DeadLetterNotFound, DeadLetterHeld)
_ACTED_ON: Final = (*_SEEN, DeadLetterTransitionRefused, DeadLetterChanged, DeadLetterGone)


@Endpoint(
    method="get",
    path=_COLLECTION,
    id="listDeadLetters",
    tag=_TAG,
    summary="What the queues gave up on, the longest sent first",
    details=(
        "Of one queue or of all, up to a thousand messages each. A look takes a second or two, and while somebody "
        "else looks, some more: a queue shows a message to one at a time."
    ),
    access=Access.BRAND,
    scope=Scope.DEAD_LETTERS_READ,
    query=DeadLettersQuery,
    responses=(DeadLetterView,),
    listed=True,
)
def list_all(context: Context[DeadLettersQuery, None]) -> DeadLetterPage:
    """List what lies in one dead-letter queue or in all, the longest sent first."""
    query = context.query
    queue = None if query.queue is UNSET else query.queue
    return _office(context).list_letters(queue=queue, limit=query.limit, cursor=given(query.cursor))


@Endpoint(
    method="get",
    path="/v1/dead_letters/{letter_id}",
    id="getDeadLetter",
    tag=_TAG,
    summary="One dead letter, why it failed, and what happened to what it is about",
    details="Also one that was replayed or discarded.",
    access=Access.BRAND,
    scope=Scope.DEAD_LETTERS_READ,
    responses=(DeadLetterDetail,),
    problems=_SEEN,
)
def get(context: Context[None, None], letter_id: DeadLetterId) -> DeadLetterDetail:
    """Show one with its body, its last error and the timeline of what it is about."""
    return _office(context).show(letter_id)


@Endpoint(
    method="post",
    path="/v1/dead_letters/{letter_id}/dry_run",
    id="dryRunDeadLetter",
    tag=_TAG,
    summary="What a replay would do, as things stand now",
    details="Nothing is changed, sent, or asked of a partner. Without `effects` it would find its work done.",
    access=Access.BRAND,
    scope=Scope.DEAD_LETTERS_READ,
    body=NoBody,
    is_body_required=False,
    responses=(DryRun,),
    problems=_SEEN,
)
def dry_run(context: Context[None, NoBody], letter_id: DeadLetterId) -> DryRun:
    """Say what a replay would do."""
    return _office(context).dry_run(letter_id)


@Endpoint(
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
    scope=Scope.DEAD_LETTERS_MANAGE,
    body=NoBody,
    is_body_required=False,
    status=202,
    location=_COLLECTION,
    responses=(DeadLetterView,),
    problems=_ACTED_ON,
)
def replay(context: Context[None, NoBody], letter_id: DeadLetterId) -> DeadLetterView:
    """Have one run once more."""
    return _office(context).replay(letter_id)


@Endpoint(
    method="post",
    path="/v1/dead_letters/{letter_id}/discard",
    id="discardDeadLetter",
    tag=_TAG,
    summary="Give a message up, with a reason",
    details="Takes it out of the dead letters; its body stays on record. Said again the first reason stands.",
    access=Access.BRAND,
    scope=Scope.DEAD_LETTERS_MANAGE,
    body=Discard,
    responses=(DeadLetterView,),
    problems=_ACTED_ON,
)
def discard(context: Context[None, Discard], letter_id: DeadLetterId) -> DeadLetterView:
    """Give one up, with a reason."""
    return _office(context).discard(letter_id, reason=context.body.reason)


def _office(context: Context[Any, Any]) -> LetterOffice:
    return LetterOffice(context.tenant, principal=context.principal, run=context.run, now=context.now)
