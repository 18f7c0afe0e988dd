"""`ConnectionMethods` of the client."""

from pathlib import Path

from kata_exporter.agent.arguments import checked_id
from kata_exporter.agent.calls.part import Part
from kata_exporter.agent.collaborators import SHARED_TAG, Hypervisor
from kata_exporter.agent.interface.connection import ConnectionMethods
from kata_exporter.agent.types import AgentConfig, AgentState
from kata_exporter.errors import ArgumentError
from kata_exporter.ttrpc import ConnectionClosed

_VSOCK_SCHEMES = ("vsock://", "hvsock://")


class ConnectionCalls(Part, ConnectionMethods):
    """The way to the agent."""

    def long_live_conn(self) -> bool:
        return self._connections.keep

    async def disconnect(self) -> None:
        await self._connections.disconnect()

    def get_agent_url(self) -> str:
        if not self._configured_url:
            raise ArgumentError("url", "", "the client was given none, and no hypervisor made one")
        return self._configured_url

    def set_agent_url(self) -> None:
        self._connections.url = self.get_agent_url()

    async def reuse_agent(self, agent: object) -> None:
        if not isinstance(agent, Part):
            raise ArgumentError("agent", agent, "should be a client of the same kind, KataAgent")
        try:
            await self._connections.take_over(agent._connections)  # noqa: SLF001  one of us
        except ConnectionClosed:
            problem = "can't be shared with a client that was closed"
            raise ArgumentError("agent", agent, problem) from None

    async def mark_dead(self) -> None:
        self._connections.give_up()
        await self._connections.disconnect()

    async def configure(
        self, hypervisor: Hypervisor, sandbox_id: str, share_path: Path | None, config: AgentConfig
    ) -> None:
        await self.configure_from_grpc(hypervisor, sandbox_id, config)
        if self._configured_url.startswith(_VSOCK_SCHEMES):
            await hypervisor.add_vsock(self._configured_url)
        if share_path is not None:
            await hypervisor.share_directory(share_path, SHARED_TAG)

    async def configure_from_grpc(
        self, hypervisor: Hypervisor, sandbox_id: str, config: AgentConfig
    ) -> None:
        self._configured_url = (
            hypervisor.agent_url(checked_id("sandbox_id", sandbox_id)) or self._configured_url
        )
        self._connections.keep = config.long_live_conn

    def save(self) -> AgentState:
        return AgentState(self._connections.url)

    def load(self, state: AgentState) -> None:
        self._connections.url = state.url
