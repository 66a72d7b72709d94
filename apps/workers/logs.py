"""Filtering of Celery's log lines: no task arguments and no exception messages.

Celery hands a task's arguments to each record (``extra={"data": …}``, which a JSON formatter prints) and writes the
exception's message, which may quote input, into its own.
"""

import logging
from collections.abc import Mapping
from logging.config import dictConfig
from typing import Any, Final

from celery.signals import setup_logging
from celery.utils.log import get_multiprocessing_logger

_TASK_LOGGERS: Final = ("celery.app.trace", "celery.worker.strategy", "celery.worker.request")
_STANDALONE: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "apps.core.logs.Formatter"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["stdout"], "level": "INFO"},
}


def redact(record: logging.LogRecord) -> bool:
    """Remove arguments and exception messages from a record of Celery; a logging filter that accepts every record."""
    record.__dict__.pop("data", None)
    if isinstance(record.args, Mapping) and "exc" in record.args:
        kind = record.exc_info[0] if record.exc_info else None
        record.args = {**record.args, "exc": kind.__name__ if kind else "error", "traceback": ""}
    return True


@setup_logging.connect
def configure(**_: Any) -> None:
    """Keep the logging of Django's settings (Celery configures none where this is connected); add the filter."""
    if not logging.getLogger().handlers:  # without Django
        dictConfig(_STANDALONE)
    logging.captureWarnings(capture=True)
    if (pool_logger := get_multiprocessing_logger()) is not None:
        pool_logger.propagate = True  # billiard keeps its lines apart: the ends of pool processes
        pool_logger.setLevel(logging.WARNING)
    for name in _TASK_LOGGERS:
        logging.getLogger(name).addFilter(redact)
