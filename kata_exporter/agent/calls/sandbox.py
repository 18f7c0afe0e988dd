"""`SandboxMethods` of the client."""

import asyncio
import logging
import math
from collections.abc import Sequence
from pathlib import Path

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.arguments import (
    checked_flag,
    checked_id,
    checked_texts,
    checked_type,
    sendable,
)
from kata_exporter.agent.caller import Timeouts
from kata_exporter.agent.calls.connection import ConnectionCalls
from kata_exporter.agent.calls.network import NetworkCalls, neighbors_request, routes_request
from kata_exporter.agent.calls.observe import ObserveCalls
from kata_exporter.agent.errors import AgentError
from kata_exporter.agent.interface.sandbox import SandboxMethods
from kata_exporter.agent.messages.container import STORAGE
from kata_exporter.agent.messages.network import INTERFACE
from kata_exporter.agent.methods import (
    CREATE_SANDBOX,
    DESTROY_SANDBOX,
    SET_POLICY,
)
from kata_exporter.agent.storages import sandbox_storages
from kata_exporter.agent.types import AgentConfig, Capability, SandboxConfig
from kata_exporter.errors import ArgumentError
from kata_exporter.ttrpc import DIAL_SECONDS, Code

logger = logging.getLogger(__name__)

MAX_HOSTNAME_BYTES = 64
"""The kernel's limit."""


class SandboxCalls(ConnectionCalls, NetworkCalls, ObserveCalls, SandboxMethods):
    """A sandbox's life."""

    def init(self, sandbox: SandboxConfig, config: AgentConfig) -> bool:
        checked_type("sandbox", sandbox, SandboxConfig)
        checked_type("config", config, AgentConfig)
        dial_seconds = _seconds("config.dial_timeout_seconds", config.dial_timeout_seconds)
        create_seconds = _seconds(
            "sandbox.create_container_timeout_seconds", sandbox.create_container_timeout_seconds
        )
        self._config = config
        self._connections.keep = config.long_live_conn
        self._connections.dial_seconds = dial_seconds or DIAL_SECONDS
        # 0 is "not configured" and must not become a deadline that has passed.
        create_seconds = create_seconds or Timeouts().create_container_seconds
        self._caller.timeouts = Timeouts(create_container_seconds=create_seconds)
        return config.trace

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.BLOCK_DEVICE})

    async def create_sandbox(self, sandbox: SandboxConfig) -> None:
        share_path = None if sandbox.shared_fs is None else sandbox.share_path
        await self.configure(self._host.hypervisor, sandbox.id, share_path, self._config)

    async def start_sandbox(self, sandbox: SandboxConfig, *, deadline: float | None = None) -> None:
        checked_type("sandbox", sandbox, SandboxConfig)
        # All that can be wrong with the arguments is found here, before anything is sent.
        remote = self._host.hypervisor.remote
        policy = pb.SetPolicyRequest(policy=sendable("config.policy", self._config.policy))
        network = None if remote else _checked_network(sandbox)
        request = await self._create_request(sandbox, remote=remote)
        self.set_agent_url()

        timeouts = self._caller.timeouts.for_remote() if remote else None
        await self.check(deadline=deadline)
        if policy.policy:
            await self._caller.call(SET_POLICY, policy, deadline=deadline, timeouts=timeouts)
        if network is not None:
            await self._set_up(network, deadline)
        await self._caller.call(CREATE_SANDBOX, request, deadline=deadline, timeouts=timeouts)

    async def stop_sandbox(self, *, deadline: float | None = None) -> None:
        await self._caller.call(DESTROY_SANDBOX, pb.DestroySandboxRequest(), deadline=deadline)

    async def cleanup(self, sandbox: SandboxConfig) -> None:
        try:
            await self._host.sharing.cleanup(sandbox)
        except Exception:
            logger.exception("can't clean up what was shared with sandbox %s", sandbox.id)

    async def _set_up(self, network: SandboxConfig, deadline: float | None) -> None:
        for interface in network.interfaces:
            await self.update_interface(interface, deadline=deadline)
        await self.update_routes(network.routes, deadline=deadline)
        if network.neighbors is None:
            return
        try:
            await self.add_arp_neighbors(network.neighbors, deadline=deadline)
        except AgentError as error:
            if error.code != Code.UNIMPLEMENTED.name:
                raise
            logger.warning("the agent is too old to be given neighbours: %s", error)

    async def _create_request(
        self, sandbox: SandboxConfig, *, remote: bool
    ) -> pb.CreateSandboxRequest:
        dns = await asyncio.to_thread(_lines, sandbox.resolv_conf)
        modules = () if remote else self._config.kernel_modules
        storages = sandbox_storages(sandbox)
        return pb.CreateSandboxRequest(
            hostname=_hostname(sandbox.hostname),
            dns=dns,
            storages=[STORAGE.encode(storage, "sandbox.shared_fs") for storage in storages],
            sandbox_pidns=checked_flag(
                "sandbox.shares_pid_namespace", sandbox.shares_pid_namespace
            ),
            sandbox_id=checked_id("sandbox.id", sandbox.id),
            guest_hook_path=sendable("sandbox.guest_hook_path", sandbox.guest_hook_path),
            kernel_modules=kernel_modules(modules),
        )


def kernel_modules(lines: Sequence[str]) -> list[pb.KernelModule]:
    """Return the modules of lines that hold a name and its parameters; blank lines are none."""
    words = (line.split() for line in checked_texts("config.kernel_modules", lines))
    return [pb.KernelModule(name=line[0], parameters=line[1:]) for line in words if line]


def _checked_network(sandbox: SandboxConfig) -> SandboxConfig:
    """Return a sandbox whose network can be sent."""
    INTERFACE.encode_all(sandbox.interfaces, "sandbox.interfaces")
    if sandbox.routes is not None:
        routes_request(sandbox.routes)
    if sandbox.neighbors is not None:
        neighbors_request(sandbox.neighbors)
    return sandbox


def _hostname(name: str) -> str:
    """Return a host name as the kernel takes it, cut before the character that is too much."""
    encoded = sendable("sandbox.hostname", name).encode()
    return encoded[:MAX_HOSTNAME_BYTES].decode(errors="ignore")


def _lines(path: Path | None) -> list[str]:
    """Return a file's lines as they stand, the empty one after its last line feed included."""
    if path is None:
        return []
    try:
        return checked_type("sandbox.resolv_conf", path, Path).read_text("utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise ArgumentError("sandbox.resolv_conf", str(path), f"can't be read: {error}") from error


def _seconds(argument: str, seconds: object) -> float:
    if (
        not isinstance(seconds, int | float)
        or isinstance(seconds, bool)
        or not 0 <= seconds < math.inf
    ):
        raise ArgumentError(argument, seconds, "should be seconds, 0 for the default")
    return seconds
