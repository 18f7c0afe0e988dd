"""Faults that a simulated sandbox can be given, one at a time, while it runs."""

from kata_exporter.simulator.faults.attacks import ATTACKS
from kata_exporter.simulator.faults.base import Fault
from kata_exporter.simulator.faults.catalog import FAULTS, GROUPS, make_fault, needs_hybrid

__all__ = ["ATTACKS", "FAULTS", "GROUPS", "Fault", "make_fault", "needs_hybrid"]
