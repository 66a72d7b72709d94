"""Starts, watches and stops child processes on loopback. Knows processes and ports, nothing of what they serve."""

from deploy.local.supervisor.specs import LockRefused, PortTaken, ProcessSpec, StartFailed, SupervisorError
from deploy.local.supervisor.supervisor import Supervisor

__all__ = ["LockRefused", "PortTaken", "ProcessSpec", "StartFailed", "Supervisor", "SupervisorError"]
