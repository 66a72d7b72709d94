"""The stage of the simulation, which the faults are planted on."""

from tests.simulation.conftest import stage

__all__ = ["stage"]
