"""What simulated processes do: each program, pipes that fill, signals, and being frozen."""

import asyncio
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock, settle
from kata_exporter.simulator.agent.guest_clock import GuestClock
from kata_exporter.simulator.agent.pipe import CAPACITY_BYTES, Pipe
from kata_exporter.simulator.agent.process import ProcessLost, SimulatedProcess
from kata_exporter.simulator.agent.process_spec import ProcessSpec
from kata_exporter.simulator.agent.programs import PROGRAMS

SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGCHLD, SIGCONT, SIGSTOP = 1, 2, 9, 15, 17, 18, 19


class Rig:
    """A process that was started, and its exits."""

    def __init__(
        self,
        args: Sequence[str],
        *,
        clock: FakeClock | None = None,
        is_init: bool = False,
        spec: ProcessSpec | None = None,
    ) -> None:
        self.clock = clock or FakeClock()
        self.exits: list[int] = []
        self.process = SimulatedProcess(
            spec or ProcessSpec(tuple(args)),
            pid=1,
            clock=GuestClock(self.clock),
            on_exit=self.exits.append,
            is_init=is_init,
        )
        self.process.start()


async def read(pipe: Pipe) -> bytes:
    found = b""
    while data := await pipe.read(CAPACITY_BYTES):
        found += data
    return found


async def ran(*args: str, spec: ProcessSpec | None = None) -> tuple[int, bytes, bytes]:
    rig = Rig(args, spec=spec)
    return (
        await rig.process.wait(),
        await read(rig.process.stdout),
        await read(rig.process.stderr),
    )


@pytest.mark.parametrize(
    ("args", "outcome"),
    [
        (["true"], (0, b"", b"")),
        (["/bin/false"], (1, b"", b"")),
        (["echo"], (0, b"\n", b"")),
        (["echo", "a", "b  c"], (0, b"a b  c\n", b"")),
        (["pwd"], (0, b"/\n", b"")),
        (["id"], (0, b"uid=0 gid=0 groups=0\n", b"")),
        (["sleep"], (1, b"", b"sleep: not a time: ''\n")),
        (["sleep", "nan"], (1, b"", b"sleep: not a time: 'nan'\n")),
        (["sleep", "-1"], (1, b"", b"sleep: not a time: '-1'\n")),
        (["sleep", "soon"], (1, b"", b"sleep: not a time: 'soon'\n")),
        (["sh", "-c", ""], (0, b"", b"")),
        (["sh", "-c", "false"], (1, b"", b"")),
        (["sh", "-c", "echo a; echo b >&2; exit 3; echo c"], (3, b"a\n", b"b\n")),
        (["sh", "-c", "false; exit"], (1, b"", b"")),
        (["sh", "-c", "exit 258"], (2, b"", b"")),
        (["sh", "-c", "exit never"], (127, b"", b"sh: exit: not found\n")),
        (["sh", "-c", "echo 'a; b' \"\";; >&2; echo c"], (0, b"a; b \nc\n", b"")),
        (["sh", "-c", "echo a\n# b\necho c"], (0, b"a\nc\n", b"sh: #: not found\n")),
        (["sh", "-c", "sh -c 'exit 4'"], (4, b"", b"")),
        (["sh", "-c", "nginx; true"], (0, b"", b"sh: nginx: not found\n")),
        (["sh", "-c", "echo 'a"], (2, b"", b"sh: No closing quotation\n")),
        (["stty", "size"], (1, b"", b"stty: no terminal to ask, or no 'size' asked for\n")),
    ],
)
async def test_programs_that_end_by_themselves(
    args: list[str], outcome: tuple[int, bytes, bytes]
) -> None:
    assert await ran(*args) == outcome


async def test_a_process_knows_what_it_was_started_with() -> None:
    spec = ProcessSpec(
        ("sh", "-c", "env; pwd; id"), env=("A=1", "B=2"), cwd="/x", uid=7, gid=8, groups=(8, 9)
    )

    _, output, _ = await ran(spec=spec)

    assert output == b"A=1\nB=2\n/x\nuid=7 gid=8 groups=8,9\n"


