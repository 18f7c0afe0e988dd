"""Client of Kata's agent, and the two capabilities cut from it: the observer and the OOM waiter."""

from kata_exporter.agent.client import KataAgent
from kata_exporter.agent.errors import AgentError
from kata_exporter.agent.observer import OBSERVED_METHODS, Observer
from kata_exporter.agent.oom import OomWaiter

__all__ = ["OBSERVED_METHODS", "AgentError", "KataAgent", "Observer", "OomWaiter"]
