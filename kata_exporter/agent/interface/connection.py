"""The way to the agent: its address, and the life of the connection."""

from pathlib import Path
from typing import Protocol

from kata_exporter.agent.collaborators import Hypervisor
from kata_exporter.agent.types import AgentConfig, AgentState


class ConnectionMethods(Protocol):
    """Where the agent is, and for how long a connection lasts. Nothing here asks the agent."""

    def long_live_conn(self) -> bool:
        """Return whether calls share a connection that lasts, or each has its own."""

    async def disconnect(self) -> None:
        """Close the connection; calls under way end with reason ``closed``.

        Not final: the next call connects again.
        """

    def get_agent_url(self) -> str:
        """Return the URL that was configured, as ``vsock://3:1024``.

        Raises:
            ArgumentError: none was.
        """

    def set_agent_url(self) -> None:
        """Connect to the URL that was configured, from the next connection on.

        Raises:
            ArgumentError: none was.
        """

    async def reuse_agent(self, agent: object) -> None:
        """Share the connection that another client has; its URL isn't taken over.

        For a VM that was started ahead, whose agent was asked already. Only a connection is taken:
        a client that is dead stays so, and one whose dial failed has none to give.

        Raises:
            ArgumentError: `agent` is a client of another kind, or this one was closed.
        """

    async def mark_dead(self) -> None:
        """Give the agent up: close the connection and refuse every call with reason ``dead``."""

    async def configure(
        self, hypervisor: Hypervisor, sandbox_id: str, share_path: Path | None, config: AgentConfig
    ) -> None:
        """Make the agent's address, and give the VM what it needs to be reached.

        Args:
            hypervisor: of the VM that is to be started.
            sandbox_id: the sandbox's.
            share_path: the host's folder that the guest shares; None for none.
            config: whether connections last.
        """

    async def configure_from_grpc(
        self, hypervisor: Hypervisor, sandbox_id: str, config: AgentConfig
    ) -> None:
        """Make the agent's address alone, for a VM that is configured already."""

    def save(self) -> AgentState:
        """Return what is needed to find the agent again."""

    def load(self, state: AgentState) -> None:
        """Take over what was saved."""
