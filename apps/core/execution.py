"""Running an operation: a fresh unit of work for each attempt, and a retry after a lost race."""

from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

import tenacity

from resale.application.ports import IdempotencyConflict, IdempotencyInProgress, UnitOfWork
from resale.errors import Conflict, Contended, Invalid, Unavailable

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS: Final = 6
PATIENCE_SECONDS: Final = 3.0  # no further attempt begins later than this: a request has better uses for its thread

#: What a retry cannot mend: the record of an earlier request answers instead.
_FINAL: Final = (IdempotencyConflict, IdempotencyInProgress)

#: What does not depend on what was read: raised as it is.
_AS_IT_IS: Final = (Conflict, Unavailable, Invalid)


class RunOperation(Protocol):
    """Signature of a function that runs one operation for the caller of an entrypoint."""

    def __call__(
        self, operation: Callable[Concatenate[UnitOfWork, P], R], /, *args: P.args, **arguments: P.kwargs
    ) -> R:
        """Run the operation on a fresh unit of work. Raises the operation's own outcomes."""


def run_with_retries(
    open_uow: Callable[[], UnitOfWork],
    operation: Callable[Concatenate[UnitOfWork, P], R],
    /,
    *args: P.args,
    **arguments: P.kwargs,
) -> R:
    """Run one operation. After a Conflict, read again and retry, with jitter, a bounded number of times.

    When another writer committed between two reads of an operation that failed, this is a Conflict, too, whatever the
    operation raised: it decided from a listing and a purchase, say, that never were so at one moment.

    Args:
        open_uow: Opens a fresh unit of work for one tenant, in the same context each time.
        operation: The use case; commits once.
        args: None: an operation's arguments are named.
        arguments: Its own arguments.

    Returns:
        What the operation returns.

    Raises:
        Outcome: The operation's own, or the last Conflict.
        Unavailable: In the last attempt, too, too many writers were at it.
    """
    return run_with_attempts(ATTEMPTS, open_uow, operation, *args, **arguments)


def run_with_attempts(
    attempts: int,
    open_uow: Callable[[], UnitOfWork],
    operation: Callable[Concatenate[UnitOfWork, P], R],
    /,
    *args: P.args,
    **arguments: P.kwargs,
) -> R:
    """Run one operation like ``run_with_retries``, in at most ``attempts`` attempts.

    One attempt is enough where the client named a version (If-Match): after a lost race there is another version.
    """

    def attempt() -> R:
        uow = open_uow()
        try:
            return operation(uow, *args, **arguments)
        except _AS_IT_IS:
            raise
        except Exception as error:
            if uow.is_torn():
                raise Conflict("Another request changed this object meanwhile. Read it again, then retry.") from error
            raise

    try:
        return _retry(attempt, attempts)
    except Contended as contended:
        raise Unavailable(
            "Too many requests change this object at the same time. Retry later.", retry_after_seconds=1
        ) from contended


def _retry(attempt: Callable[[], R], attempts: int) -> R:
    try:
        return attempt()  # almost always enough, and free of the retry's own cost
    except _FINAL:
        raise
    except Conflict:
        if attempts <= 1:
            raise
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_worth_a_retry),
        stop=tenacity.stop_any(tenacity.stop_after_attempt(attempts - 1), tenacity.stop_after_delay(PATIENCE_SECONDS)),
        wait=tenacity.wait_random_exponential(multiplier=0.01, max=0.25),
        reraise=True,
    )
    return again(attempt)


def _is_worth_a_retry(error: BaseException) -> bool:
    return isinstance(error, Conflict) and not isinstance(error, _FINAL)
