"""Shuffle-sharding: each pooled tenant's queues are polled by two of the worker services, chosen by its slug.

The messages of one tenant that stop a worker reach two services, and few tenants have the same two: with eight, one in
28. The choice is rendezvous hashing: one service more takes a service from some tenants and moves no other one.
"""

import hashlib
import re
from functools import lru_cache
from typing import Final

import msgspec

SERVICES_PER_TENANT: Final = 2
MAX_SERVICES: Final = 64
_FORM: Final = re.compile(r"([1-9]\d?)/([1-9]\d?)", re.ASCII)
_CACHED_TENANTS: Final = 4096


class WorkerShard(msgspec.Struct, frozen=True):
    """One of the worker services of a purpose: its number, from 1, and how many there are."""

    number: int = 1
    count: int = 1

    def polls(self, slug: str) -> bool:
        """Return whether this service polls the queues of a pooled tenant."""
        return self.number in services_of(slug, self.count)


@lru_cache(_CACHED_TENANTS)
def services_of(slug: str, count: int) -> frozenset[int]:
    """Return the numbers of the services that poll a tenant's queues, of ``count``: two of them, or the only one."""
    by_weight = sorted(range(1, count + 1), key=lambda number: _weigh(slug, number))
    return frozenset(by_weight[-SERVICES_PER_TENANT:])


def worker_shard_of(text: str) -> WorkerShard:
    """Read a shard such as ``3/8``, the third service of eight.

    Raises:
        ValueError: It has another form, the number is none of the services, or there are too many.
    """
    found = _FORM.fullmatch(text)
    shard = WorkerShard(int(found[1]), int(found[2])) if found else WorkerShard(0, 0)
    if not 1 <= shard.number <= shard.count <= MAX_SERVICES:
        raise ValueError(
            f"must be a number and a count of services such as 3/8, from 1/1 to {MAX_SERVICES}/{MAX_SERVICES}"
        )
    return shard


def _weigh(slug: str, number: int) -> bytes:
    return hashlib.sha256(f"{slug}\n{number}".encode()).digest()
