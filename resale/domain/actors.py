"""Actors: an id and a kind, never a name or an address."""

from enum import StrEnum

import msgspec


class ActorKind(StrEnum):
    """The kind of an actor in the history."""

    SHOPPER = "shopper"
    BRAND_KEY = "brand_key"
    STAFF = "staff"
    SYSTEM = "system"
    PARTNER = "partner"


class Actor(msgspec.Struct, frozen=True):
    """The actor of a change. ``id`` is a ``cus_``, ``key_``, ``con_`` or staff id, or the name of a task."""

    kind: ActorKind
    id: str
