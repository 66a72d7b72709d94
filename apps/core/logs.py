"""Logs: one JSON object a line, without personal data. Exceptions are logged as types and places, without messages."""

import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

import msgspec
from pythonjsonlogger.core import LogData
from pythonjsonlogger.msgspec import MsgspecFormatter

_encode = msgspec.json.Encoder().encode
_context: ContextVar[Mapping[str, str]] = ContextVar("log_context")

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Formatter(MsgspecFormatter):
    """Adds the context of the thread to each line, and removes values from stack traces."""

    def __init__(self) -> None:
        super().__init__(
            "{message}{levelname}{name}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="at",
        )

    def format(self, record: logging.LogRecord) -> str:
        """Format a record. A record with its own JSON (a request or a metric) is written unchanged, to save time."""
        if isinstance(record.msg, msgspec.Struct | msgspec.Raw):
            return _encode(record.msg).decode()
        return super().format(record)

    def process_log_record(self, log_data: LogData) -> LogData:
        """Add the context of the request or task; fields of the line take precedence."""
        context = _context.get(None)
        return log_data if context is None else {**context, **log_data}

    def formatException(self, ei: Any) -> list[str]:  # type: ignore[override]  # noqa: N802 - both as its base has it
        """Return the type and the place of each exception of the chain. Messages are omitted: they may quote input."""
        return describe_exception(ei)


def describe_exception(exc_info: _ExcInfo) -> list[str]:
    """Describe an exception and its causes, the newest first, without messages."""
    lines: list[str] = []
    error = exc_info[1]
    while error is not None:
        lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        ]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return lines


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Add fields to every line that this thread logs within the block."""
    token = enter_context({**_context.get({}), **fields})
    try:
        yield
    finally:
        leave_context(token)


def enter_context(fields: Mapping[str, str]) -> Token[Mapping[str, str]]:
    """Replace the fields of every line on this thread until ``leave_context``. Only for the hot path."""
    return _context.set(fields)


def leave_context(token: Token[Mapping[str, str]]) -> None:
    """Restore the fields from before ``enter_context``."""
    _context.reset(token)