async def test_with_a_terminal_there_is_one_output_and_a_size() -> None:
    spec = ProcessSpec(("sh", "-c", "cat; stty size; nginx"), terminal=True)
    rig = Rig((), spec=spec)
    assert rig.process.stderr is rig.process.stdout

    rig.process.window = (24, 80)
    rig.process.close_stdin()

    assert await read(rig.process.stdout) == b"24 80\nsh: nginx: not found\n"


async def test_sleep_ends_when_its_time_has_come(clock: FakeClock) -> None:
    rig = Rig(["sh", "-c", "sleep 1.5 1; echo up; exit 3"], clock=clock)

    clock.advance(2.4)
    assert not rig.process.ended
    clock.advance(0.2)

    assert rig.exits == [3]
    assert await read(rig.process.stdout) == b"up\n"
    assert clock.pending == 0


@pytest.mark.parametrize("args", [["sleep", "infinity"], ["/bin/server"], ["nginx", "-g", "x"]])
async def test_what_does_not_end_by_itself_is_ended_by_a_signal(
    args: list[str], clock: FakeClock
) -> None:
    rig = Rig(args, clock=clock)
    clock.advance(1e8)
    assert not rig.process.ended

    rig.process.signal(SIGHUP)
    rig.process.signal(SIGTERM)

    assert rig.exits == [129]


async def test_a_killed_process_leaves_no_timer_and_its_output(clock: FakeClock) -> None:
    rig = Rig(["sh", "-c", "echo a; sleep 9"], clock=clock)

    rig.process.signal(SIGKILL)

    assert clock.pending == 0
    assert (await rig.process.wait(), await read(rig.process.stdout)) == (137, b"a\n")


async def test_cat_copies_until_its_input_ends() -> None:
    rig = Rig(["cat"])
    await rig.process.stdin.write(b"a")
    assert await rig.process.stdout.read(10) == b"a"

    await rig.process.stdin.write(b"b")
    rig.process.close_stdin()

    assert await read(rig.process.stdout) == b"b"
    assert rig.exits == [0]


async def test_a_writer_waits_while_both_pipes_are_full_and_loses_nothing() -> None:
    rig = Rig(["cat"])
    data = bytes(range(256)) * 1024

    writer = asyncio.create_task(rig.process.stdin.write(data))
    await settle()
    assert not writer.done()
    found = b""
    while len(found) < len(data):
        found += await rig.process.stdout.read(10_000)
        await settle(2)

    await writer
    assert found == data


async def test_writers_take_turns() -> None:
    rig = Rig(["cat"])
    writers = [
        asyncio.create_task(rig.process.stdin.write(letter * 3 * CAPACITY_BYTES))
        for letter in (b"a", b"b")
    ]
    reader = asyncio.create_task(read(rig.process.stdout))
    await asyncio.gather(*writers)
    rig.process.close_stdin()

    assert re.fullmatch(b"a+b+", await reader)


@pytest.mark.parametrize("args", [["cat"], ["/bin/server"]])
async def test_a_writer_learns_that_the_process_has_ended(args: list[str]) -> None:
    rig = Rig(args)
    writer = asyncio.create_task(rig.process.stdin.write(bytes(4 * CAPACITY_BYTES)))
    await settle()

    rig.process.signal(SIGKILL)

    with pytest.raises(BrokenPipeError):
        await writer
    with pytest.raises(BrokenPipeError):
        await rig.process.stdin.write(b"x")


async def test_output_longer_than_a_pipe_comes_as_it_is_read() -> None:
    rig = Rig(["echo", "x" * 3 * CAPACITY_BYTES])
    await settle()
    assert not rig.process.ended

    assert await read(rig.process.stdout) == b"x" * 3 * CAPACITY_BYTES + b"\n"
    assert rig.exits == [0]


async def test_nothing_is_read_at_once_where_nothing_is_asked_for() -> None:
    assert await Rig(["cat"]).process.stdout.read(0) == b""


