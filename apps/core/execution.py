"""How a door runs an operation: a fresh unit of work a try, and a lost race is read and tried again."""

from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

import tenacity

from resale.application.ports import IdempotencyConflict, IdempotencyInProgress, UnitOfWork
from resale.errors import Conflict, Contended, Invalid, Unavailable

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS: Final = 6
PATIENCE_SECONDS: Final = 3.0  # no further try begins later than this: a request has better uses for its thread

#: What a second try cannot mend: the record of an earlier request answers instead.
_FINAL: Final = (IdempotencyConflict, IdempotencyInProgress)

#: What says nothing of what was read: raised as it is.
_TOLD: Final = (Conflict, Unavailable, Invalid)


class RunOperation(Protocol):
    """Runs one operation for whoever is at an entrypoint, given the operation's own arguments."""

    def __call__(
        self, operation: Callable[Concatenate[UnitOfWork, P], R], /, *args: P.args, **arguments: P.kwargs
    ) -> R:
        """Run it on a fresh unit of work. Raises the operation's own outcomes."""


def perform(
    open_uow: Callable[[], UnitOfWork],
    operation: Callable[Concatenate[UnitOfWork, P], R],
    /,
    *args: P.args,
    **arguments: P.kwargs,
) -> R:
    """Run one operation; on a Conflict re-read and re-apply it, with jitter, a bounded number of times.

    An operation that failed because another writer committed between two of its reads is a Conflict, too, whatever it
    raised: it decided from a listing and a purchase, say, that never were so at one moment.

    Args:
        open_uow: Opens a fresh unit of work for one tenant, in the same context each time.
        operation: The use case; commits once.
        args: None: an operation's arguments are named.
        arguments: Its own arguments.

    Returns:
        What the operation returns.

    Raises:
        Outcome: The operation's own, or the last Conflict.
        Unavailable: The last try, too, was one of too many at once.
    """
    return perform_within(ATTEMPTS, open_uow, operation, *args, **arguments)


def perform_within(
    attempts: int,
    open_uow: Callable[[], UnitOfWork],
    operation: Callable[Concatenate[UnitOfWork, P], R],
    /,
    *args: P.args,
    **arguments: P.kwargs,
) -> R:
    """Run one operation as ``perform`` does, at most ``attempts`` times.

    Once, where the client said which version it means (If-Match): read again, it is another one.
    """

    def attempt() -> R:
        uow = open_uow()
        try:
            return operation(uow, *args, **arguments)
        except _TOLD:
            raise
        except Exception as error:
            if uow.is_torn():
                raise Conflict("Somebody else changed this meanwhile; read it again.") from error
            raise

    try:
        return _persist(attempt, attempts)
    except Contended as contended:
        raise Unavailable("Too many are changing this at once.", retry_after_seconds=1) from contended


def _persist(attempt: Callable[[], R], attempts: int) -> R:
    try:
        return attempt()  # almost always enough, and free of the retry's own cost
    except _FINAL:
        raise
    except Conflict:
        if attempts <= 1:
            raise
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_worth_another_try),
        stop=tenacity.stop_any(tenacity.stop_after_attempt(attempts - 1), tenacity.stop_after_delay(PATIENCE_SECONDS)),
        wait=tenacity.wait_random_exponential(multiplier=0.01, max=0.25),
        reraise=True,
    )
    return again(attempt)


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, Conflict) and not isinstance(error, _FINAL)
