"""What a tenant uses of the platform and of its AWS account, by meter and day."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from resale.domain.ids import TenantId


class Meter(StrEnum):
    """What is counted."""

    API_REQUESTS = "api_requests"
    READ_UNITS = "read_units"
    WRITE_UNITS = "write_units"
    QUEUE_REQUESTS = "queue_requests"
    IMAGE_SECONDS = "image_seconds"
    STORED_BYTES = "stored_bytes"


#: What each meter counts, for people.
METERS: Final[Mapping[Meter, str]] = {
    Meter.API_REQUESTS: "Requests to the API with a key of the tenant, refused ones above its limits left out",
    Meter.READ_UNITS: "Read request units of DynamoDB, as DynamoDB reports them",
    Meter.WRITE_UNITS: "Write request units of DynamoDB, indexes included, as DynamoDB reports them",
    Meter.QUEUE_REQUESTS: "Requests to SQS: polls of empty queues, too",
    Meter.IMAGE_SECONDS: "Seconds of workers spent on photos",
    Meter.STORED_BYTES: "Bytes of photos that were stored: originals and renditions",
}

#: Adds to a meter of a tenant; never blocks and never raises.
RecordUsage = Callable[[TenantId, Meter, float], None]
