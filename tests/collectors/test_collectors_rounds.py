"""One round asks everything within one deadline, and says why it got what it got."""

import asyncio
import socket
from dataclasses import replace

import pytest

import captured
from fake_clock import FakeClock, settle
from fake_observer import METRICS_TEXT, STATS, FakeObserver, failure
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent import KataAgent
from kata_exporter.agent.observer import Observer
from kata_exporter.agent.types import AgentVersion, BlkioEntry, ContainerStats
from kata_exporter.errors import ArgumentError, Reason, UrlError
from kata_exporter.model import Container, ContainerState, Sandbox
from rounds_rig import SANDBOX, Rig, lines
from scripted_agent import scripted_agent


async def test_asks_the_version_once_then_metrics_and_each_workload_container(
    clock: FakeClock,
) -> None:
    rig = Rig(clock, FakeObserver())

    first, second = await rig.run(), await rig.run()

    each_round = ["guest_metrics", "container_stats c1", "container_stats c2"]
    assert rig.observer.calls == ["version", *each_round, *each_round]
    assert (first.reason, second.reason) == (Reason.OK, Reason.OK)
    assert first.agent_version == second.agent_version == "4.1.0"
    text = lines(first)
    assert 'kata_guest_load1{sandbox_id="demo-1",namespace="shop",pod="web-0"} 0.5' in text
    assert (
        'kata_container_memory_usage_bytes{sandbox_id="demo-1",namespace="shop",pod="web-0",'
        'container="app",container_id="c1"} 4096' in text
    )


async def test_all_calls_of_a_round_share_one_deadline(clock: FakeClock) -> None:
    rig = Rig(clock, FakeObserver())

    await rig.run()

    assert set(rig.observer.deadlines) == {clock.monotonic() + 5.0}


@pytest.mark.parametrize(
    "reason", [Reason.TIMEOUT, Reason.CONNECT_FAILED, Reason.CLOSED, Reason.PROTOCOL_ERROR]
)
async def test_a_sandbox_that_gives_no_version_is_asked_nothing_else(
    clock: FakeClock, reason: Reason
) -> None:
    rig = Rig(clock, FakeObserver(version=[failure(reason)]))

    collected = await rig.run()

    assert rig.observer.calls == ["version"]
    assert set(collected.results) == {"guest_metrics", "container_stats"}
    assert (collected.answered, collected.reason) == (False, reason)


async def test_an_agent_that_cannot_say_its_version_is_read_as_the_newest(clock: FakeClock) -> None:
    refusal = failure(Reason.UNSUPPORTED, from_agent=True)
    rig = Rig(clock, FakeObserver(version=[refusal]))

    collected = await rig.run()

    assert (collected.reason, collected.agent_version) == (Reason.OK, "")
    assert "kata_guest_load1" in lines(collected)


@pytest.mark.parametrize("version", ["", "x" * 65, '4.1.0"}', "4.1.0\n", "\u0664.\u0661.\u0660"])
async def test_a_version_that_is_none_is_left_out_and_counted(
    clock: FakeClock, version: str
) -> None:
    rig = Rig(clock, FakeObserver(version=[AgentVersion("0", version)]))

    collected = await rig.run()

    assert (collected.reason, collected.agent_version) == (Reason.OK, "")
    assert rig.rejected == [("bad_version", 1)]


async def test_a_failed_round_is_followed_by_a_pause(clock: FakeClock) -> None:
    rig = Rig(clock, FakeObserver(version=[failure(Reason.TIMEOUT), AgentVersion("0", "4.1.0")]))
    assert (rig.rounds.backing_off, rig.rounds.attempt) == (False, 1)
    await rig.run()

    assert (rig.rounds.backing_off, rig.rounds.attempt) == (True, 2)
    assert (await rig.run_later()).reason is Reason.OK
    assert (rig.rounds.backing_off, rig.rounds.attempt) == (False, 1)


async def test_text_that_is_refused_whole_leaves_the_containers_shown(clock: FakeClock) -> None:
    rig = Rig(clock, FakeObserver(guest_metrics=["nothing that anyone knows 1\n"]))

    collected = await rig.run()

    assert collected.results["guest_metrics"].reason is Reason.REJECTED
    assert collected.results["container_stats"].reason is Reason.OK
    assert (collected.answered, collected.reason) == (True, Reason.REJECTED)
    assert ("nothing_usable", 1) in rig.rejected


