"""Faults that a simulated sandbox can be given, one at a time, while it runs."""

from kata_exporter.simulator.faults.base import Fault
from kata_exporter.simulator.faults.catalog import FAULTS, make_fault, truncated_at

__all__ = ["FAULTS", "Fault", "make_fault", "truncated_at"]
