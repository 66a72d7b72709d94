"""Priorities of requests under pressure: what is refused first, and what never. One table."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec


class Priority(Enum):
    """The priority of an endpoint's requests, from the last that is refused to the first."""

    ESSENTIAL = "essential"
    ORDER = "order"
    WRITE = "write"
    READ = "read"
    BATCH = "batch"


class PriorityRule(msgspec.Struct, frozen=True, kw_only=True):
    """When requests of a priority are refused.

    Attributes:
        covers: The requests, for the documentation.
        bucket_part: The part of the tenant's and the key's burst that they can use; the rest is for higher priorities.
        load: Requests with the same API key in this process, running and waiting, as a multiple of its threads, above
            which they are refused; None: never. All keys together can have four times as many.
    """

    covers: str
    bucket_part: float
    load: float | None


#: From the last that is refused to the first. A queue of 8 requests a thread waits about 40 ms at 5 ms a request.
RULES: Final[Mapping[Priority, PriorityRule]] = {
    Priority.ESSENTIAL: PriorityRule(covers="Webhooks of partners", bucket_part=1.0, load=None),
    Priority.ORDER: PriorityRule(covers="The submission of orders", bucket_part=1.0, load=32.0),
    Priority.WRITE: PriorityRule(covers="All other writes", bucket_part=0.9, load=16.0),
    Priority.READ: PriorityRule(covers="Reads", bucket_part=0.8, load=8.0),
    Priority.BATCH: PriorityRule(covers="Ledger reports, exports and histories", bucket_part=0.5, load=2.0),
}