async def test_a_forged_line_is_dropped_and_counted_and_the_rest_is_shown(
    clock: FakeClock,
) -> None:
    forged = 'kata_guest_load{item="load5",sandbox_id="someone-else"} 99\n'
    rig = Rig(clock, FakeObserver(guest_metrics=[METRICS_TEXT + forged]))

    collected = await rig.run()

    assert collected.reason is Reason.OK
    assert "someone-else" not in lines(collected)
    assert rig.rejected == [("unknown_label", 1)]


async def test_a_large_text_is_read_as_well(clock: FakeClock) -> None:
    large = METRICS_TEXT + "# a comment\n" * 15_000
    rig = Rig(clock, FakeObserver(guest_metrics=[large]))

    assert "kata_guest_load1" in lines(await rig.run())


async def test_what_is_dropped_of_a_containers_statistics_is_counted(clock: FakeClock) -> None:
    junk = ContainerStats(io_service_bytes=(BlkioEntry(8, 0, "junk", 1),) * 3)
    rig = Rig(clock, FakeObserver(container_stats=[junk]))

    await rig.run()

    of_each_container = ("unknown_item", 3)
    assert rig.rejected == [of_each_container, of_each_container]


async def test_a_container_that_fails_leaves_the_next_shown(clock: FakeClock) -> None:
    error = failure(Reason.AGENT_ERROR, from_agent=True)
    rig = Rig(clock, FakeObserver(container_stats=[error, STATS]))

    collected = await rig.run()

    result = collected.results["container_stats"]
    assert result.reason is Reason.AGENT_ERROR
    assert 'container="log"' in lines(collected)
    assert 'container="app"' not in lines(collected)


