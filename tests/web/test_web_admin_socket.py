"""The admin socket: whose it is, who may ask there, and what becomes of its file."""

import asyncio
import os
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from api_site import ApiSite
from fake_clock import FakeClock
from kata_exporter.errors import ConfigError
from kata_exporter.sockets import bind_unix
from kata_exporter.web.admin_socket import AdminSocket

NOBODY = 65534

ASK_AS = """
import os, socket, sys
uid, path, request = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
os.setgroups([]); os.setgid(uid); os.setuid(uid)
sock = socket.socket(socket.AF_UNIX)
try:
    sock.connect(path)
except PermissionError:
    sys.exit("may not connect")
sock.sendall(request)
while chunk := sock.recv(65536):
    sys.stdout.buffer.write(chunk)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into, as /run."""
    with tempfile.TemporaryDirectory(prefix="kata-exporter-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def ask_as(uid: int, path: Path, request: str) -> tuple[str, str]:
    """What a process of another user gets, and what it complains of."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        ASK_AS,
        str(uid),
        str(path),
        f"{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    return out.decode(), err.decode().strip()


async def test_another_user_may_not_even_connect(clock: FakeClock, open_folder: Path) -> None:
    site = ApiSite(clock, open_folder)
    await site.start()

    found = await ask_as(NOBODY, site.socket, "GET /api/v1/sandboxes")

    assert found == ("", "may not connect")
    await site.aclose()


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /api/v1/sandboxes",
        "DELETE /api/v1/sandboxes/box-1",
        "POST /api/v1/sandboxes",
        "GET /metrics",
        "GET /nothing",
    ],
)
async def test_another_user_is_refused_though_the_file_lets_everybody_in(
    clock: FakeClock, open_folder: Path, request_line: str
) -> None:
    site = ApiSite(clock, open_folder)
    await site.start()
    await site.register()
    site.socket.chmod(0o666)

    answer, _ = await ask_as(NOBODY, site.socket, request_line)

    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 403 Forbidden")
    assert "Content-Type: application/problem+json" in head
    assert "user 65534 is neither root nor the exporter's own user" in body
    assert len(site.known.registry.sandboxes()) == 1
    await site.aclose()


async def test_root_is_let_in(clock: FakeClock, open_folder: Path) -> None:
    site = ApiSite(clock, open_folder)
    await site.start()

    answer, _ = await ask_as(0, site.socket, "GET /api/v1/sandboxes")

    assert answer.startswith("HTTP/1.1 200 OK")
    await site.aclose()


def test_the_file_never_lets_others_in_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rights are looked at right after each step that could make or change it."""
    path = tmp_path / "admin.sock"
    seen: list[int] = []

    class Watched(socket.socket):
        def bind(self, address: object) -> None:
            super().bind(address)  # type: ignore[arg-type]
            seen.append(stat.S_IMODE(path.stat().st_mode))

        def listen(self, backlog: int = 1) -> None:
            super().listen(backlog)
            seen.append(stat.S_IMODE(path.stat().st_mode))

    monkeypatch.setattr(socket, "socket", Watched)
    before = os.umask(0)
    try:
        admin = AdminSocket(path)
        admin.open().close()
    finally:
        os.umask(before)

    assert seen == [0o600, 0o600]
    admin.remove()


def test_what_a_dead_exporter_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    bind_unix(str(path)).close()
    path.chmod(0o777)
    admin = AdminSocket(path)

    with admin.open(), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    admin.remove()
    assert not path.exists()


def test_what_a_stranger_left_is_left_alone(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    path = tmp_path / "admin.sock"
    bind_unix(str(path)).close()
    os.chown(path, NOBODY, NOBODY)

    with pytest.raises(ConfigError, match="a socket of user 65534 is there: remove it"):
        AdminSocket(path).open()

    assert path.is_socket()


def test_one_who_listens_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with bind_unix(str(path)), pytest.raises(ConfigError) as caught:
        AdminSocket(path).open()

    assert str(caught.value).startswith(f"cannot listen on {path}: somebody listens there")
    assert path.is_socket()


def test_one_who_is_busy_is_alive_too(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with bind_unix(str(path), backlog=0), socket.socket(socket.AF_UNIX) as first:
        first.connect(str(path))
        with pytest.raises(ConfigError, match="somebody listens there"):
            AdminSocket(path).open()


@pytest.mark.parametrize("kind", ["file", "folder", "link to a socket", "dangling link"])
def test_what_is_no_socket_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "admin.sock"
    match kind:
        case "file":
            path.write_text("precious")
        case "folder":
            path.mkdir()
        case "link to a socket":
            bind_unix(str(tmp_path / "other.sock")).close()
            path.symlink_to(tmp_path / "other.sock")
        case _:
            path.symlink_to(tmp_path / "nothing")

    with pytest.raises(ConfigError) as caught:
        AdminSocket(path).open()

    assert f"cannot listen on {path}: something is there that is no socket" in str(caught.value)
    assert path.is_symlink() or path.exists()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none" / "admin.sock"

    with pytest.raises(ConfigError, match=f"cannot listen on {path}: No such file"):
        AdminSocket(path).open()


def test_in_the_end_the_file_is_removed_unless_it_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    admin = AdminSocket(path)
    ours = admin.open()
    path.rename(tmp_path / "moved.sock")
    with ours, bind_unix(str(path)):
        admin.remove()
        assert path.is_socket()


def test_removing_what_is_gone_already_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    admin = AdminSocket(path)
    admin.open().close()
    path.unlink()

    admin.remove()
    admin.remove()


async def test_a_server_removes_its_socket_as_it_stops(clock: FakeClock, tmp_path: Path) -> None:
    site = ApiSite(clock, tmp_path)
    await site.start()
    assert site.socket.is_socket()

    await site.aclose()

    assert not site.socket.exists()


async def test_a_server_that_cannot_have_its_socket_listens_nowhere(
    clock: FakeClock, tmp_path: Path
) -> None:
    site = ApiSite(clock, tmp_path)
    site.socket.write_text("precious")

    with pytest.raises(ConfigError, match="no socket"):
        await site.start()

    assert site.server.addresses == ()
    assert site.socket.read_text() == "precious"


async def test_one_client_that_keeps_its_connection_does_not_keep_the_server(
    clock: FakeClock, tmp_path: Path
) -> None:
    site = ApiSite(clock, tmp_path)
    await site.start()
    reader, writer = await asyncio.open_unix_connection(str(site.socket))
    writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")

    await asyncio.wait_for(site.aclose(), 2.0)

    await asyncio.wait_for(reader.read(), 2.0)
    writer.close()
    await writer.wait_closed()
