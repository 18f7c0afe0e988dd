"""Processes that clients start in a simulated guest: streams, signals, exit codes, and who waits."""

import asyncio

import pytest

from agent_rig import NO_CONTAINER_TO_CHANGE, NO_INIT, NO_PROCESS, AgentRig
from fake_clock import FakeClock, settle
from kata_exporter._pb import oci_pb2
from kata_exporter.simulator import Victim
from kata_exporter.ttrpc import Code
from named_calls import NamedCalls, given_up

SIGINT, SIGKILL, SIGUSR1, SIGTERM = 2, 9, 10, 15


@pytest.fixture
def rig(clock: FakeClock) -> AgentRig:
    return AgentRig(clock)


@pytest.fixture
def calls(rig: AgentRig) -> NamedCalls:
    return rig.calls


async def test_parallel_waiters_get_the_code_and_a_late_one_an_error(
    rig: AgentRig, calls: NamedCalls
) -> None:
    waiters = [asyncio.create_task(calls.wait("c1", exec_id)) for exec_id in ("", "c1", "", "c1")]
    await settle()

    await rig.signal("c1", SIGKILL)

    assert await asyncio.gather(*waiters) == [137] * 4
    assert await calls.refused("WaitProcess", container_id="c1") == NO_INIT
    assert await calls.refused("WaitProcess", container_id="c1", exec_id="c1") == NO_PROCESS
    assert rig.exits == [("c1", 137)]


