"""When shims are asked, and again."""

import asyncio
from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.discovery.directory.asking import Address, Answer, Asking
from kata_exporter.discovery.directory.claims import Shim
from kata_exporter.errors import AddressError, Reason
from kata_exporter.model import Announcement, Refusal
from kata_exporter.sockets import AgentUrl
from shim_directory import FakeShims, make_shim, noticed, watching


@pytest.fixture
def kata(tmp_path: Path) -> Path:
    directory = tmp_path / "kata"
    directory.mkdir()
    return directory


def shim(sandbox_id: str = "box-1", birth: str = "1") -> Shim:
    return Shim("/run/kata", sandbox_id, birth)


async def test_a_failure_is_told_and_asked_again_after_pauses_that_double_up_to_a_minute(
    kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    shims = FakeShims()
    shims.fail("box-1")
    start = clock.monotonic()
    asked: list[float] = []
    async with watching(clock, kata, shims=shims) as rig:
        await settle()
        refusal = rig.seen("box-1").refusal
        assert refusal == Refusal(Reason.CONNECT_FAILED, "no answer of box-1")
        seen = 0
        for _ in range(2600):
            if len(shims.asked) > seen:
                seen = len(shims.asked)
                asked.append(clock.monotonic() - start)
            await clock.run_for(0.1)

    assert asked[:9] == pytest.approx([0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 123.5], abs=0.5)
    assert asked[9:] == pytest.approx([183.5, 243.5], abs=1)


async def test_a_shim_that_fails_and_then_answers_is_told_and_left_alone(
    kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    shims = FakeShims()
    shims.fail("box-1", Reason.TIMEOUT)
    async with watching(clock, kata, shims=shims) as rig:
        await clock.run_for(0.4)
        shims.failing.clear()

        await clock.run_for(0.2)

        assert rig.seen("box-1").refusal is None
        assert rig.urls == {"box-1": "vsock://3:1024"}
        assert rig.metrics.requests == {Reason.TIMEOUT: 1, Reason.OK: 1}
        await clock.run_for(200, step=0.5)
        assert len(shims.asked) == 2


async def test_a_shim_that_hangs_keeps_nobody_waiting_and_is_heard_when_it_answers(
    kata: Path, clock: FakeClock
) -> None:
    make_shim(kata, "box-1")
    make_shim(kata, "box-2")
    shims = FakeShims()
    shims.hanging.add("box-1")
    async with watching(clock, kata, shims=shims) as rig:
        await settle()
        assert rig.urls == {"box-1": "", "box-2": "vsock://3:1024"}

        shims.free()
        await settle()

        assert rig.urls["box-1"] == "vsock://4:1024"


async def test_a_new_birth_is_asked_at_once_whatever_the_old_one_waited_for(
    kata: Path, clock: FakeClock
) -> None:
    path = make_shim(kata, "box-1")
    shims = FakeShims()
    shims.fail("box-1")
    async with watching(clock, kata, shims=shims) as rig:
        await clock.run_for(40, step=0.5)
        assert len(shims.asked) == 7
        shims.failing.clear()

        path.unlink()
        await clock.run_for(0.1)
        make_shim(kata, "box-2").rename(path)
        await clock.run_for(0.1)

        assert rig.urls == {"box-1": "vsock://3:1024"}
        assert len(shims.asked) == 8


async def test_at_most_sixteen_are_asked_at_a_time(kata: Path, clock: FakeClock) -> None:
    shims = FakeShims()
    for n in range(40):
        make_shim(kata, f"box-{n:02}")
        shims.hanging.add(f"box-{n:02}")
    async with watching(clock, kata, shims=shims) as rig:
        await settle()
        assert len(shims.asked) == 16

        shims.free()
        await settle(60)

        assert len(set(shims.asked)) == 40
        assert shims.most_at_once == 16
        assert len({url for url in rig.urls.values() if url}) == 40


async def test_however_many_shims_hang_a_new_one_is_asked_at_once(
    kata: Path, clock: FakeClock
) -> None:
    hung = [f"hung-{n:02}" for n in range(40)]
    shims = FakeShims()
    for sandbox_id in hung:
        make_shim(kata, sandbox_id)
        shims.fail(sandbox_id, Reason.TIMEOUT)
    async with watching(clock, kata, shims=shims) as rig:
        await settle(60)
        shims.failing.clear()
        shims.hanging.update(hung)
        await clock.run_for(0.6)
        assert shims.at_once == 16, "they are asked again, a few at a time"

        make_shim(kata, "well")
        await noticed(clock)

        assert rig.urls["well"]


async def test_a_pause_holds_no_place(kata: Path, clock: FakeClock) -> None:
    shims = FakeShims()
    for n in range(20):
        make_shim(kata, f"box-{n:02}")
        shims.fail(f"box-{n:02}")
    make_shim(kata, "box-zz")
    async with watching(clock, kata, shims=shims) as rig:
        await settle(60)

        assert rig.urls["box-zz"]


async def test_a_fault_of_ours_costs_one_attempt_of_one_shim(
    kata: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    make_shim(kata, "box-1")
    make_shim(kata, "box-2")
    shims = FakeShims()
    shims.failing["box-1"] = ZeroDivisionError("a bug")
    async with watching(clock, kata, shims=shims) as rig:
        await settle()

        assert rig.reasons == {"box-1": Reason.REJECTED}
        assert rig.urls["box-2"]
        assert "asking a shim failed" in caplog.text
        shims.failing.clear()
        await clock.run_for(0.6)
        assert rig.reasons == {}


async def test_what_a_shim_wrote_is_escaped_and_cut(clock: FakeClock) -> None:
    answers: list[Answer] = []

    shims = FakeShims()
    hostile = "box-1\x1b[2J" + "x" * 999
    shims.fail(hostile)
    asking = Asking(shims, clock, lambda _shim, answer: answers.append(answer))
    asking.begin(shim(hostile))
    await settle()
    await asking.aclose()

    (answer,) = answers
    assert isinstance(answer, Refusal)
    assert answer.detail.isprintable()
    assert len(answer.detail) < 300


async def test_a_shim_that_is_being_asked_is_not_asked_twice(clock: FakeClock) -> None:
    shims = FakeShims()
    shims.hanging.add("box-1")
    answers: list[Answer] = []
    asking = Asking(shims, clock, lambda _shim, answer: answers.append(answer))
    asking.begin(shim())
    asking.begin(shim())
    await settle()
    assert shims.asked == ["box-1"]

    shims.free()
    await settle()
    asking.begin(shim())
    await settle()

    assert shims.asked == ["box-1", "box-1"], "once it has answered, it may be asked again"
    assert answers == [Address("vsock://3:1024", Announcement())] * 2
    await asking.aclose()


async def test_an_answer_that_no_cancellation_stops_is_still_dropped(clock: FakeClock) -> None:
    free = asyncio.Event()

    async def stubborn(_directory: str, _sandbox_id: str) -> tuple[AgentUrl, Announcement]:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue
        raise AddressError("hung up")

    answers: list[Answer] = []
    asking = Asking(stubborn, clock, lambda _shim, answer: answers.append(answer))
    asking.begin(shim())
    await settle()
    asking.end(shim())
    await settle()
    free.set()
    await settle()
    await asking.aclose()

    assert answers == []


@pytest.mark.parametrize("phase", ["asking", "waiting", "queueing"])
async def test_closed_in_any_phase_it_leaves_nothing(phase: str, clock: FakeClock) -> None:
    shims = FakeShims()
    asking = Asking(shims, clock, lambda _shim, _answer: None)
    for n in range(30 if phase == "queueing" else 1):
        if phase == "waiting":
            shims.fail(f"box-{n}")
        else:
            shims.hanging.add(f"box-{n}")
        asking.begin(shim(f"box-{n}"))
    await settle()

    await asking.aclose()

    assert clock.pending == 0
    assert shims.at_once == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
