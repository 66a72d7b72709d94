"""Supervision of child processes on loopback: start, watch, restart, stop."""

from deploy.local.supervisor.specs import LockRefused, PortTaken, ProcessSpec, StartFailed, SupervisorError
from deploy.local.supervisor.supervisor import Supervisor

__all__ = ["LockRefused", "PortTaken", "ProcessSpec", "StartFailed", "Supervisor", "SupervisorError"]
