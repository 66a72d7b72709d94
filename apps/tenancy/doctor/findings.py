"""A finding: what is wrong, and what to do about it."""

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """Whether somebody has to act now."""

    PROBLEM = "problem"
    NOTICE = "notice"  # it can wait for the morning


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be.

    Attributes:
        subject: The slug of the tenant, or ``platform``.
        severity: Whether it can wait.
        what: What is wrong, a sentence.
        action: What to do, a sentence or two; commands are those of the ``manage`` role.
    """

    subject: str
    severity: Severity
    what: str
    action: str


def problem(subject: str, what: str, action: str) -> Finding:
    """Return a finding that cannot wait."""
    return Finding(subject=subject, severity=Severity.PROBLEM, what=what, action=action)


def notice(subject: str, what: str, action: str) -> Finding:
    """Return a finding that can wait."""
    return Finding(subject=subject, severity=Severity.NOTICE, what=what, action=action)
