"""What the tests of the agent's client share."""

import pytest

from fake_clock import FakeClock
from kata_exporter.agent import KataAgent
from kata_exporter.telemetry.hooks import CallHook, CallTarget
from scripted_agent import ScriptedAgent

TARGET = CallTarget("/run/a.sock", "demo-1", "shop", "web-0")


class Connector:
    """Makes clients of a scripted agent."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def __call__(self, agent: ScriptedAgent, *, hook: CallHook | None = None) -> KataAgent:
        return KataAgent(agent.dial, target=TARGET, clock=self._clock, hook=hook)


@pytest.fixture
def connect(clock: FakeClock) -> Connector:
    return Connector(clock)
