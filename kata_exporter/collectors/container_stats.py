"""Collector of containers' statistics: StatsContainer, one container after the other."""

from kata_exporter.agent.errors import AgentError
from kata_exporter.agent.types import ContainerStats
from kata_exporter.clock import Clock
from kata_exporter.collectors.absent import AbsentContainers
from kata_exporter.collectors.containers.reader import ContainerReader
from kata_exporter.collectors.execute import Collected
from kata_exporter.collectors.guest_metrics import OnRejected, OnResets
from kata_exporter.collectors.link import AgentLink
from kata_exporter.collectors.memory_reading import of_container
from kata_exporter.errors import ArgumentError, Reason
from kata_exporter.metrics import Chunk
from kata_exporter.model import (
    Container,
    ContainerMemory,
    ContainerState,
    MemoryReading,
    Sandbox,
)
from kata_exporter.snapshot import container_identity

NAME = "container_stats"

_ASKED = frozenset({ContainerState.RUNNING, ContainerState.UNKNOWN})
_OF_THIS_CONTAINER = frozenset({Reason.AGENT_ERROR, Reason.PROTOCOL_ERROR})
"""Reasons after which the next container is still asked; others hold for all of them."""


class ContainerStatsCollector:
    """Asks for the statistics of one sandbox's containers.

    Args:
        link: to its agent.
        clock: says when an answer came, and when one may be asked for that was not there.
        on_rejected: is told how many values were passed over for which reason.
        on_resets: is told how many counters fell.
    """

    def __init__(
        self, link: AgentLink, *, clock: Clock, on_rejected: OnRejected, on_resets: OnResets
    ) -> None:
        self._link = link
        self._clock = clock
        self._on_rejected = on_rejected
        self._on_resets = on_resets
        self._absent = AbsentContainers(clock)
        self._readers: dict[Container, ContainerReader] = {}

    def to_ask(self, sandbox: Sandbox) -> tuple[Container, ...]:
        """Return the containers of `sandbox` that are to be asked for now."""
        return tuple(c for c in containers_to_ask(sandbox) if not self._absent.rests(c))

    async def collect(self, sandbox: Sandbox, agent_version: str, *, deadline: float) -> Collected:
        """Ask for each container that runs.

        A container that the agent doesn't have is passed over: it has just gone, or is not there
        yet. When it isn't there the next time either, it is asked for more rarely. One whose id can't be an id costs only itself, and is told as an error.

        Args:
            sandbox: with its containers as they are now.
            agent_version: says which units hold; the same in every round.
            deadline: of every call.

        Raises:
            AgentError: no container gave an answer.
            ArgumentError: no container could be asked.
        """
        listed = containers_to_ask(sandbox)
        self._absent.keep(listed)
        self._readers = {
            container: self._readers.get(container)
            or ContainerReader(container_identity(sandbox, container), agent_version)
            for container in listed
        }
        chunks: list[Chunk] = []
        memory: dict[str, ContainerMemory] = {}
        first_error: AgentError | None = None
        unaskable: ArgumentError | None = None
        answered = False
        for container in self.to_ask(sandbox):
            try:
                stats = await self._ask(container, deadline)
            except ArgumentError as error:
                unaskable = unaskable or error
            except AgentError as error:
                if error.reason is Reason.GONE:
                    self._absent.missed(container)
                    answered = True
                    continue
                first_error = first_error or error
                if error.reason not in _OF_THIS_CONTAINER:
                    break
            else:
                self._absent.found(container)
                answered = True
                read = self._read(container, stats)
                chunks.extend(read)
                if (of_this := of_container(read)) is not None:
                    memory[container.id] = of_this
        told = first_error or unaskable
        if told is not None and not answered:
            raise told
        return Collected(tuple(chunks), told, MemoryReading(containers=memory))

    def _read(self, container: Container, stats: ContainerStats) -> tuple[Chunk, ...]:
        reading = self._readers[container].read(stats, self._clock.monotonic())
        for reason, count in reading.rejected.items():
            self._on_rejected(reason, count)
        self._on_resets(reading.resets)
        return reading.chunks

    async def _ask(self, container: Container, deadline: float) -> ContainerStats:
        return await self._link.ask(
            NAME, lambda observer: observer.container_stats(container, deadline=deadline)
        )


def containers_to_ask(sandbox: Sandbox) -> tuple[Container, ...]:
    """Return the containers that run, or may; the pause container is none of them."""
    return tuple(c for c in sandbox.workload_containers if c.state in _ASKED)
