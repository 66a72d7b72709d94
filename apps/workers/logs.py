"""Log lines of the workers: one JSON object each, from an allow-list of fields, so that no task argument gets in.

Celery hands the arguments of every task to the log record (``extra={"data": …}``); a formatter that prints what it
finds would print them.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.config import dictConfig
from types import MappingProxyType
from typing import Any

from celery.signals import setup_logging

_NOTHING: MappingProxyType[str, str] = MappingProxyType({})
_context: ContextVar[MappingProxyType[str, str]] = ContextVar("worker_log_context", default=_NOTHING)


@contextmanager
def context(**fields: str) -> Iterator[None]:
    """Add fields to every log line of this block, this thread's only."""
    token = _context.set(MappingProxyType({**_context.get(), **fields}))
    try:
        yield
    finally:
        _context.reset(token)


class JSONLines(logging.Formatter):
    """Time, level, logger, message, the context's fields, and the trace of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_context.get(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


@setup_logging.connect
def configure(loglevel: int | str = logging.INFO, **_: Any) -> None:
    """Write all loggers' lines to stderr; connected, so Celery leaves logging alone."""
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": JSONLines}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"level": loglevel, "handlers": ["stderr"]},
        }
    )
