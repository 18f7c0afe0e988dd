"""A socket that nobody vouches for: no link is followed to it, and its peer is checked first."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.agent.errors import agent_error
from kata_exporter.errors import DialError, HandshakeError, Reason, UntrustedSocket, UrlError
from kata_exporter.sockets import AgentUrl, Dialer, check_peer, connect_beneath, find_socket
from kata_exporter.ttrpc import Call, Client, ConnectError
from stranger import STRANGER_UID, needs_root, stranger
from vmm import listening

NOBODY_ELSE: frozenset[int] = frozenset()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of one sandbox, below a root that is reached through a link."""
    real = tmp_path / "real"
    (real / "id" / "deep").mkdir(parents=True)
    (tmp_path / "root").symlink_to(real)
    return real / "id"


@pytest.fixture
def root(folder: Path) -> str:
    return str(folder.parent.parent / "root")


@pytest.fixture
def no_longer_us(monkeypatch: pytest.MonkeyPatch) -> int:
    """Have listeners of this process be somebody else's; their user is returned.

    Root can't be made a stranger: the kernel says 0 for it.
    """
    if os.geteuid() == 0:
        monkeypatch.setattr("kata_exporter.sockets.peer._ROOT", STRANGER_UID)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER_UID)
    return os.getuid()


async def test_socket_below_the_root_is_connected_to(folder: Path, root: str) -> None:
    """The root itself may be reached through a link: an administrator wrote it."""
    async with listening(folder / "deep" / "a.sock") as vmm:
        with await connect_beneath(root, "id/deep/a.sock", uids=NOBODY_ELSE) as sock:
            theirs = await vmm.accept()
            sock.send(b"hello")

            assert theirs.recv(9) == b"hello"
            assert not sock.getblocking()
            assert not sock.get_inheritable()


async def test_path_longer_than_an_address_is_connected_to(folder: Path, root: str) -> None:
    inner = folder / ("d" * 200) / ("e" * 200)
    inner.mkdir(parents=True)
    async with listening(folder / "a.sock"):
        os.link(folder / "a.sock", inner / "a.sock")
        relative = str((inner / "a.sock").relative_to(folder.parent))

        (await connect_beneath(root, relative, uids=NOBODY_ELSE)).close()


