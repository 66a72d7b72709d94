"""Dead letters, for the brand's own back end."""

from typing import Any, Final

from msgspec import UNSET

from apps.core.dead_letters import DeadLetterService
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.parameters import DeadLettersQuery, NoBody, none_if_unset
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
    summary="List dead letters, the oldest first",
    details=(
        "Of one queue or of all, at most a thousand messages of each. Reading a queue takes one or two seconds, and "
        "longer while another client reads it, because a queue shows each message to one reader at a time."
    ),
    access=Access.BRAND,
    scope=Scope.DEAD_LETTERS_READ,
    query=DeadLettersQuery,
    responses=(DeadLetterView,),
    listed=True,
)
def list_all(context: Context[DeadLettersQuery, None]) -> DeadLetterPage:
    """List the messages of one dead-letter queue or of all, oldest first."""
    query = context.query
    queue = None if query.queue is UNSET else query.queue
    return _office(context).list_letters(queue=queue, limit=query.limit, cursor=none_if_unset(query.cursor))


@Endpoint(
    method="get",
    path="/v1/dead_letters/{letter_id}",
    id="getDeadLetter",
    tag=_TAG,
    summary="Retrieve a dead letter, with its failures and the history of its object",
    details="Also returns dead letters that were replayed or discarded.",
    access=Access.BRAND,
    scope=Scope.DEAD_LETTERS_READ,
    responses=(DeadLetterDetail,),
    problems=_SEEN,
)
def get(context: Context[None, None], letter_id: DeadLetterId) -> DeadLetterDetail:
    """Return a dead letter with its body, its last error and the timeline of its object."""
    return _office(context).show(letter_id)


@Endpoint(
    method="post",
    path="/v1/dead_letters/{letter_id}/dry_run",
    id="dryRunDeadLetter",
    tag=_TAG,
    summary="Preview the effects of a replay",
    details=(
        "Changes nothing, sends nothing and calls no partner. An empty `effects` means that the work of the message "
        "is already done."
    ),
    access=Access.BRAND,
    scope=Scope.DEAD_LETTERS_READ,
    body=NoBody,
    is_body_required=False,
    responses=(DryRun,),
    problems=_SEEN,
)
def dry_run(context: Context[None, NoBody], letter_id: DeadLetterId) -> DryRun:
    """Return the effects of a replay."""
    return _office(context).dry_run(letter_id)


@Endpoint(
    method="post",
    path="/v1/dead_letters/{letter_id}/replay",
    id="replayDeadLetter",
    tag=_TAG,
    summary="Replay a dead letter",
    details=(
        "Sends the original body to its queue and removes the message from the dead-letter queue; both are "
        "recorded. Idempotent: repeating it sends nothing, or completes a replay that was interrupted. If the "
        "message fails again, it becomes a dead letter with another id."
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
    """Replay a dead letter."""
    return _office(context).replay(letter_id)


@Endpoint(
    method="post",
    path="/v1/dead_letters/{letter_id}/discard",
    id="discardDeadLetter",
    tag=_TAG,
    summary="Discard a dead letter, with a reason",
    details=(
        "Removes the message from the dead-letter queue and stores its body. Idempotent: repeating it has no "
        "effect, and the first reason is kept."
    ),
    access=Access.BRAND,
    scope=Scope.DEAD_LETTERS_MANAGE,
    body=Discard,
    example={"reason": "The order was settled by hand."},
    responses=(DeadLetterView,),
    problems=_ACTED_ON,
)
def discard(context: Context[None, Discard], letter_id: DeadLetterId) -> DeadLetterView:
    """Discard a dead letter, with a reason."""
    return _office(context).discard(letter_id, reason=context.body.reason)


def _office(context: Context[Any, Any]) -> DeadLetterService:
    return DeadLetterService(context.tenant, principal=context.principal, run=context.run, now=context.now)
