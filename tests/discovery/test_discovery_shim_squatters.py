"""H2, H3 and fault 32: who sits where a shim's socket should be gets no byte."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kata_exporter.discovery.shim import SOCKET_NAME, ShimClient
from kata_exporter.errors import AddressError, Reason
from kata_exporter.sockets import bind_unix
from raw_shim import REQUEST, raw_shim
from stranger import STRANGER_UID, needs_root, stranger

ID = "demo-1"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nvsock://3:1024"
RACE_SECONDS = 5.0
RACE_TURNS = 10_000


async def assert_rejected(directory: Path, problem: str) -> None:
    with pytest.raises(AddressError) as caught:
        await ShimClient().agent_url(str(directory), ID)
    assert problem in str(caught.value)
    assert str(directory / ID / SOCKET_NAME) in str(caught.value)
    assert caught.value.reason is Reason.REJECTED


async def test_socket_that_is_a_link_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / ID).mkdir()
    (tmp_path / ID / SOCKET_NAME).symlink_to(tmp_path / "other" / SOCKET_NAME)
    async with raw_shim(tmp_path / "other", ANSWER) as other:
        await assert_rejected(tmp_path, "'shim-monitor.sock' is a symbolic link")

    assert other.connections == 0


async def test_folder_that_is_a_link_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / ID).symlink_to("other")
    async with raw_shim(tmp_path / "other", ANSWER) as other:
        await assert_rejected(tmp_path, f"'{ID}' is a symbolic link")

    assert other.connections == 0


@pytest.mark.parametrize(
    "make", [Path.touch, Path.mkdir, os.mkfifo], ids=["file", "folder", "pipe"]
)
async def test_what_is_no_socket_is_not_touched(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    (tmp_path / ID).mkdir()
    make(tmp_path / ID / SOCKET_NAME)

    await assert_rejected(tmp_path, "'shim-monitor.sock' is no socket")


async def test_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / ID).touch()

    await assert_rejected(tmp_path, f"'{ID}' is no folder")


@needs_root
async def test_h3_shim_of_another_user_gets_no_byte(tmp_path: Path) -> None:
    (tmp_path / ID).mkdir()
    with stranger(tmp_path / ID / SOCKET_NAME) as squatter:
        await assert_rejected(tmp_path, f"list {STRANGER_UID} in discovery.peer_uids")

        assert squatter.count() == (1, 0)


@needs_root
async def test_h3_shim_of_a_listed_user_is_asked(tmp_path: Path) -> None:
    (tmp_path / ID).mkdir()
    client = ShimClient(peer_uids=frozenset({STRANGER_UID}), timeout_seconds=0.2)
    with stranger(tmp_path / ID / SOCKET_NAME) as listed:
        with pytest.raises(AddressError) as caught:
            await client.agent_url(str(tmp_path), ID)
        assert caught.value.reason is Reason.TIMEOUT

        assert listed.count() == (1, len(REQUEST))


@contextmanager
def swapping(*swaps: Callable[[], object]) -> Iterator[None]:
    """Call `swaps` in turns as fast as another thread can; all of them once more at the end."""
    over = threading.Event()
    faults = list[BaseException]()

    def go_on() -> None:
        try:
            while not over.is_set():
                for swap in swaps:
                    swap()
        except BaseException as error:  # noqa: BLE001  # raised where the test sees it
            faults.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not faults


async def outcomes(directory: Path) -> set[Reason]:
    """Ask again and again, and return what came of it."""
    client = ShimClient()
    end = time.monotonic() + RACE_SECONDS
    seen = set[Reason]()
    for _ in range(RACE_TURNS):
        try:
            assert await client.agent_url(str(directory), ID) == "vsock://3:1024"
            seen.add(Reason.OK)
        except AddressError as error:
            seen.add(error.reason)
        if time.monotonic() > end:
            break
    return seen


async def test_h2_socket_swapped_for_a_link_in_a_loop_leads_nowhere_else(tmp_path: Path) -> None:
    async with (
        raw_shim(tmp_path / ID, ANSWER) as shim,
        raw_shim(tmp_path / "decoy", ANSWER) as decoy,
    ):
        path, ready = tmp_path / ID / SOCKET_NAME, tmp_path / ID / "next"
        real = tmp_path / "real"
        os.link(path, real)

        def link() -> None:
            ready.symlink_to(tmp_path / "decoy" / SOCKET_NAME)
            ready.rename(path)

        def restore() -> None:
            os.link(real, ready)
            ready.rename(path)

        with swapping(link, restore):
            seen = await outcomes(tmp_path)

    assert seen == {Reason.OK, Reason.REJECTED}
    assert shim.connections > 0
    assert decoy.connections == 0


async def test_h2_folder_swapped_for_a_link_in_a_loop_leads_nowhere_else(tmp_path: Path) -> None:
    async with (
        raw_shim(tmp_path / ID, ANSWER) as shim,
        raw_shim(tmp_path / "decoy", ANSWER) as decoy,
    ):
        folder, parked, link = tmp_path / ID, tmp_path / "parked", tmp_path / "link"
        link.symlink_to("decoy")

        def swap() -> None:
            folder.rename(parked)
            link.rename(folder)

        def restore() -> None:
            folder.rename(link)
            parked.rename(folder)

        with swapping(swap, restore):
            seen = await outcomes(tmp_path)

    assert (
        {Reason.OK, Reason.REJECTED} <= seen <= {Reason.OK, Reason.REJECTED, Reason.CONNECT_FAILED}
    )
    assert shim.connections > 0
    assert decoy.connections == 0


@needs_root
async def test_h2_folder_swapped_for_another_users_in_a_loop_gets_no_byte(tmp_path: Path) -> None:
    """Both are real folders with real sockets: only the kernel's word on the peer tells them apart."""
    folder, parked, decoy = tmp_path / ID, tmp_path / "parked", tmp_path / "decoy"
    decoy.mkdir()

    def swap() -> None:
        folder.rename(parked)
        decoy.rename(folder)

    def restore() -> None:
        folder.rename(decoy)
        parked.rename(folder)

    with stranger(decoy / SOCKET_NAME) as squatter:
        async with raw_shim(folder, ANSWER):
            with swapping(swap, restore):
                seen = await outcomes(tmp_path)
        connections, received = squatter.count()

    assert (
        {Reason.OK, Reason.REJECTED} <= seen <= {Reason.OK, Reason.REJECTED, Reason.CONNECT_FAILED}
    )
    assert connections > 0
    assert received == 0


async def test_no_pipe_and_no_file_in_a_loop_is_ever_opened(tmp_path: Path) -> None:
    """A pipe would block whoever opens it, and tell its other end."""
    (tmp_path / ID).mkdir()
    path, ready = tmp_path / ID / SOCKET_NAME, tmp_path / ID / "next"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    def put(what: Path) -> Callable[[], None]:
        def put_it() -> None:
            os.link(what, ready)
            ready.rename(path)

        return put_it

    try:
        with bind_unix(str(tmp_path / "real")) as listener:
            listener.close()  # dead: only what is found matters here
            with swapping(put(tmp_path / "pipe"), put(tmp_path / "real")):
                seen = await outcomes(tmp_path)
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)
    assert seen == {Reason.REJECTED, Reason.CONNECT_FAILED}
