"""Metrics as log lines in CloudWatch's embedded metric format, from which the log agent creates metrics.

A tenant is never a dimension: each value of one is billed as a metric of its own, and tenants are many. Who a metric is
about is a property, which Logs Insights finds. Only what has a few values for the whole platform is a dimension.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

NAMESPACE: Final = "Resale"

_NO_DIMENSIONS: Final[Mapping[str, str]] = {}

Unit = Literal["Count", "Seconds", "Milliseconds", "Bytes", "None"]

logger = logging.getLogger("resale.metrics")
_encode: Final = msgspec.json.Encoder().encode


def emit(
    values: Mapping[str, tuple[float, Unit]],
    *,
    at: datetime,
    dimensions: Mapping[str, str] = _NO_DIMENSIONS,
    **properties: str | int,
) -> None:
    """Write one log line with these metrics.

    Args:
        values: By name; a name is never changed once alarms are made of it.
        at: Moment of the measurement, aware UTC.
        dimensions: By name, what splits the metric; each with a few values, never a tenant of the pool.
        properties: What the values are about; no personal data.

    Source:
        CloudWatch User Guide, "Specification: Embedded metric format".
    """
    described = {
        "Timestamp": int(at.timestamp() * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [list(dimensions)],
                "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
            }
        ],
    }
    measured = {name: value for name, (value, _) in values.items()}
    logger.info(msgspec.Raw(_encode({"_aws": described, **properties, **dimensions, **measured})))
