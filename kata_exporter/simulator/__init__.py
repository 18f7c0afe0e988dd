"""A fleet of simulated sandboxes: for the demo, tests and benchmarks."""

from kata_exporter.simulator.agent import SimulatedAgent
from kata_exporter.simulator.fleet import Fleet, SimulatedSandbox
from kata_exporter.simulator.guest import SimulatedGuest

__all__ = ["Fleet", "SimulatedAgent", "SimulatedGuest", "SimulatedSandbox"]
