"""Assertions of the journey, and waiting for asynchronous work."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from deploy.local.journey.client import Response

T = TypeVar("T")

_PAUSE_SECONDS = 0.1


class JourneyFailed(Exception):  # noqa: N818 - named for what happened
    """Raised when a step has another result than expected; the message names the step and the result."""


def expect(response: Response, status: HTTPStatus, *, to: str) -> Any:
    """Return the JSON of a response with the expected status.

    Raises:
        JourneyFailed: It has another status.
    """
    if response.status != status:
        raise JourneyFailed(
            f"{to}: expected {status.value}, got {response.status}: {response.content[:600].decode(errors='replace')}"
        )
    return response.json if response.content else None


def require(condition: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence where it is called
    """Raise JourneyFailed unless a condition holds.

    Raises:
        JourneyFailed: It is not.
    """
    if not condition:
        raise JourneyFailed(what)


def await_state(read: Callable[[], T], done: Callable[[T], bool], *, until: str, seconds: float = 60.0) -> T:
    """Read repeatedly until a condition holds.

    Raises:
        JourneyFailed: Not within ``seconds``; the message shows what was read last.
    """
    deadline = time.monotonic() + seconds
    while True:
        state = read()
        if done(state):
            return state
        if time.monotonic() > deadline:
            raise JourneyFailed(f"waited {seconds:g} s until {until}; last seen: {str(state)[:600]}")
        time.sleep(_PAUSE_SECONDS)
