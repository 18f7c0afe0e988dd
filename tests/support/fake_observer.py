"""An observer whose agent is a script: each call takes the next answer, or raises it."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from kata_exporter.agent.errors import AgentError
from kata_exporter.agent.observer import Observer
from kata_exporter.agent.types import (
    AgentVersion,
    ContainerStats,
    GuestDetails,
    MemoryStats,
    MemoryUsage,
)
from kata_exporter.errors import Reason
from kata_exporter.model import Container

METRICS_TEXT = "# TYPE kata_guest_load gauge\n" + 'kata_guest_load{item="load1"} 0.5\n'

STATS = ContainerStats(
    memory=MemoryStats(0, False, MemoryUsage(4096, 8192, 0, 1 << 20), None, None, {})
)

Answer = Any
"""A value to give, an error to raise, or a function to await."""


def failure(reason: Reason, *, from_agent: bool = False) -> AgentError:
    return AgentError(
        "grpc.Test/Call", reason, "INTERNAL", f"it is {reason}", from_agent=from_agent
    )


class FakeObserver(Observer):
    """Answers from `script`; the last answer of a kind is given for ever."""

    def __init__(self, **script: list[Answer]) -> None:
        self.script = defaultdict[str, list[Answer]](list, script)
        self.calls: list[str] = []
        self.closed = 0
        self.dead = False
        self.dials = False
        self.deadlines: list[float] = []
        self.observers: list[Callable[[str], None]] = []

    @property
    def alive(self) -> bool:
        return not self.dead

    @property
    def connecting(self) -> bool:
        return self.dials

    async def check(self, *, deadline: float) -> None:
        await self._next("check", None, deadline)

    async def version(self, *, deadline: float) -> AgentVersion:
        answer = await self._next("version", AgentVersion("0.0.1", "4.1.0"), deadline)
        assert isinstance(answer, AgentVersion)
        return answer

    async def guest_metrics(self, *, deadline: float) -> str:
        return str(await self._next("guest_metrics", METRICS_TEXT, deadline))

    async def container_stats(self, container: Container, *, deadline: float) -> ContainerStats:
        answer = await self._next(f"container_stats {container.id}", STATS, deadline)
        assert isinstance(answer, ContainerStats)
        return answer

    async def guest_details(self, *, deadline: float) -> GuestDetails:
        raise AssertionError(f"no collector asks for guest details (by {deadline})")

    async def aclose(self) -> None:
        self.closed += 1

    async def _next(self, call: str, default: Answer, deadline: float) -> Answer:
        self.calls.append(call)
        self.deadlines.append(deadline)
        answers = self.script[call.partition(" ")[0]] or [default]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return await answer()
        return answer