async def test_of_two_readers_each_gets_what_the_other_does_not() -> None:
    rig = Rig(["cat"])
    readers = [asyncio.create_task(rig.process.stdout.read(1)) for _ in range(2)]
    await settle()

    await rig.process.stdin.write(b"ab")

    assert sorted(await asyncio.gather(*readers)) == [b"a", b"b"]


async def test_all_who_wait_get_the_exit_code() -> None:
    rig = Rig(["/bin/server"])
    waiters = [asyncio.create_task(rig.process.wait()) for _ in range(3)]
    await settle()

    rig.process.signal(SIGINT)

    assert await asyncio.gather(*waiters) == [130] * 3
    assert await rig.process.wait() == 130


async def test_a_process_that_goes_with_its_container_has_no_exit_code() -> None:
    rig = Rig(["sleep", "5"])
    waiter = asyncio.create_task(rig.process.wait())
    await settle()

    rig.process.lose()

    with pytest.raises(ProcessLost):
        await waiter
    assert rig.exits == []
    assert rig.clock.pending == 0


@pytest.mark.parametrize("number", [0, SIGCHLD, SIGCONT, 23, 28])
async def test_some_signals_do_nothing(number: int) -> None:
    rig = Rig(["/bin/server"])

    rig.process.signal(number)

    assert not rig.process.ended


async def test_a_signal_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="no signal 65"):
        Rig(["/bin/server"]).process.signal(65)


async def test_an_init_gets_no_signal_that_it_does_not_handle() -> None:
    rig = Rig(["/bin/server"], is_init=True)

    rig.process.signal(SIGTERM)
    rig.process.signal(SIGINT)
    assert not rig.process.ended
    rig.process.signal(SIGKILL)

    assert rig.exits == [137]


async def test_a_stopped_process_goes_on_with_sigcont(clock: FakeClock) -> None:
    rig = Rig(["sleep", "1"], clock=clock)

    rig.process.signal(SIGSTOP)
    clock.advance(5)
    assert not rig.process.ended
    rig.process.signal(SIGCONT)

    assert rig.exits == [0]


async def test_a_frozen_process_does_nothing_and_catches_up(clock: FakeClock) -> None:
    rig = Rig(["sh", "-c", "cat; sleep 1"], clock=clock)
    rig.process.freeze()

    await rig.process.stdin.write(b"x")
    rig.process.close_stdin()
    reader = asyncio.create_task(read(rig.process.stdout))
    await settle()
    clock.advance(5)
    assert not reader.done()
    rig.process.thaw()
    clock.advance(1)

    assert await reader == b"x"
    assert rig.exits == [0]


async def test_signals_reach_a_frozen_process_when_it_goes_on_and_sigkill_at_once() -> None:
    first, second = Rig(["/bin/server"]), Rig(["/bin/server"])
    for rig in (first, second):
        rig.process.freeze()
        rig.process.signal(SIGTERM)
        assert not rig.process.ended

    first.process.signal(SIGKILL)
    second.process.thaw()

    assert (first.exits, second.exits) == ([137], [143])


@given(st.lists(st.binary(max_size=200), max_size=20), st.integers(1, 64))
def test_cat_gives_back_what_it_was_given_whatever_the_pieces(
    pieces: list[bytes], most: int
) -> None:
    async def run() -> bytes:
        rig = Rig(["cat"])
        found = b""
        for piece in pieces:
            await rig.process.stdin.write(piece)
        rig.process.close_stdin()
        while data := await rig.process.stdout.read(most):
            found += data
        return found

    assert asyncio.run(run()) == b"".join(pieces)


@given(st.sampled_from(sorted(PROGRAMS)), st.lists(st.text(max_size=12), max_size=4))
def test_no_command_line_breaks_a_process(name: str, words: list[str]) -> None:
    async def run() -> None:
        rig = Rig([name, *words])
        rig.process.close_stdin()
        rig.process.signal(SIGKILL)
        await rig.process.wait()
        assert rig.clock.pending == 0

    asyncio.run(run())
