"""Client of Kata's agent: the interface, a client on the wire, a mock in memory.

    dialer = Dialer()
    agent = KataAgent(dialer.dial_url, "hvsock:///run/vc/vm/ID/clh.sock:1024")
    details = await agent.get_guest_details()
    await agent.aclose()

The exporter itself holds two capabilities cut from it: the observer, which `observe` makes, and the
OOM waiter. Only the command ``kata-exporter agent`` holds the client.
"""

from kata_exporter.agent.client import KataAgent
from kata_exporter.agent.errors import AgentError, CopyError
from kata_exporter.agent.interface import Agent
from kata_exporter.agent.mock import MockAgent
from kata_exporter.agent.observer import OBSERVED_METHODS, Observer, observe
from kata_exporter.agent.oom import OomWaiter

__all__ = [
    "OBSERVED_METHODS",
    "Agent",
    "AgentError",
    "CopyError",
    "KataAgent",
    "MockAgent",
    "Observer",
    "OomWaiter",
    "observe",
]
