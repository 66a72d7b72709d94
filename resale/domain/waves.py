"""Waves: the order in which something new reaches the tenants, from the platform's own test shops to all of them."""

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Final

import msgspec

_PLACE_BYTES: Final = 4
#: Every place is below this one.
EVERY_PLACE: Final = 2 ** (8 * _PLACE_BYTES)
_TENTH: Final = 10
MAX_HOURS: Final = 2160  # 90 days
_Hours = Annotated[int, msgspec.Meta(ge=1, le=MAX_HOURS)]


class Wave(StrEnum):
    """How far something has come; each wave contains the ones before it."""

    NONE = "none"
    RING = "ring"
    CANARY = "canary"
    TENTH = "tenth"
    ALL = "all"


#: Which tenants a wave reaches, for the reference and the operator.
MEANINGS: Final[Mapping[Wave, str]] = {
    Wave.NONE: "no tenant",
    Wave.RING: "the tenants of the ring, which are the platform's own test shops",
    Wave.CANARY: "one more tenant, the first by its place",
    Wave.TENTH: "the first tenth of the tenants by their places",
    Wave.ALL: "all tenants",
}


class WavePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long each wave is observed before the next one begins, in hours."""

    ring_hours: _Hours = 24
    canary_hours: _Hours = 48
    tenth_hours: _Hours = 72


def hours_of(wave: Wave, plan: WavePlan) -> int:
    """Return for how many hours a wave is observed; of no tenants, nothing is."""
    by_wave = {Wave.RING: plan.ring_hours, Wave.CANARY: plan.canary_hours, Wave.TENTH: plan.tenth_hours}
    return by_wave.get(wave, 0)


def place_of(slug: str, subject: str) -> int:
    """Return the place of a tenant in the order of one subject: stable, below ``EVERY_PLACE``, other for each subject.

    The subject is in the hash, so that not always the same tenants are first.
    """
    return int.from_bytes(hashlib.sha256(f"{subject}\n{slug}".encode()).digest()[:_PLACE_BYTES])


def reach_of(wave: Wave, places: Iterable[int]) -> int:
    """Return the place below which a wave reaches tenants, by the places of those there are.

    The reach is stored: a tenant that comes later has its place, and moves nobody else's.
    """
    if wave == Wave.ALL:
        return EVERY_PLACE
    ordered = sorted(places)
    if wave in {Wave.NONE, Wave.RING} or not ordered:
        return 0
    count = 1 if wave == Wave.CANARY else max(-(-len(ordered) // _TENTH), 1)
    return ordered[count - 1] + 1
