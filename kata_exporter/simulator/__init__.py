"""A fleet of simulated sandboxes: for the demo, tests and benchmarks."""

from kata_exporter.simulator.agent.agent import SimulatedAgent
from kata_exporter.simulator.agent.oom import Victim
from kata_exporter.simulator.fleet import Fleet
from kata_exporter.simulator.guest.cgroups import CgroupVersion
from kata_exporter.simulator.guest.guest import SimulatedGuest
from kata_exporter.simulator.guest.profiles import Profile
from kata_exporter.simulator.kinds import Kind
from kata_exporter.simulator.sandbox import SimulatedSandbox
from kata_exporter.simulator.scenarios import KINDS, Director, Scenario

__all__ = [
    "KINDS",
    "CgroupVersion",
    "Director",
    "Fleet",
    "Kind",
    "Profile",
    "Scenario",
    "SimulatedAgent",
    "SimulatedGuest",
    "SimulatedSandbox",
    "Victim",
]
