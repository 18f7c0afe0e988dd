"""Kills for want of memory: what the guest counts, who hears of them, and what exits."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock, settle
from kata_exporter._pb import agent_pb2
from kata_exporter.simulator import CgroupVersion, SimulatedAgent, SimulatedGuest, Victim
from kata_exporter.simulator.agent.oom_queue import CAPACITY, OomQueue, QueueEnded
from kata_exporter.ttrpc import ServerRequest

AGENT = "grpc.AgentService"
STATS = agent_pb2.StatsContainerRequest(container_id="c1").SerializeToString()


class Rig:
    """A guest and its agent, and what its surroundings have heard."""

    def __init__(
        self,
        cgroup: CgroupVersion = CgroupVersion.V2,
        *,
        version: str = "4.1.0",
        shim: bool = False,
    ) -> None:
        self.heard: list[tuple[str, int | None]] = []
        self.guest = SimulatedGuest(
            FakeClock(), sandbox_id="demo-1", container_ids=["c1", "c2"], cgroup=cgroup, seed=1
        )
        self.agent = SimulatedAgent(
            self.guest,
            FakeClock(),
            version=version,
            on_oom=(lambda id_: self.heard.append((id_, None))) if shim else None,
            on_exit=lambda id_, code: self.heard.append((id_, code)),
        )

    @property
    def kills(self) -> int:
        """The guest kernel's own count."""
        return self.guest.state().vmstat["oom_kill"]

    async def event(self) -> str:
        answer = await self.agent.handle(ServerRequest(AGENT, "GetOOMEvent", b""))
        return agent_pb2.OOMEvent.FromString(answer).container_id

    async def events(self) -> list[str]:
        """Take all that there are."""
        found: list[str] = []
        while True:
            waiter = asyncio.create_task(self.event())
            if not await done(waiter):
                await cancel(waiter)
                return found
            found.append(waiter.result())


async def done(task: "asyncio.Task[str]") -> bool:
    await settle()
    return task.done()


async def cancel(task: "asyncio.Task[str]") -> None:
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(
    ("cgroup", "kills", "events"),
    [
        (CgroupVersion.V2, 1, 1),
        (CgroupVersion.V2, 2, 1),
        (CgroupVersion.V2, 4, 1),
        (CgroupVersion.V1, 1, 0),
        (CgroupVersion.V1, 2, 1),
        (CgroupVersion.V1, 4, 3),
    ],
)
async def test_kills_make_the_events_that_a_real_agent_sent(
    cgroup: CgroupVersion, kills: int, events: int
) -> None:
    """What was measured on a real guest; its kernel's count was right each time."""
    rig = Rig(cgroup)

    for _ in range(kills):
        rig.agent.kill_for_memory("c1")

    assert await rig.events() == ["c1"] * events
    assert rig.kills == kills


async def test_agents_that_do_not_look_send_an_event_for_each_kill_on_v1() -> None:
    rig = Rig(CgroupVersion.V1, version="3.2.0")

    rig.agent.kill_for_memory("c1")
    rig.agent.kill_for_memory("c1")

    assert await rig.events() == ["c1", "c1"]


async def test_each_container_has_a_watcher_of_its_own() -> None:
    rig = Rig()

    for container_id in ("c1", "c2", "c1", "c2"):
        rig.agent.kill_for_memory(container_id)

    assert await rig.events() == ["c1", "c2"]
    assert rig.kills == 4


@pytest.mark.parametrize("cgroup", CgroupVersion)
async def test_kills_outside_of_containers_and_of_the_pause_container_make_no_event(
    cgroup: CgroupVersion,
) -> None:
    rig = Rig(cgroup)

    for container_id in (None, None, "demo-1", "demo-1"):
        rig.agent.kill_for_memory(container_id)

    assert await rig.events() == []
    assert rig.kills == 4


async def test_an_init_that_is_killed_makes_an_event_and_then_its_container_exits() -> None:
    rig = Rig(shim=True)

    rig.agent.kill_for_memory("c1", Victim.INIT)

    assert rig.heard == [("c1", None), ("c1", 137)]
    assert not rig.guest.runs("c1")
    assert rig.kills == 1


async def test_an_init_that_is_killed_first_on_v1_exits_without_an_event() -> None:
    rig = Rig(CgroupVersion.V1, shim=True)

    rig.agent.kill_for_memory("c1", Victim.INIT)

    assert rig.heard == [("c1", 137)]


async def test_a_container_that_loses_a_process_goes_on() -> None:
    rig = Rig(shim=True)

    rig.agent.kill_for_memory("c1", Victim.PROCESS)

    assert rig.heard == [("c1", None)]
    assert rig.guest.runs("c1")


@pytest.mark.parametrize(
    ("container_id", "error", "text"),
    [("none", KeyError, "none"), ("c1", ValueError, "'c1' has exited")],
)
def test_there_is_nothing_to_kill(container_id: str, error: type[Exception], text: str) -> None:
    rig = Rig()
    rig.guest.stop_container("c1")

    with pytest.raises(error, match=text):
        rig.agent.kill_for_memory(container_id)

    assert rig.kills == 0
    assert not rig.heard


