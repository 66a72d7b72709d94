"""Timeouts and thresholds of guards. The limits of calls belong to each connection."""

import msgspec


class GuardRules(msgspec.Struct, frozen=True, kw_only=True):
    """One set for all connections; tests use shorter times."""

    wait_seconds: float = 2.0  # for a place and a turn together; then the workflow's step is postponed
    failures: int = 5  # unknown outcomes in a row, of all processes of a worker, that open a breaker
    pause_seconds: float = 5.0  # before the first probe; twice as long after each one that fails
    pause_max_seconds: float = 300.0
    agree_seconds: float = 1.0  # between two reads of what other workers recorded
