"""Unix sockets: every failure has its words, every path fits, and no descriptor is left."""

import asyncio
import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from fake_clock import settle
from kata_exporter.errors import DialError, Reason
from kata_exporter.sockets import AgentUrl, Dialer, bind_unix, connect_unix
from vmm import listening


def long_folder(tmp_path: Path) -> Path:
    """A folder whose name alone is over what a socket's address holds."""
    folder = tmp_path / ("d" * 100) / ("e" * 100)
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("scheme", ["unix", "remote", "mock"])
async def test_path_schemes_connect_to_the_path(tmp_path: Path, scheme: str) -> None:
    async with listening(tmp_path / "a.sock") as vmm:
        sock = await Dialer().dial(AgentUrl.parse(f"{scheme}://{vmm.path}"))(0.0)
        with sock:
            theirs = await vmm.accept()
            sock.send(b"hello")

            assert theirs.recv(9) == b"hello"
            assert not sock.getblocking()
            assert not sock.get_inheritable()


async def test_path_longer_than_an_address_binds_and_connects(tmp_path: Path) -> None:
    path = str(long_folder(tmp_path) / "agent.sock")
    assert len(path) > 200

    with bind_unix(path) as listener, await connect_unix(path) as sock:
        theirs, _ = listener.accept()
        with theirs:
            theirs.send(b"hello")
            assert sock.recv(9) == b"hello"
        assert not listener.getblocking()
        assert not listener.get_inheritable()


@pytest.mark.parametrize("length", [106, 107, 108, 109])
async def test_path_about_as_long_as_an_address_binds_and_connects(
    tmp_path: Path, length: int
) -> None:
    path = str(tmp_path / "x")
    path += "x" * (length - len(path))

    with bind_unix(path) as listener, await connect_unix(path):
        theirs, _ = listener.accept()
        theirs.close()


async def test_path_is_resolved_once_through_links(tmp_path: Path) -> None:
    """A path that an administrator wrote may be a link."""
    link = tmp_path / "link.sock"
    link.symlink_to(tmp_path / "a.sock")

    async with listening(tmp_path / "a.sock"):
        (await connect_unix(str(link))).close()


async def test_missing_path_is_said(tmp_path: Path) -> None:
    path = tmp_path / "none.sock"

    with pytest.raises(DialError, match=f"No such file or directory: {path}") as caught:
        await connect_unix(str(path))
    assert caught.value.reason is Reason.CONNECT_FAILED


async def test_folder_of_a_path_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DialError, match="Not a directory"):
        await connect_unix(str(tmp_path / "file" / "a.sock"))


@pytest.mark.parametrize("kind", ["file", "folder", "pipe"])
async def test_path_that_is_no_socket_is_said_and_not_touched(tmp_path: Path, kind: str) -> None:
    """A named pipe would block whoever opens it."""
    path = tmp_path / "a.sock"
    if kind == "file":
        path.write_text("content")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)

    with pytest.raises(DialError, match=f"not a socket: {path}"):
        await connect_unix(str(path))


async def test_socket_that_nobody_listens_on_is_said(tmp_path: Path) -> None:
    """As after a VMM was killed: its file stays."""
    async with listening(tmp_path / "a.sock"):
        pass

    with pytest.raises(DialError, match="Connection refused"):
        await connect_unix(str(tmp_path / "a.sock"))


async def test_socket_of_another_type_is_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "a.sock"))

        with pytest.raises(DialError, match="wrong type"):
            await connect_unix(str(tmp_path / "a.sock"))


async def test_full_backlog_is_waited_for(tmp_path: Path) -> None:
    async with listening(tmp_path / "a.sock", backlog=0) as vmm:
        first = await connect_unix(str(vmm.path))
        second = asyncio.create_task(connect_unix(str(vmm.path)))
        await settle()
        assert not second.done()

        await vmm.accept()
        (await second).close()
        first.close()


async def test_cancelling_a_dial_to_a_full_backlog_leaves_no_socket(tmp_path: Path) -> None:
    """Left: nothing; the check for descriptors after each test sees to it."""
    async with listening(tmp_path / "a.sock", backlog=0) as vmm:
        with await connect_unix(str(vmm.path)):
            second = asyncio.create_task(connect_unix(str(vmm.path)))
            await settle()
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second


async def test_want_of_descriptors_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(tmp_path / "a.sock"):
        with monkeypatch.context() as patched:
            patched.setattr(socket, "socket", _no_descriptors)
            with pytest.raises(DialError, match="Too many open files"):
                await connect_unix(str(tmp_path / "a.sock"))


def _no_descriptors(*_: object) -> socket.socket:
    raise OSError(errno.EMFILE, "Too many open files")


def test_binding_what_exists_fails_and_leaves_no_socket(tmp_path: Path) -> None:
    (tmp_path / "a.sock").touch()

    with pytest.raises(OSError, match="in use"):
        bind_unix(str(tmp_path / "a.sock"))


def test_binding_in_no_folder_fails_and_leaves_no_socket(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bind_unix(str(tmp_path / ("x" * 100) / "a.sock"))


def test_name_that_is_too_long_fails_and_leaves_no_socket(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        bind_unix(str(tmp_path / ("x" * 120)))


@pytest.mark.parametrize("length", [20, 150])
def test_the_file_of_a_bound_socket_has_the_rights_that_were_asked_for(
    tmp_path: Path, length: int
) -> None:
    folder = tmp_path / ("x" * length)
    folder.mkdir()
    path = folder / "a.sock"
    before = os.umask(0)
    try:
        bind_unix(str(path), mode=0o600).close()
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
