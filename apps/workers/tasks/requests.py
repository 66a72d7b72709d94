"""Celery's request, which notes failures that a task cannot note itself: a lost process or a time limit."""

from typing import Any

from billiard.einfo import ExceptionWithTraceback  # type: ignore[attr-defined]  # not in the stubs
from celery.exceptions import TimeLimitExceeded
from celery.worker.request import Request


class NotedRequest(Request):
    """A message in progress, in the worker's main process."""

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        """Note a failure that the pool found; ``return_ok`` means that the task itself reported it."""
        if not return_ok:
            error = exc_info.exception
            self._note(error.exc if isinstance(error, ExceptionWithTraceback) else error)
        super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001 - Celery's signature
        """Note the hard time limit; the soft one is an exception within the task."""
        if not soft:
            self._note(TimeLimitExceeded(timeout))
        super().on_timeout(soft, timeout)

    def _note(self, error: BaseException) -> None:
        self.message.channel.note_failure(self.message.delivery_tag, error, task=self.name, kwargs=self.kwargs)
