"""An agent in memory, for tests of what uses an `Agent`: it records calls and answers from a script."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from kata_exporter.agent.collaborators import Hypervisor
from kata_exporter.agent.interface import Agent
from kata_exporter.agent.scripted import Scripted
from kata_exporter.agent.types import (
    AgentConfig,
    AgentState,
    Capability,
    Command,
    ContainerConfig,
    ContainerStats,
    GuestDetails,
    Interface,
    Process,
    ProcessListOptions,
    Route,
    SandboxConfig,
    oci,
)
from kata_exporter.model import Container

EXEC_ID = "mock-exec"
STARTED_AT = datetime(1970, 1, 1, tzinfo=UTC)
GUEST_DETAILS = GuestDetails(
    mem_block_size_bytes=128 << 20,
    support_mem_hotplug_probe=False,
    agent_version="",
    init_daemon=False,
    supports_seccomp=False,
    device_handlers=(),
    storage_handlers=(),
    extra_features=(),
)


class MockAgent(Scripted, Agent):
    """Every method of `Agent`, without an agent.

    What has no script succeeds: with nothing, the empty value of its kind, or what was given to it.
    What waits for a guest (an OOM event, a process's end, its output) waits until it has one, or is
    cancelled. Arguments are kept as they come: none is checked, and no deadline runs out.
    """

    # Connection

    def long_live_conn(self) -> bool:
        return self._play("long_live_conn", True)

    async def disconnect(self) -> None:
        await self._answer("disconnect", None)

    def get_agent_url(self) -> str:
        return self._play("get_agent_url", "")

    def set_agent_url(self) -> None:
        self._play("set_agent_url", None)

    async def reuse_agent(self, agent: object) -> None:
        await self._answer("reuse_agent", None, agent=agent)

    async def mark_dead(self) -> None:
        await self._answer("mark_dead", None)

    async def configure(
        self, hypervisor: Hypervisor, sandbox_id: str, share_path: Path | None, config: AgentConfig
    ) -> None:
        await self._answer(
            "configure",
            None,
            hypervisor=hypervisor,
            sandbox_id=sandbox_id,
            share_path=share_path,
            config=config,
        )

    async def configure_from_grpc(
        self, hypervisor: Hypervisor, sandbox_id: str, config: AgentConfig
    ) -> None:
        await self._answer(
            "configure_from_grpc", None, hypervisor=hypervisor, sandbox_id=sandbox_id, config=config
        )

    def save(self) -> AgentState:
        return self._play("save", AgentState(""))

    def load(self, state: AgentState) -> None:
        self._play("load", None, state=state)

    # Sandbox

    def init(self, sandbox: SandboxConfig, config: AgentConfig) -> bool:
        return self._play("init", False, sandbox=sandbox, config=config)

    def capabilities(self) -> frozenset[Capability]:
        return self._play("capabilities", frozenset({Capability.BLOCK_DEVICE}))

    async def create_sandbox(self, sandbox: SandboxConfig) -> None:
        await self._answer("create_sandbox", None, sandbox=sandbox)

    async def start_sandbox(self, sandbox: SandboxConfig, *, deadline: float | None = None) -> None:
        await self._answer("start_sandbox", None, sandbox=sandbox, deadline=deadline)

    async def stop_sandbox(self, *, deadline: float | None = None) -> None:
        await self._answer("stop_sandbox", None, deadline=deadline)

    async def cleanup(self, sandbox: SandboxConfig) -> None:
        await self._answer("cleanup", None, sandbox=sandbox)

    # Container

    async def create_container(
        self, sandbox: SandboxConfig, container: ContainerConfig, *, deadline: float | None = None
    ) -> Process:
        return await self._answer(
            "create_container",
            Process(container.id, STARTED_AT),
            sandbox=sandbox,
            container=container,
            deadline=deadline,
        )

    async def start_container(self, container: Container, *, deadline: float | None = None) -> None:
        await self._answer("start_container", None, container=container, deadline=deadline)

    async def stop_container(self, container: Container, *, deadline: float | None = None) -> None:
        await self._answer("stop_container", None, container=container, deadline=deadline)

    async def update_container(
        self, container: Container, resources: oci.LinuxResources, *, deadline: float | None = None
    ) -> None:
        await self._answer(
            "update_container", None, container=container, resources=resources, deadline=deadline
        )

    async def pause_container(self, container: Container, *, deadline: float | None = None) -> None:
        await self._answer("pause_container", None, container=container, deadline=deadline)

    async def resume_container(
        self, container: Container, *, deadline: float | None = None
    ) -> None:
        await self._answer("resume_container", None, container=container, deadline=deadline)

    # Process

    async def exec(
        self, container: Container, command: Command, *, deadline: float | None = None
    ) -> Process:
        return await self._answer(
            "exec",
            Process(EXEC_ID, STARTED_AT),
            container=container,
            command=command,
            deadline=deadline,
        )

    async def signal_process(
        self,
        container: Container,
        exec_id: str,
        signal: int,
        *,
        all_processes: bool = False,
        deadline: float | None = None,
    ) -> None:
        await self._answer(
            "signal_process",
            None,
            container=container,
            exec_id=exec_id,
            signal=signal,
            all_processes=all_processes,
            deadline=deadline,
        )

    async def winsize_process(
        self,
        container: Container,
        exec_id: str,
        height: int,
        width: int,
        *,
        deadline: float | None = None,
    ) -> None:
        await self._answer(
            "winsize_process",
            None,
            container=container,
            exec_id=exec_id,
            height=height,
            width=width,
            deadline=deadline,
        )

    async def write_process_stdin(
        self, container: Container, exec_id: str, data: bytes, *, deadline: float | None = None
    ) -> int:
        return await self._answer(
            "write_process_stdin",
            len(data),
            container=container,
            exec_id=exec_id,
            data=data,
            deadline=deadline,
        )

    async def close_process_stdin(
        self, container: Container, exec_id: str, *, deadline: float | None = None
    ) -> None:
        await self._answer(
            "close_process_stdin", None, container=container, exec_id=exec_id, deadline=deadline
        )

    async def read_process_stdout(
        self, container: Container, exec_id: str, size_bytes: int, *, deadline: float | None = None
    ) -> bytes:
        return await self._wait(
            "read_process_stdout",
            bytes,
            container=container,
            exec_id=exec_id,
            size_bytes=size_bytes,
            deadline=deadline,
        )

    async def read_process_stderr(
        self, container: Container, exec_id: str, size_bytes: int, *, deadline: float | None = None
    ) -> bytes:
        return await self._wait(
            "read_process_stderr",
            bytes,
            container=container,
            exec_id=exec_id,
            size_bytes=size_bytes,
            deadline=deadline,
        )

    async def wait_process(
        self, container: Container, exec_id: str, *, deadline: float | None = None
    ) -> int:
        return await self._wait(
            "wait_process", int, container=container, exec_id=exec_id, deadline=deadline
        )

    async def process_list_container(
        self, container: Container, options: ProcessListOptions, *, deadline: float | None = None
    ) -> bytes:
        return await self._answer(
            "process_list_container", b"", container=container, options=options, deadline=deadline
        )

    # Network

    async def update_interface(
        self, interface: Interface, *, deadline: float | None = None
    ) -> Interface:
        return await self._answer(
            "update_interface", interface, interface=interface, deadline=deadline
        )

    async def list_interfaces(self, *, deadline: float | None = None) -> tuple[Interface, ...]:
        return await self._answer("list_interfaces", (), deadline=deadline)

    async def update_routes(
        self, routes: Sequence[Route] | None, *, deadline: float | None = None
    ) -> tuple[Route, ...] | None:
        return await self._answer(
            "update_routes",
            None if routes is None else tuple(routes),
            routes=routes,
            deadline=deadline,
        )

    async def list_routes(self, *, deadline: float | None = None) -> tuple[Route, ...]:
        return await self._answer("list_routes", (), deadline=deadline)

    # Guest

    async def get_guest_details(self, *, deadline: float | None = None) -> GuestDetails:
        return await self._answer("get_guest_details", GUEST_DETAILS, deadline=deadline)

    async def online_cpu_mem(
        self, cpus: int, *, cpu_only: bool, deadline: float | None = None
    ) -> None:
        await self._answer("online_cpu_mem", None, cpus=cpus, cpu_only=cpu_only, deadline=deadline)

    async def mem_hotplug_by_probe(
        self, address: int, size_mib: int, section_mib: int, *, deadline: float | None = None
    ) -> None:
        await self._answer(
            "mem_hotplug_by_probe",
            None,
            address=address,
            size_mib=size_mib,
            section_mib=section_mib,
            deadline=deadline,
        )

    async def reseed_rng(self, data: bytes, *, deadline: float | None = None) -> None:
        await self._answer("reseed_rng", None, data=data, deadline=deadline)

    async def set_guest_date_time(self, time: datetime, *, deadline: float | None = None) -> None:
        await self._answer("set_guest_date_time", None, time=time, deadline=deadline)

    async def copy_file(
        self, source: Path, destination: str, *, deadline: float | None = None
    ) -> None:
        await self._answer(
            "copy_file", None, source=source, destination=destination, deadline=deadline
        )

    # Observe

    async def check(self, *, deadline: float | None = None) -> None:
        await self._answer("check", None, deadline=deadline)

    async def get_agent_metrics(self, *, deadline: float | None = None) -> str:
        return await self._answer("get_agent_metrics", "", deadline=deadline)

    async def stats_container(
        self, container: Container, *, deadline: float | None = None
    ) -> ContainerStats:
        return await self._answer(
            "stats_container", ContainerStats(), container=container, deadline=deadline
        )

    async def get_oom_event(self, *, deadline: float | None = None) -> str:
        return await self._wait("get_oom_event", str, deadline=deadline)
