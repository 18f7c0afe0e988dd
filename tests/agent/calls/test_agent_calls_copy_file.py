"""copy_file of what can't be copied: a typed error, and nothing half sent without saying so."""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent import AgentError, CopyError, KataAgent
from kata_exporter.agent.calls import source as source_module
from kata_exporter.agent.calls.source import PIECE_BYTES
from kata_exporter.errors import ArgumentError, KataExporterError, Reason
from kata_exporter.ttrpc import Code, StatusError
from scripted_agent import ScriptedAgent, scripted_agent

COPY = "grpc.AgentService/CopyFile"
TO = "/run/kata-containers/shared/containers/x"
NOBODY = 65534


def agent_of(scripted: ScriptedAgent, clock: FakeClock) -> KataAgent:
    scripted.answers.setdefault(COPY, b"")
    return KataAgent(scripted.dial_url, "unix:///run/a.sock", clock=clock)


def sent_to(scripted: ScriptedAgent) -> list[pb.CopyFileRequest]:
    return [pb.CopyFileRequest.FromString(request.payload) for request in scripted.asked]


async def failed_copy(path: Path, clock: FakeClock) -> tuple[KataExporterError, int]:
    """Copy what can't be copied; return the error, and how many requests there were."""
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        with pytest.raises(KataExporterError) as caught:
            await agent.copy_file(path, TO)
        await agent.aclose()
        return caught.value, len(scripted.asked)


def make_fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def make_socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "sock"))
    return folder / "sock"


def make_loop(folder: Path) -> Path:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    return folder / "a" / "file"


def make_file_in_the_way(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "x"


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (make_fifo, ArgumentError, "is of type 0o10000: no file, folder or link"),
        (make_socket, ArgumentError, "is of type 0o140000: no file, folder or link"),
        (lambda _: Path("/dev/null"), ArgumentError, "is of type 0o20000"),
        (lambda _: Path("a\0b"), ArgumentError, "null byte"),
        (make_loop, CopyError, "Too many levels of symbolic links (nothing was sent)"),
        (lambda folder: folder / "none", CopyError, "No such file or directory (nothing was sent)"),
        (make_file_in_the_way, CopyError, "Not a directory (nothing was sent)"),
        (lambda folder: folder / ("x" * 300), CopyError, "File name too long (nothing was sent)"),
        (lambda _: Path("/proc/version"), CopyError, "more than its size says (nothing was sent)"),
    ],
    ids="fifo socket device nul loop missing file-as-folder long-name proc".split(),
)
async def test_copy_file_of_what_cannot_be_copied_sends_nothing(
    clock: FakeClock,
    tmp_path: Path,
    make: Callable[[Path], Path],
    kind: type[KataExporterError],
    says: str,
) -> None:
    error, requests = await failed_copy(make(tmp_path), clock)

    assert type(error) is kind
    assert says in str(error)
    assert requests == 0


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody for a while where this is root, whom no permission stops."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can look into, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.iterdir():
        path.chmod(0o700)
    shutil.rmtree(folder)


async def test_copy_file_of_a_file_without_rights_sends_nothing(
    clock: FakeClock, open_folder: Path
) -> None:
    path = open_folder / "file"
    path.write_bytes(b"secret")
    path.chmod(0)
    with without_rights():
        error, requests = await failed_copy(path, clock)

    assert isinstance(error, CopyError)
    assert "Permission denied (nothing was sent)" in str(error)
    assert requests == 0


async def test_copy_file_from_a_folder_without_rights_sends_nothing(
    clock: FakeClock, open_folder: Path
) -> None:
    folder = open_folder / "locked"
    folder.mkdir()
    (folder / "file").write_bytes(b"secret")
    folder.chmod(0)
    with without_rights():
        error, requests = await failed_copy(folder / "file", clock)

    assert isinstance(error, CopyError)
    assert "Permission denied (nothing was sent)" in str(error)
    assert requests == 0


async def test_copy_file_of_a_folder_without_rights_is_that_folder_with_its_mode(
    clock: FakeClock, open_folder: Path
) -> None:
    """Nothing in it is copied with it, so its rights stop nobody."""
    folder = open_folder / "locked"
    folder.mkdir()
    folder.chmod(0)
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        with without_rights():
            await agent.copy_file(folder, TO)
        await agent.aclose()

    (request,) = sent_to(scripted)
    assert (request.file_mode, request.file_size, request.data) == (0o040000, 0, b"")


