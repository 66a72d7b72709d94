"""Metrics as log lines in CloudWatch's embedded metric format, from which the log agent creates metrics.

A metric has no dimension: each value of one is billed as a metric of its own, and tenants are many. Who it is about is
a property, which Logs Insights finds.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

NAMESPACE: Final = "Resale"

Unit = Literal["Count", "Seconds", "Milliseconds", "Bytes", "None"]

logger = logging.getLogger("resale.metrics")
_encode: Final = msgspec.json.Encoder().encode


def emit(values: Mapping[str, tuple[float, Unit]], *, at: datetime, **properties: str | int) -> None:
    """Write one log line with these metrics.

    Args:
        values: By name; a name is never changed once alarms are made of it.
        at: Moment of the measurement, aware UTC.
        properties: What the values are about; no personal data.

    Source:
        CloudWatch User Guide, "Specification: Embedded metric format".
    """
    described = {
        "Timestamp": int(at.timestamp() * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [[]],
                "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
            }
        ],
    }
    measured = {name: value for name, (value, _) in values.items()}
    logger.info(msgspec.Raw(_encode({"_aws": described, **properties, **measured})))