async def test_a_restarted_container_makes_an_event_again() -> None:
    rig = Rig()
    rig.agent.kill_for_memory("c1", Victim.INIT)
    rig.guest.restart_container("c1", "c1-again")

    rig.agent.kill_for_memory("c1-again")

    assert await rig.events() == ["c1", "c1-again"]
    assert rig.kills == 2


async def test_a_vm_that_restarts_has_lost_its_events_and_its_scrapes() -> None:
    rig = Rig()
    rig.agent.kill_for_memory("c1")
    get_metrics = ServerRequest(AGENT, "GetMetrics", b"")
    await rig.agent.handle(get_metrics)

    rig.guest.restart()

    assert await rig.events() == []
    text = agent_pb2.Metrics.FromString(await rig.agent.handle(get_metrics)).metrics
    assert "\nkata_agent_scrape_count 1\n" in text
    assert '{item="oom_kill"} 0\n' in text
    rig.agent.kill_for_memory("c1")
    assert await rig.events() == ["c1"]


async def test_a_shim_that_always_waits_and_another_waiter_get_every_second_event() -> None:
    """Each event reaches one of them: what we take, containerd never learns of."""
    rig = Rig(CgroupVersion.V1, version="3.2.0", shim=True)
    ours = []

    for _ in range(3):
        waiter = asyncio.create_task(rig.event())
        await settle()
        rig.agent.kill_for_memory("c1")
        rig.agent.kill_for_memory("c1")
        ours.append(await waiter)

    assert ours == ["c1"] * 3
    assert rig.heard == [("c1", None)] * 3


@pytest.mark.parametrize(("version", "answers"), [("3.31.0", False), ("3.32.0", True)])
async def test_a_second_waiter_held_up_the_sandbox_before_3_32(
    version: str, *, answers: bool
) -> None:
    rig = Rig(version=version)
    first, second = asyncio.create_task(rig.event()), asyncio.create_task(rig.event())
    await settle()

    stats = asyncio.create_task(rig.agent.handle(ServerRequest(AGENT, "StatsContainer", STATS)))
    await settle()
    assert stats.done() is answers
    # It isn't the sandbox that these are about.
    await rig.agent.handle(ServerRequest(AGENT, "GetMetrics", b""))
    await rig.agent.handle(ServerRequest("grpc.Health", "Check", b""))

    rig.agent.kill_for_memory("c1")
    await settle()
    assert (first.done(), second.done(), stats.done()) == (True, False, True)
    await stats
    await cancel(second)


async def test_a_full_queue_drops_nothing() -> None:
    queue = OomQueue()

    for number in range(CAPACITY + 50):
        queue.put(str(number))

    assert (queue.held, queue.blocked) == (CAPACITY, 50)
    taken = [await queue.take() for _ in range(CAPACITY + 50)]
    assert taken == [str(number) for number in range(CAPACITY + 50)]
    assert (queue.held, queue.blocked) == (0, 0)


async def test_a_waiter_that_leaves_with_an_event_in_hand_gives_it_back() -> None:
    """It was given the event in the same turn in which it was told to go."""
    queue = OomQueue()
    leaving = asyncio.create_task(queue.take())
    await settle()

    queue.put("first")
    leaving.cancel()
    queue.put("second")
    await asyncio.wait([leaving])

    assert leaving.cancelled()
    assert [await queue.take(), await queue.take()] == ["first", "second"]


async def test_a_waiter_that_left_is_passed_over() -> None:
    queue = OomQueue()
    first, second = asyncio.create_task(queue.take()), asyncio.create_task(queue.take())
    await settle()

    first.cancel()
    queue.put("event")

    assert await second == "event"
    await asyncio.wait([first])
    assert first.cancelled()


async def test_a_waiter_that_leaves_as_the_queue_ends_is_cancelled() -> None:
    queue = OomQueue()
    leaving, staying = asyncio.create_task(queue.take()), asyncio.create_task(queue.take())
    await settle()

    queue.end()
    leaving.cancel()
    await asyncio.wait([leaving, staying])

    assert leaving.cancelled()
    assert isinstance(staying.exception(), QueueEnded)
    with pytest.raises(QueueEnded):
        await queue.take()


@given(st.lists(st.sampled_from(["put", "wait", "leave"]), max_size=40))
def test_every_event_reaches_one_waiter_in_order(actions: list[str]) -> None:
    async def run() -> None:
        queue = OomQueue()
        put = 0
        waiting: list[asyncio.Task[str]] = []
        got: list[asyncio.Task[str]] = []
        for action in actions:
            if action == "put":
                queue.put(str(put))
                put += 1
            elif action == "wait":
                waiting.append(asyncio.create_task(queue.take()))
            elif waiting:
                await cancel(waiting.pop())
            await settle(3)
            got += [task for task in waiting if task.done()]
            waiting = [task for task in waiting if not task.done()]
        delivered = [task.result() for task in got]
        left = [await queue.take() for _ in range(queue.held)]
        assert delivered + left == [str(number) for number in range(put)]
        for task in waiting:
            await cancel(task)

    asyncio.run(run())