@pytest.mark.parametrize(
    ("relative", "part"),
    [
        ("", "''"),
        ("/id/a.sock", "''"),
        ("id//a.sock", "''"),
        ("id/a.sock/", "''"),
        ("./id/a.sock", "'.'"),
        ("id/../id/a.sock", "'..'"),
        ("..", "'..'"),
        ("id/a\0.sock", r"'a\x00.sock'"),
    ],
)
async def test_path_that_may_lead_elsewhere_is_refused_before_it_is_looked_at(
    root: str, relative: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = list[object]()
    monkeypatch.setattr(os, "open", lambda *args, **_: opened.append(args))

    with pytest.raises(UntrustedSocket) as caught:
        await connect_beneath(root, relative, uids=NOBODY_ELSE)
    assert f"path with {part} in it is not followed" in str(caught.value)
    assert caught.value.reason is Reason.REJECTED
    assert opened == []


async def test_path_that_no_file_can_have_is_refused(root: str) -> None:
    with pytest.raises(UntrustedSocket, match="can't be the name of a file"):
        await connect_beneath(root, "id/\ud800", uids=NOBODY_ELSE)


@pytest.mark.parametrize("what", ["root", "folder", "socket"])
async def test_what_is_not_there_is_said(tmp_path: Path, what: str) -> None:
    if what != "root":
        (tmp_path / "root").mkdir()
    if what == "socket":
        (tmp_path / "root" / "id").mkdir()

    with pytest.raises(DialError, match=r"No such file or directory: .*/root/id/a\.sock") as caught:
        await connect_beneath(str(tmp_path / "root"), "id/a.sock", uids=NOBODY_ELSE)
    assert caught.value.reason is Reason.CONNECT_FAILED


async def test_socket_that_nobody_listens_on_is_said(folder: Path, root: str) -> None:
    async with listening(folder / "a.sock"):
        pass

    with pytest.raises(DialError, match=r"Connection refused: .*/root/id/a\.sock") as caught:
        await connect_beneath(root, "id/a.sock", uids=NOBODY_ELSE)
    assert caught.value.reason is Reason.CONNECT_FAILED


async def test_socket_that_is_a_link_is_refused(folder: Path, root: str) -> None:
    async with listening(folder / "deep" / "a.sock") as vmm:
        (folder / "a.sock").symlink_to("deep/a.sock")

        with pytest.raises(UntrustedSocket, match=r"'a\.sock' is a symbolic link") as caught:
            await connect_beneath(root, "id/a.sock", uids=NOBODY_ELSE)
        assert caught.value.reason is Reason.REJECTED
        assert_not_connected_to(vmm.listener)


async def test_folder_that_is_a_link_is_refused(folder: Path, root: str) -> None:
    """As where a sandbox's folder was swapped for a link to another's."""
    async with listening(folder / "a.sock") as vmm:
        (folder.parent / "other").symlink_to("id")

        with pytest.raises(UntrustedSocket, match="'other' is a symbolic link"):
            await connect_beneath(root, "other/a.sock", uids=NOBODY_ELSE)
        assert_not_connected_to(vmm.listener)


def assert_not_connected_to(listener: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("kind", ["file", "folder", "pipe"])
async def test_what_is_no_socket_is_refused_and_not_touched(
    folder: Path, root: str, kind: str
) -> None:
    """A named pipe would block whoever opens it."""
    path = folder / "a.sock"
    if kind == "file":
        path.write_text("content")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)

    with pytest.raises(UntrustedSocket, match=r"'a\.sock' is no socket: .*/root/id/a\.sock"):
        await connect_beneath(root, "id/a.sock", uids=NOBODY_ELSE)


async def test_folder_that_is_a_socket_is_refused(folder: Path, root: str) -> None:
    async with listening(folder / "a.sock"):
        with pytest.raises(UntrustedSocket, match=r"'a\.sock' is no folder"):
            await connect_beneath(root, "id/a.sock/b.sock", uids=NOBODY_ELSE)


async def test_found_socket_stays_the_same_when_its_path_does_not(folder: Path, root: str) -> None:
    async with listening(folder / "a.sock") as vmm:
        with find_socket(root, "id/a.sock") as pinned:
            folder.rename(folder.parent / "gone")
            folder.mkdir()
            async with listening(folder / "a.sock") as decoy:
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.connect(pinned.path)
                    (await vmm.accept()).send(b"the first")

                    assert sock.recv(9) == b"the first"
                assert_not_connected_to(decoy.listener)
            assert pinned.stat.st_ino == (folder.parent / "gone" / "a.sock").stat().st_ino


async def test_peer_of_another_user_is_refused_and_gets_no_byte(
    folder: Path, root: str, no_longer_us: int
) -> None:
    async with listening(folder / "a.sock") as vmm:
        with pytest.raises(UntrustedSocket) as caught:
            await connect_beneath(root, "id/a.sock", uids=NOBODY_ELSE)

        assert f"peer is user {no_longer_us}, neither root nor our own" in str(caught.value)
        assert f"list {no_longer_us} in discovery.peer_uids" in str(caught.value)
        assert str(caught.value).endswith("/root/id/a.sock")
        assert (await vmm.accept()).recv(1) == b""


async def test_peer_of_a_listed_user_is_trusted(folder: Path, root: str, no_longer_us: int) -> None:
    async with listening(folder / "a.sock"):
        (await connect_beneath(root, "id/a.sock", uids=frozenset({no_longer_us}))).close()


@needs_root
async def test_peer_is_who_the_kernel_says(folder: Path, root: str) -> None:
    with stranger(folder / "a.sock") as other:
        with pytest.raises(UntrustedSocket, match=f"peer is user {STRANGER_UID},"):
            await connect_beneath(root, "id/a.sock", uids=NOBODY_ELSE)
        (await connect_beneath(root, "id/a.sock", uids=frozenset({STRANGER_UID}))).close()

        assert other.count() == (2, 0)


@needs_root
async def test_peer_of_our_own_user_is_trusted(
    folder: Path, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stranger(folder / "a.sock"):
        monkeypatch.setattr(os, "geteuid", lambda: STRANGER_UID)
        (await connect_beneath(root, "id/a.sock", uids=NOBODY_ELSE)).close()


def test_socket_that_is_not_connected_has_no_peer_to_trust() -> None:
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(UntrustedSocket):
        check_peer(sock, NOBODY_ELSE)


async def test_cancelling_at_a_full_backlog_leaves_no_socket(folder: Path, root: str) -> None:
    """Left: nothing; the check for descriptors after each test sees to it."""
    async with listening(folder / "a.sock", backlog=0):
        with await connect_beneath(root, "id/a.sock", uids=NOBODY_ELSE):
            second = asyncio.create_task(connect_beneath(root, "id/a.sock", uids=NOBODY_ELSE))
            await settle()
            assert not second.done()
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second


async def test_announced_remote_url_is_dialled_below_its_root(folder: Path, root: str) -> None:
    async with listening(folder / "a.sock"):
        url = AgentUrl.parse(f"remote://{root}/id/a.sock")

        (await Dialer().dial_announced(url, root)(0.0)).close()
        (await Dialer().dial_announced(url, f"{root}/")(0.0)).close()


async def test_announced_hybrid_url_is_dialled_and_passed_on(folder: Path, root: str) -> None:
    async with listening(folder / "clh.sock") as vmm:
        url = AgentUrl.parse(f"hvsock://{root}/id/clh.sock:1024")
        dial = Dialer().dial_announced(url, root)
        dialling = asyncio.ensure_future(dial(0.0))
        (await vmm.asked()).send(b"OK 1\n")

        (await dialling).close()


async def test_handshake_of_an_announced_url_that_fails_leaves_no_socket(
    folder: Path, root: str
) -> None:
    async with listening(folder / "clh.sock") as vmm:
        dial = Dialer().dial_announced(AgentUrl.parse(f"hvsock://{root}/id/clh.sock:1024"), root)
        dialling = asyncio.ensure_future(dial(0.0))
        (await vmm.asked()).send(b"KO\n")

        with pytest.raises(HandshakeError):
            await dialling


async def test_announced_hybrid_socket_of_another_user_is_not_asked_to_pass_us_on(
    folder: Path, root: str, no_longer_us: int
) -> None:
    url = AgentUrl.parse(f"hvsock://{root}/id/clh.sock:1024")
    async with listening(folder / "clh.sock") as vmm:
        with pytest.raises(UntrustedSocket):
            await Dialer().dial_announced(url, root)(0.0)
        assert (await vmm.accept()).recv(1) == b""

        trusting = Dialer(peer_uids=frozenset({no_longer_us}))
        dialling = asyncio.ensure_future(trusting.dial_announced(url, root)(0.0))
        (await vmm.asked()).send(b"OK 1\n")
        (await dialling).close()


async def test_announced_vsock_url_is_dialled_as_any(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()

    async def connect(cid: int, port: int) -> socket.socket:
        assert (cid, port) == (7, 1024)
        return ours

    with ours, theirs:
        dial = Dialer(connect).dial_announced(AgentUrl.parse("vsock://7:1024"), str(tmp_path))
        assert await dial(0.0) is ours


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("hvsock:///run/vc/vmx/id/clh.sock:1024", "/run/vc/vm"),
        ("hvsock:///run/vc/vm:1024", "/run/vc/vm"),
        ("remote:///run/vc/vm/id/a.sock", ""),
    ],
)
def test_announced_url_that_is_not_below_its_root_is_refused(url: str, root: str) -> None:
    with pytest.raises(UrlError, match="not below"):
        Dialer().dial_announced(AgentUrl.parse(url), root)


async def test_an_untrusted_socket_makes_a_call_rejected(
    folder: Path, root: str, clock: FakeClock
) -> None:
    (folder / "a.sock").symlink_to("/nowhere")
    dial = Dialer().dial_announced(AgentUrl.parse(f"remote://{root}/id/a.sock"), root)
    client = Client(dial, clock=clock)
    call = Call("grpc.Health", "Check", b"", cap_bytes=4096)

    with pytest.raises(ConnectError) as caught:
        await client.call(call, deadline=clock.monotonic() + 5)
    assert agent_error("grpc.Health/Check", caught.value).reason is Reason.REJECTED
    await client.aclose()
