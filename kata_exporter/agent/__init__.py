"""Client of Kata's agent: the interface, a client on the wire, a mock in memory.

    async with KataAgent(Dialer().dial_url, "hvsock:///run/vc/vm/ID/clh.sock:1024") as agent:
        details = await agent.get_guest_details()

The exporter itself holds two capabilities cut from it: the observer, which `observe` makes, and the
OOM waiter. Only the command ``kata-exporter agent`` holds the client.
"""

from kata_exporter.agent.client import KataAgent
from kata_exporter.agent.errors import AgentError, CopyError
from kata_exporter.agent.interface import Agent
from kata_exporter.agent.mock import MockAgent
from kata_exporter.agent.observer import OBSERVED_METHODS, Observer, observe
from kata_exporter.agent.oom import OomWaiter, wait_for_oom
from kata_exporter.errors import ArgumentError, Reason

__all__ = [
    "OBSERVED_METHODS",
    "Agent",
    "AgentError",
    "ArgumentError",
    "CopyError",
    "KataAgent",
    "MockAgent",
    "Observer",
    "OomWaiter",
    "Reason",
    "observe",
    "wait_for_oom",
]