@pytest.mark.parametrize("odd", ["x", "a/b", "../../etc", "é" * 3, "a" * 129])
async def test_a_container_with_an_odd_id_costs_only_itself_and_is_told(
    clock: FakeClock, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Through the real client, which refuses such an id before anything is sent."""
    containers = (Container(odd, "odd"), Container("c2", "log"))
    sandbox = Sandbox("demo-1", 1, "unix:///run/demo-1.sock", containers=containers)
    async with scripted_agent(clock) as scripted:
        scripted.answers = {
            "grpc.Health/Version": b"",
            "grpc.AgentService/GetMetrics": pb.Metrics(metrics=METRICS_TEXT).SerializeToString(),
            "grpc.AgentService/StatsContainer": captured.stats(captured.STATS[0]),
        }

        def connect(_sandbox: Sandbox) -> Observer:
            return Observer(KataAgent(scripted.dial_url, sandbox.agent_url, clock=clock))

        rounds = Rig(clock, FakeObserver()).rounds_with(connect, sandbox)
        collected = await rounds.run()
        await rounds.aclose()

    result = collected.results["container_stats"]
    assert (result.reason, collected.answered) == (Reason.REJECTED, True)
    assert result.detail.startswith("container.id ")
    assert 'container="log"' in lines(collected)
    assert 'container="odd"' not in lines(collected)
    assert caplog.records == []


async def test_an_odd_id_is_not_told_in_the_place_of_what_failed(clock: FakeClock) -> None:
    script = [ArgumentError("container.id", "x", "odd"), failure(Reason.TIMEOUT)]
    rig = Rig(clock, FakeObserver(container_stats=script))

    collected = await rig.run()

    assert collected.results["container_stats"].reason is Reason.TIMEOUT


async def test_after_a_time_out_no_further_container_is_asked(clock: FakeClock) -> None:
    rig = Rig(clock, FakeObserver(container_stats=[failure(Reason.TIMEOUT)]))

    await rig.run()

    assert [c for c in rig.observer.calls if c.startswith("container_stats")] == [
        "container_stats c1"
    ]


async def test_containers_that_do_not_run_are_not_asked(clock: FakeClock) -> None:
    sandbox = Sandbox(
        "demo-1",
        1,
        "unix:///a",
        containers=(
            Container("c1", state=ContainerState.EXITED),
            Container("c2", state=ContainerState.CREATED),
            Container("c3", state=ContainerState.RUNNING),
        ),
    )
    rig = Rig(clock, FakeObserver(), sandbox)

    await rig.run()

    assert [c for c in rig.observer.calls if c.startswith("container_stats")] == [
        "container_stats c3"
    ]


async def test_a_sandbox_without_containers_has_no_such_result(clock: FakeClock) -> None:
    rig = Rig(clock, FakeObserver(), Sandbox("demo-1", 1, "unix:///a"))

    assert set((await rig.run()).results) == {"guest_metrics"}


async def test_an_update_changes_whom_the_next_round_asks(clock: FakeClock) -> None:
    rig = Rig(clock, FakeObserver())
    await rig.run()

    rig.rounds.update(Sandbox("demo-1", 1, "unix:///a", containers=(Container("c9"),)))
    rig.observer.calls.clear()
    await rig.run()

    assert rig.observer.calls == ["guest_metrics", "container_stats c9"]


async def test_a_url_that_is_none_is_rejected_with_its_words(clock: FakeClock) -> None:
    def connect(_sandbox: Sandbox) -> Observer:
        raise UrlError("agent URL 'tcp://x': unknown scheme 'tcp'")

    rig = Rig(clock, FakeObserver())
    rig.rounds = rig.rounds_with(connect, SANDBOX)

    collected = await rig.run()

    assert (collected.answered, collected.reason) == (False, Reason.REJECTED)
    assert "unknown scheme" in collected.detail


async def test_closing_closes_the_observer(clock: FakeClock) -> None:
    rig = Rig(clock, FakeObserver())
    await rig.run()

    await rig.rounds.aclose()

    assert rig.observer.closed == 1


async def test_an_agent_that_does_not_let_us_connect_holds_one_attempt_until_the_round_ends(
    clock: FakeClock,
) -> None:
    open_attempts, most = 0, 0

    async def dial(deadline: float) -> socket.socket:
        nonlocal open_attempts, most
        open_attempts += 1
        most = max(most, open_attempts)
        try:
            await asyncio.Event().wait()
            raise AssertionError(deadline)
        finally:
            open_attempts -= 1

    def connect(_sandbox: Sandbox) -> Observer:
        return Observer(KataAgent(lambda _: dial, SANDBOX.agent_url, clock=clock))

    rounds = Rig(clock, FakeObserver()).rounds_with(connect, SANDBOX)
    for _ in range(3):
        running = asyncio.create_task(rounds.run())
        await settle()
        await clock.run_for(4.9)
        assert open_attempts == 1
        await clock.run_for(0.2)
        collected = await running
        assert (collected.reason, open_attempts) == (Reason.TIMEOUT, 0)
        clock.advance(60.0)

    assert most == 1


@pytest.mark.parametrize(
    ("collector", "calls"),
    [
        ("guest_metrics", ["guest_metrics"]),
        ("container_stats", ["container_stats c1", "container_stats c2"]),
    ],
)
async def test_a_collector_that_is_off_makes_no_call_and_has_no_result(
    clock: FakeClock, collector: str, calls: list[str]
) -> None:
    rig = Rig(clock, FakeObserver(), collectors=[collector])

    collected = await rig.run()

    assert rig.observer.calls == ["version", *calls]
    assert set(collected.results) == {collector}
    assert collected.answered


async def test_with_every_collector_off_the_agent_is_asked_whether_it_lives(
    clock: FakeClock,
) -> None:
    dying = FakeObserver(check=[None, failure(Reason.TIMEOUT), None])
    rig = Rig(clock, dying, collectors=[])

    alive, silent, again = await rig.run(), await rig.run(), await rig.run_later()

    assert dying.calls == ["version", "check", "check", "check"]
    assert [alive.results, silent.results] == [{}, {}]
    assert (alive.answered, alive.reason) == (True, Reason.OK)
    assert (silent.answered, silent.reason) == (False, Reason.TIMEOUT)
    assert "it is timeout" in silent.detail
    assert again.answered


async def test_with_every_collector_off_an_agent_without_a_version_is_down(
    clock: FakeClock,
) -> None:
    rig = Rig(clock, FakeObserver(version=[failure(Reason.CONNECT_FAILED)]), collectors=[])

    collected = await rig.run()

    assert rig.observer.calls == ["version"]
    assert (collected.answered, collected.reason) == (False, Reason.CONNECT_FAILED)


async def test_containers_alone_are_asked_for_and_none_runs(clock: FakeClock) -> None:
    alone = replace(SANDBOX, containers=())
    rig = Rig(clock, FakeObserver(), alone, collectors=["container_stats"])

    collected = await rig.run()

    assert rig.observer.calls == ["version", "check"]
    assert collected.answered


async def test_rounds_that_take_long_are_slow_though_none_fails(clock: FakeClock) -> None:
    async def late() -> str:
        await clock.sleep(4.0)
        return METRICS_TEXT

    rig = Rig(clock, FakeObserver(guest_metrics=[METRICS_TEXT, late]))
    await rig.run()
    assert not rig.rounds.slow

    running = asyncio.create_task(rig.run())
    await clock.run_for(4.2)

    assert (await running).reason is Reason.OK
    assert rig.rounds.slow
