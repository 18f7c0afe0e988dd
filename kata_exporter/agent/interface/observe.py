"""Whether an agent lives, and what it measures."""

from typing import Protocol

from kata_exporter.agent.types import ContainerStats
from kata_exporter.model import Container


class ObserveMethods(Protocol):
    """Watching a guest. All but waiting for OOM events changes nothing in it."""

    async def check(self, *, deadline: float | None = None) -> None:
        """Ask whether the agent answers at all (``Health/Check``); its status isn't looked at."""

    async def get_agent_metrics(self, *, deadline: float | None = None) -> str:
        """Return the guest's metrics as text (``GetMetrics``): format 0.0.4, not to be trusted."""

    async def stats_container(
        self, container: Container, *, deadline: float | None = None
    ) -> ContainerStats:
        """Return a container's cgroup statistics (``StatsContainer``).

        A container that the agent doesn't have gives reason ``gone``.
        """

    async def get_oom_event(self, *, deadline: float | None = None) -> str:
        """Wait for an OOM event and return the id of its container (``GetOOMEvent``).

        The event is taken away from whoever else waits for it. The wait has a connection of its
        own: cancelling it closes that, so that no event is swallowed. After an event the connection
        is kept for the next wait.
        """
