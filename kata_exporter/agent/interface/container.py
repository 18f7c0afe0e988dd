"""Containers."""

from typing import Protocol

from kata_exporter.agent.types import ContainerConfig, Process, SandboxConfig, oci
from kata_exporter.model import Container


class ContainerMethods(Protocol):
    """A container's life.

    A container that the agent doesn't have gives reason ``gone`` where it says so: when it is
    updated, paused or resumed. To start and to remove one it answers INTERNAL, which is
    ``agent_error``, as any failure of its own.
    """

    async def create_container(
        self,
        sandbox: SandboxConfig,
        container: ContainerConfig,
        *,
        deadline: float | None = None,
    ) -> Process:
        """Share a container's root file system, and create it (``CreateContainer``).

        What makes sense on the host only is taken out of the specification first. Where that or the
        call fails, what was shared is unshared.

        Returns:
            Its first process, whose exec id is the container's id; it doesn't run yet.

        Raises:
            ArgumentError: a field can't be sent, and it is named.
        """

    async def start_container(self, container: Container, *, deadline: float | None = None) -> None:
        """Run a created container's first process (``StartContainer``).

        Raises:
            AgentError: ``agent_error`` also where the agent doesn't have the container.
        """

    async def stop_container(self, container: Container, *, deadline: float | None = None) -> None:
        """Remove a container (``RemoveContainer``).

        The guest waits for its processes without end; only the call's time-out ends that.

        Raises:
            AgentError: ``agent_error`` also where the agent doesn't have the container.
        """

    async def update_container(
        self,
        container: Container,
        resources: oci.LinuxResources,
        *,
        deadline: float | None = None,
    ) -> None:
        """Change a container's limits (``UpdateContainer``).

        Raises:
            ArgumentError: a limit can't be sent, and it is named; -1 is none, less is refused.
        """

    async def pause_container(self, container: Container, *, deadline: float | None = None) -> None:
        """Freeze a container (``PauseContainer``)."""

    async def resume_container(
        self, container: Container, *, deadline: float | None = None
    ) -> None:
        """Let a paused container run (``ResumeContainer``)."""
