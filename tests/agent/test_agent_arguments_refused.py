"""What no call can be made of: refused by its name before anything connects."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agent_call import CONTAINER
from fake_clock import FakeClock
from kata_exporter.agent import KataAgent
from kata_exporter.agent.arguments import MAX_CONTENT_BYTES
from kata_exporter.agent.types import (
    AgentConfig,
    Command,
    ContainerConfig,
    ProcessListOptions,
    SandboxConfig,
    oci,
)
from kata_exporter.errors import ArgumentError
from kata_exporter.ttrpc import MAX_MESSAGE_BYTES
from scripted_agent import scripted_agent

# Wrong types are the point here, so the calls are made without a look at types.
Call = Callable[[Any], Awaitable[object]]
SANDBOX = SandboxConfig("sb-one")
TOO_MUCH = bytes(MAX_CONTENT_BYTES + 1)
odd: Any = None


def run(*args: Any, **fields: Any) -> Call:
    command: Any = Command
    return lambda agent: agent.exec(CONTAINER, command(*args, **fields))


def listed(**options: Any) -> Call:
    made: Any = ProcessListOptions
    return lambda agent: agent.process_list_container(CONTAINER, made(**options))


def started(**fields: Any) -> Call:
    sandbox: Any = SandboxConfig
    return lambda agent: agent.start_sandbox(sandbox("sb-one", **fields))


def started_with(**fields: Any) -> Call:
    async def call(agent: Any) -> None:
        config: Any = AgentConfig
        agent.init(SANDBOX, config(**fields))
        await agent.start_sandbox(SANDBOX)

    return call


def created(spec: Any = None, **fields: Any) -> Call:
    usual = oci.Spec(process=oci.Process(("true",)), linux=oci.Linux())
    config: Any = ContainerConfig
    return lambda agent: agent.create_container(SANDBOX, config("ctr-one", spec or usual, **fields))


TEXTS: list[tuple[str, Call]] = [
    ("command.args", run("ls -l")),
    ("command.args", run(None)),
    ("command.args", run(7)),
    ("command.args[1]", run(("sleep", 5))),
    ("command.args[0]", run(("\ud800",))),
    ("command.supplementary_groups", run(("ls",), supplementary_groups="10")),
    ("command.supplementary_groups[0]", run(("ls",), supplementary_groups=(10,))),
    ("command.user", run(("ls",), user=0)),
    ("command.primary_group", run(("ls",), primary_group=7)),
    ("command.env", run(("ls",), env=("A=1",))),
    ("command.env", run(("ls",), env=None)),
    ("command.env", run(("ls",), env={1: "x"})),
    ("command.env[A]", run(("ls",), env={"A": 1})),
    ("command.env[A]", run(("ls",), env={"A": "\ud800"})),
    ("command.cwd", run(("ls",), cwd=Path("/"))),
    ("options.args", listed(args="-ef")),
    ("options.args[0]", listed(args=("\ud800",))),
    ("options.format", listed(format="xml")),
    ("config.kernel_modules", started_with(kernel_modules="i915")),
    ("config.kernel_modules[1]", started_with(kernel_modules=("i915", None))),
]
TYPES: list[tuple[str, Call]] = [
    ("command", lambda agent: agent.exec(CONTAINER, ["ls"])),
    ("command.terminal", run(("ls",), terminal=1)),
    ("options", lambda agent: agent.process_list_container(CONTAINER, None)),
    ("sandbox", lambda agent: agent.start_sandbox(None)),
    ("sandbox.interfaces", started(interfaces=None)),
    ("sandbox.shared_fs", started(shared_fs="virtio-fs")),
    ("sandbox.resolv_conf", started(resolv_conf="/etc/resolv.conf")),
    ("sandbox.shares_pid_namespace", started(shares_pid_namespace="no")),
    ("sandbox.shm_size_bytes", started(shm_size_bytes=True)),
    ("config.dial_timeout_seconds", started_with(dial_timeout_seconds="5")),
    ("container.storages", created(storages=None)),
    ("container.devices[0]", created(devices=("sda",))),
    ("container.spec", created("{}")),
    ("container.spec.mounts", created(oci.Spec(mounts=odd))),
    ("resources", lambda agent: agent.update_container(CONTAINER, None)),
    ("routes", lambda agent: agent.update_routes("10.0.0.0/8")),
    ("neighbors", lambda agent: agent.add_arp_neighbors(None)),
    ("storages", lambda agent: agent.update_ephemeral_mounts("tmpfs")),
    ("pci_path", lambda agent: agent.add_swap([])),
    ("pci_path", lambda agent: agent.add_swap("02/01")),
    ("pci_path[0]", lambda agent: agent.add_swap([True])),
    ("cpus", lambda agent: agent.online_cpu_mem(True, cpu_only=True)),
    ("cpu_only", lambda agent: agent.online_cpu_mem(1, cpu_only="x")),
    ("ipv6", lambda agent: agent.get_ip_tables(ipv6="yes")),
    ("all_processes", lambda agent: agent.signal_process(CONTAINER, "x", 9, all_processes="no")),
    ("time", lambda agent: agent.set_guest_date_time(1.0)),
    ("source", lambda agent: agent.copy_file("/etc/hostname", "/run/x")),
]
SIZES: list[tuple[str, Call]] = [
    ("data", lambda agent: agent.write_process_stdin(CONTAINER, "exec-one", TOO_MUCH)),
    ("data", lambda agent: agent.reseed_rng(TOO_MUCH)),
    ("data", lambda agent: agent.set_ip_tables(memoryview(TOO_MUCH))),
    ("policy", lambda agent: agent.set_policy("x" * len(TOO_MUCH))),
    ("policy", lambda agent: agent.set_policy("é" * (len(TOO_MUCH) // 2 + 1))),
    ("config.policy", started_with(policy="x" * len(TOO_MUCH))),
]


@pytest.mark.parametrize(
    ("argument", "call"),
    [*TEXTS, *TYPES, *SIZES],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_it_is_refused_by_its_name_before_anything_connects(
    clock: FakeClock, argument: str, call: Call
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = KataAgent(scripted.dial_url, "mock:///a", clock=clock)
        with pytest.raises(ArgumentError) as caught:
            await call(agent)

    assert caught.value.argument == argument
    assert len(str(caught.value)) < 400
    assert scripted.dials == 0


async def test_content_of_the_largest_size_is_sent_whole_with_the_longest_ids(
    clock: FakeClock,
) -> None:
    data = bytes(MAX_CONTENT_BYTES)
    longest = "e" * 128
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/WriteStdin"] = b""
        agent = KataAgent(scripted.dial_url, "mock:///a", clock=clock)
        await agent.write_process_stdin(CONTAINER, longest, data)

        assert MAX_CONTENT_BYTES < len(scripted.asked[0].payload) < MAX_MESSAGE_BYTES
        await agent.aclose()


LIMITS = {
    **dict.fromkeys(("memory.limit_bytes", "memory.reservation_bytes", "memory.swap_bytes")),
    **dict.fromkeys(("memory.kernel_bytes", "memory.kernel_tcp_bytes")),
    **dict.fromkeys(("cpu.quota_us", "cpu.realtime_runtime_us", "pids.limit")),
}


def limited(field: str, limit: Any) -> oci.LinuxResources:
    controller, name = field.split(".")
    kinds: Any = {"memory": oci.LinuxMemory, "cpu": oci.LinuxCPU, "pids": oci.LinuxPids}
    made: Any = {controller: kinds[controller](**{name: limit})}
    return oci.LinuxResources(**made)


@pytest.mark.parametrize("field", LIMITS)
@pytest.mark.parametrize("limit", [-2, -(1 << 40), True])
async def test_limit_below_none_at_all_is_refused_wherever_it_is_given(
    clock: FakeClock, field: str, limit: int
) -> None:
    resources = limited(field, limit)
    spec = oci.Spec(process=oci.Process(("true",)), linux=oci.Linux(resources=resources))
    calls: tuple[tuple[str, Call], ...] = (
        ("resources", lambda agent: agent.update_container(CONTAINER, resources)),
        ("container.spec.linux.resources", created(spec)),
    )
    for where, call in calls:
        await test_it_is_refused_by_its_name_before_anything_connects(
            clock, f"{where}.{field}", call
        )


@pytest.mark.parametrize("field", LIMITS)
async def test_limit_of_minus_one_is_none_and_is_sent(clock: FakeClock, field: str) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/UpdateContainer"] = b""
        agent = KataAgent(scripted.dial_url, "mock:///a", clock=clock)
        await agent.update_container(CONTAINER, limited(field, -1))

        assert len(scripted.asked) == 1
        await agent.aclose()