async def test_copy_file_of_a_link_in_a_loop_is_that_link(clock: FakeClock, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    async with scripted_agent(clock) as scripted:
        agent = agent_of(scripted, clock)
        await agent.copy_file(tmp_path / "loop", TO)
        await agent.aclose()

    (request,) = sent_to(scripted)
    assert (request.file_mode & 0o170000, request.file_size, request.data) == (0o120000, 0, b"loop")


def grow(path: Path) -> None:
    os.truncate(path, 3 * PIECE_BYTES)


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(bytes(2 * PIECE_BYTES))
    other.rename(path)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (grow, "it was changed while it was read"),
        (lambda path: os.truncate(path, PIECE_BYTES), "it was changed while it was read"),
        (lambda path: path.write_bytes(bytes(2 * PIECE_BYTES)), "it was changed while it was read"),
        (Path.unlink, "it was removed while it was read"),
        (replace, "it was removed while it was read"),
    ],
    ids=["grows", "shrinks", "rewritten", "vanishes", "replaced"],
)
async def test_copy_file_of_what_changes_meanwhile_says_how_much_was_sent(
    clock: FakeClock, tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE_BYTES))

    async def spoilt() -> bytes:
        spoil(path)
        return b""

    async with scripted_agent(clock) as scripted:
        scripted.answers[COPY] = spoilt
        agent = agent_of(scripted, clock)
        with pytest.raises(CopyError) as caught:
            await agent.copy_file(path, TO)
        await agent.aclose()

    assert str(caught.value) == (f"can't copy {path}: {says} (1048576 of 2097152 bytes were sent)")
    assert (caught.value.sent_bytes, caught.value.size_bytes) == (PIECE_BYTES, 2 * PIECE_BYTES)
    # The guest puts a file in place with its last byte, which it hasn't been given.
    assert [(sent.offset, sent.file_size) for sent in sent_to(scripted)] == [(0, 2 * PIECE_BYTES)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (StatusError(Code.INTERNAL, "No space left on device"), Reason.AGENT_ERROR),
        (StatusError(Code.PERMISSION_DENIED, "CopyFileRequest is blocked"), Reason.POLICY_BLOCKED),
    ],
)
async def test_copy_file_that_the_guest_refuses_half_way_says_how_much_was_sent(
    clock: FakeClock, tmp_path: Path, answer: StatusError, reason: Reason
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE_BYTES))
    asked = 0

    async def second_fails() -> bytes:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise answer
        return b""

    async with scripted_agent(clock) as scripted:
        scripted.answers[COPY] = second_fails
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError) as caught:
            await agent.copy_file(path, TO)
        await agent.aclose()

    assert caught.value.reason is reason
    assert caught.value.__notes__ == ["1048576 of 2097152 bytes had been sent before"]
    assert caught.value.kata_text == f"Could not send CopyFile request: {answer}"


@given(st.binary(max_size=300), st.integers(1, 40))
def test_copy_file_of_any_size_in_any_pieces_is_the_file_in_the_guest(
    data: bytes, piece_bytes: int
) -> None:
    async def copied(path: Path) -> list[pb.CopyFileRequest]:
        clock = FakeClock()
        async with scripted_agent(clock) as scripted:
            agent = agent_of(scripted, clock)
            await agent.copy_file(path, TO)
            await agent.aclose()
        return sent_to(scripted)

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_module, "PIECE_BYTES", piece_bytes)
        path = Path(folder) / "file"
        path.write_bytes(data)
        requests = asyncio.run(copied(path))

    guest = bytearray()
    for request in requests:
        assert (request.path, request.file_size) == (TO, len(data))
        assert request.offset == len(guest)
        guest += request.data
    assert bytes(guest) == data


@pytest.mark.parametrize("kind", ["empty", "folder", "link"])
async def test_copy_file_in_one_request_fails_without_the_words_for_pieces(
    clock: FakeClock, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("target")
    async with scripted_agent(clock) as scripted:
        scripted.answers[COPY] = StatusError(Code.INTERNAL, "EINVAL")
        agent = agent_of(scripted, clock)
        with pytest.raises(AgentError) as caught:
            await agent.copy_file(tmp_path / kind, TO)
        await agent.aclose()

    assert caught.value.kata_text == "INTERNAL: EINVAL"