async def test_a_waiter_that_goes_takes_nothing_from_the_others(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.execute("c1", "e1", "sleep", "1")
    first, second = (asyncio.create_task(calls.wait("c1", "e1")) for _ in range(2))
    await settle()

    await given_up(first)
    rig.clock.advance(1)

    assert await second == 0


async def test_a_reader_that_goes_takes_no_output_with_it(calls: NamedCalls) -> None:
    await calls.execute("c1", "e1", "cat")
    reader = asyncio.create_task(calls.read_all("c1", "e1"))
    await settle()
    await given_up(reader)

    await calls("WriteStdin", container_id="c1", exec_id="e1", data=b"x")
    await calls("CloseStdin", container_id="c1", exec_id="e1")

    assert await calls.read_all("c1", "e1") == b"x"


async def test_output_can_be_read_after_the_end_and_until_it_is_waited_for(
    calls: NamedCalls,
) -> None:
    await calls.execute("c1", "e1", "sh", "-c", "echo out; echo err >&2; exit 3")

    assert await calls.read_all("c1", "e1") == b"out\n"
    assert await calls.read_all("c1", "e1", "ReadStderr") == b"err\n"
    assert await calls.wait("c1", "e1") == 3
    refused = await calls.refused("ReadStdout", container_id="c1", exec_id="e1", len=1)
    assert refused == NO_PROCESS


async def test_an_id_can_be_used_again_when_its_process_was_waited_for(
    calls: NamedCalls,
) -> None:
    process = oci_pb2.Process(Args=["false"])
    await calls.execute("c1", "e1", "true")
    again = {"container_id": "c1", "exec_id": "e1", "process": process}
    assert (await calls.refused("ExecProcess", **again))[0] is Code.INTERNAL

    assert await calls.wait("c1", "e1") == 0
    await calls("ExecProcess", **again)

    assert await calls.wait("c1", "e1") == 1


async def test_processes_end_with_their_containers_init(rig: AgentRig, calls: NamedCalls) -> None:
    await calls.execute("c1", "e1", "sleep", "60")
    waiter = asyncio.create_task(calls.wait("c1", "e1"))
    reader = asyncio.create_task(calls.read_all("c1", "e1"))
    await settle()

    await rig.signal("c1", SIGTERM)

    assert await waiter == 137
    assert await reader == b""
    assert rig.clock.pending == 0
    refused = await calls.refused(
        "ExecProcess", container_id="c1", exec_id="e2", process=oci_pb2.Process(Args=["true"])
    )
    assert refused[0] is Code.INTERNAL


async def test_signals_reach_one_process_or_with_sigkill_all_of_a_container(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.execute("c1", "e1", "/bin/server")
    await calls.execute("c1", "e2", "/bin/server")
    await rig.signal("c1", SIGUSR1)  # to the init, which doesn't handle it
    await rig.signal("c1", SIGTERM, "e1")
    assert await calls.wait("c1", "e1") == 143
    assert rig.exits == []

    await rig.signal("c1", SIGKILL)

    assert await calls.wait("c1", "e2") == 137
    assert await calls.wait("c1") == 137
    await rig.signal("c1", SIGKILL)  # nobody is left, and that is no error
    assert rig.exits == [("c1", 137)]


async def test_an_ended_process_can_be_signalled_until_it_is_waited_for(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.execute("c1", "e1", "false")
    await rig.signal("c1", SIGINT, "e1")

    assert await calls.wait("c1", "e1") == 1
    refused = await calls.refused("SignalProcess", container_id="c1", exec_id="e1", signal=2)
    assert refused == NO_PROCESS
    assert (await calls.refused("SignalProcess", container_id="c1", signal=65))[0] is Code.INTERNAL


async def test_a_terminal_has_a_size_and_what_has_none_refuses_it(calls: NamedCalls) -> None:
    size = {"container_id": "c1", "exec_id": "e1", "row": 24, "column": 80}
    await calls.execute("c1", "e1", "sh", "-c", "cat; stty size", Terminal=True)

    await calls("TtyWinResize", **size)
    await calls("CloseStdin", container_id="c1", exec_id="e1")

    assert await calls.read_all("c1", "e1", "ReadStderr") == b"24 80\n"
    refused = await calls.refused("TtyWinResize", container_id="c1")
    assert refused == (Code.UNAVAILABLE, '"no tty"')


async def test_input_that_ended_or_has_no_process_takes_nothing(calls: NamedCalls) -> None:
    write = {"container_id": "c1", "exec_id": "e1", "data": b"x"}
    assert await calls.refused("WriteStdin", **write) == (Code.INTERNAL, "InvalidExecId")
    await calls.execute("c1", "e1", "cat")
    assert (await calls("WriteStdin", **write)).len == 1

    await calls("WriteStdin", container_id="c1", exec_id="e1")  # empty: the end

    assert await calls.refused("WriteStdin", **write) == (Code.INTERNAL, "EPIPE: Broken pipe")
    assert await calls.read_all("c1", "e1") == b"x"


async def test_other_refusals_for_want_of_a_container_or_process(calls: NamedCalls) -> None:
    process = oci_pb2.Process(Args=["true"])
    exec_ = await calls.refused("ExecProcess", container_id="none", process=process)
    assert exec_ == NO_CONTAINER_TO_CHANGE
    kill = await calls.refused("SignalProcess", container_id="none", signal=SIGKILL)
    assert kill == NO_CONTAINER_TO_CHANGE
    for fields in ({}, {"process": oci_pb2.Process()}):
        refused = await calls.refused("ExecProcess", container_id="c1", exec_id="e", **fields)
        assert refused[0] is Code.INTERNAL


async def test_an_init_that_is_killed_for_memory_while_somebody_waits(
    rig: AgentRig, calls: NamedCalls
) -> None:
    waiter = asyncio.create_task(calls.wait("c1"))
    event = asyncio.create_task(calls("GetOOMEvent"))
    await settle()

    rig.agent.kill_for_memory("c1", Victim.INIT)

    assert (await event).container_id == "c1"
    assert await waiter == 137
    assert rig.exits == [("c1", 137)]


async def test_of_a_containers_processes_the_youngest_is_killed_for_memory(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.execute("c1", "e1", "/bin/server")
    await calls.execute("c1", "e2", "/bin/server")
    await calls.execute("c1", "e3", "true")

    rig.agent.kill_for_memory("c1")

    assert await calls.wait("c1", "e2") == 137
    assert rig.exits == []
    waiter = asyncio.create_task(calls.wait("c1", "e1"))
    await settle()
    assert not waiter.done()
    await given_up(waiter)


async def test_what_ends_a_container_in_the_guest_ends_its_processes(
    rig: AgentRig, calls: NamedCalls
) -> None:
    waiter = asyncio.create_task(calls.wait("c1"))
    await settle()

    rig.guest.stop_container("c1", 5)
    rig.guest.restart_container("c1", "c1-again")

    assert await waiter == 5
    assert rig.exits == []  # whoever ended it knows
    await calls.execute("c1-again", "e1", "true")
    assert await calls.wait("c1-again", "e1") == 0


async def test_with_a_boot_all_processes_are_gone_and_no_old_timer_ends_a_new_container(
    rig: AgentRig, calls: NamedCalls
) -> None:
    await calls.run("new", "sleep", "5")
    waiter = asyncio.create_task(calls.refused("WaitProcess", container_id="new"))
    await settle()

    rig.guest.restart()
    rig.clock.advance(10)

    assert (await waiter)[0] is Code.INTERNAL
    assert rig.clock.pending == 0
    assert rig.exits == []
    assert rig.guest.runs("new")


async def test_old_agents_list_processes(clock: FakeClock) -> None:
    calls = AgentRig(clock, version="2.0.0").calls
    await calls.execute("c1", "e1", "sleep", "9")
    await calls.execute("c1", "e2", "true")

    json = (await calls("ListProcesses", container_id="c1", format="json")).process_list
    table = (await calls("ListProcesses", container_id="c1", format="table")).process_list

    assert json == b"[101, 103]"
    assert table == b"  PID CMD\n  101 /bin/server\n  103 sleep 9\n"
    for fields in ({"container_id": "none"}, {"container_id": "c1", "format": "xml"}):
        assert (await calls.refused("ListProcesses", **fields))[0] is Code.INVALID_ARGUMENT
