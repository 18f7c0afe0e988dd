"""The handshake of hybrid vsock: one line there, one line back, and nothing more or before."""

import asyncio
import socket
import struct
from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.errors import DialError, HandshakeError, Reason
from kata_exporter.sockets import AgentUrl, Dialer
from kata_exporter.ttrpc import Call, Client, ConnectError, DeadlineExceeded, Phase
from vmm import Vmm, listening
from wire import HEADER_BYTES, answer

CALL = Call("grpc.Health", "Check", b"", cap_bytes=4096)


def dialling(vmm: Vmm) -> "asyncio.Task[socket.socket]":
    url = AgentUrl.parse(f"hvsock://{vmm.path}:1024")

    async def dial() -> socket.socket:
        return await Dialer().dial(url)(0.0)

    return asyncio.create_task(dial())


async def send(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def receive(sock: socket.socket, most: int = 4096) -> bytes:
    return await asyncio.get_running_loop().sock_recv(sock, most)


async def test_connect_is_one_write_and_ok_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    send_all, writes = loop.sock_sendall, list[bytes]()

    async def sock_sendall(sock: socket.socket, data: bytes) -> None:
        writes.append(data)
        await send_all(sock, data)

    monkeypatch.setattr(loop, "sock_sendall", sock_sendall)
    async with listening(tmp_path / "v") as vmm:
        dial = dialling(vmm)
        theirs = await vmm.asked()
        await settle()
        assert not dial.done()
        assert writes == [b"CONNECT 1024\n"]

        theirs.send(b"OK 1073741824\n")
        with await dial as sock:
            assert not sock.getblocking()


async def test_nothing_of_a_call_is_sent_before_ok(tmp_path: Path, clock: FakeClock) -> None:
    """A request in the same write as CONNECT is lost without a trace."""
    async with listening(tmp_path / "v") as vmm:
        client = Client(Dialer().dial(AgentUrl.parse(f"hvsock://{vmm.path}:1024")), clock=clock)
        call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
        theirs = await vmm.asked()
        await settle()
        with pytest.raises(BlockingIOError):
            theirs.recv(1)

        await send(theirs, b"OK 1024\n")
        head = await receive(theirs, HEADER_BYTES)
        assert struct.unpack(">IIBB", head)[1:] == (1, 1, 0)
        await send(theirs, answer(1, b"pong"))
        assert await call == b"pong"
        await client.aclose()


async def test_no_byte_past_the_line_is_read(tmp_path: Path) -> None:
    """A frame that comes in one piece with OK is still there for the next reader."""
    async with listening(tmp_path / "v") as vmm:
        dial = dialling(vmm)
        await send(await vmm.asked(), b"OK 1\n" + answer(1, b"glued"))

        with await dial as sock:
            assert await receive(sock) == answer(1, b"glued")


async def test_line_may_come_byte_by_byte(tmp_path: Path) -> None:
    async with listening(tmp_path / "v") as vmm:
        dial = dialling(vmm)
        theirs = await vmm.asked()
        for byte in b"OK 4294967295\n":
            await send(theirs, bytes([byte]))
            await settle(3)

        (await dial).close()


@pytest.mark.parametrize(
    "line",
    [
        b"KO\n",
        b"OK\n",
        b"OK \n",
        b"ok 1\n",
        b" OK 1\n",
        b"OK 1 \n",
        b"OK 1\r\n",
        b"OK -1\n",
        b"OK 1\0\n",
        b"\0\n",
        b"OK 12345678901\n",
        "OK \u0661\n".encode(),
        b"not OK 1\n",
        b"\n",
        b"x" * 64,
        b"OK " + b"1" * 61,
        b"x" * 100_000,
        b"\x1b[2J\n",
    ],
)
async def test_any_other_line_is_refused_and_the_socket_closed(tmp_path: Path, line: bytes) -> None:
    async with listening(tmp_path / "v") as vmm:
        dial = dialling(vmm)
        theirs = await vmm.asked()
        await send(theirs, line)

        with pytest.raises(HandshakeError) as caught:
            await dial
        assert "where OK and a number should be" in str(caught.value)
        assert repr(line[:64]) in str(caught.value)
        assert str(caught.value).isprintable()
        assert caught.value.reason is Reason.HANDSHAKE_FAILED
        await assert_closed(theirs)


async def assert_closed(sock: socket.socket) -> None:
    try:
        assert await receive(sock) == b""
    except ConnectionResetError:
        return


async def test_at_most_64_bytes_are_read(tmp_path: Path) -> None:
    async with listening(tmp_path / "v") as vmm:
        dial = dialling(vmm)
        theirs = await vmm.asked()
        await send(theirs, b"x" * 63)
        await settle(100)
        assert not dial.done()
        await send(theirs, b"x")

        with pytest.raises(HandshakeError):
            await dial


@pytest.mark.parametrize("said", [b"", b"OK", b"OK 1024"])
async def test_end_before_the_line_is_whole_is_said(tmp_path: Path, said: bytes) -> None:
    """Nobody listens on the guest's port, or the guest is still booting."""
    async with listening(tmp_path / "v") as vmm:
        dial = dialling(vmm)
        theirs = await vmm.asked()
        await send(theirs, said)
        theirs.close()

        with pytest.raises(HandshakeError, match="closed before it said OK"):
            await dial


async def test_reset_is_said(tmp_path: Path) -> None:
    async with listening(tmp_path / "v") as vmm:
        dial = dialling(vmm)
        theirs = await vmm.accept()
        await settle()
        theirs.close()  # with CONNECT unread: a reset

        with pytest.raises(HandshakeError, match="Connection reset by peer before it said OK"):
            await dial


async def test_socket_that_nobody_listens_on_is_no_handshake(tmp_path: Path) -> None:
    async with listening(tmp_path / "v") as vmm:
        pass
    with pytest.raises(DialError, match="Connection refused") as caught:
        await dialling(vmm)
    assert caught.value.reason is Reason.CONNECT_FAILED


async def test_silence_ends_at_the_deadline_of_the_handshake(tmp_path: Path) -> None:
    """A frozen guest: its VMM's socket takes connections and says nothing."""
    async with listening(tmp_path / "v") as vmm:
        dialer = Dialer(handshake_seconds=0.01)
        with pytest.raises(TimeoutError):
            await dialer.dial(AgentUrl.parse(f"hvsock://{vmm.path}:1024"))(0.0)

        await assert_ends(await vmm.asked())


async def test_silence_past_the_deadline_of_the_handshake_is_a_timeout_of_the_call(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with listening(tmp_path / "v") as vmm:
        dialer = Dialer(handshake_seconds=0.01)
        client = Client(dialer.dial(AgentUrl.parse(f"hvsock://{vmm.path}:1024")), clock=clock)

        with pytest.raises(DeadlineExceeded) as caught:
            await client.call(CALL, deadline=clock.monotonic() + 60)
        assert caught.value.phase is Phase.DIAL
        assert not client.alive


async def test_silence_ends_at_the_deadline_of_the_call(tmp_path: Path, clock: FakeClock) -> None:
    async with listening(tmp_path / "v") as vmm:
        client = Client(Dialer().dial(AgentUrl.parse(f"hvsock://{vmm.path}:1024")), clock=clock)
        call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
        theirs = await vmm.asked()
        await settle()
        clock.advance(5)

        with pytest.raises(DeadlineExceeded) as caught:
            await call
        assert caught.value.phase is Phase.DIAL
        await assert_ends(theirs)


async def test_cancelling_the_handshake_leaves_no_socket(tmp_path: Path) -> None:
    """Left: nothing; the VMM sees the end."""
    async with listening(tmp_path / "v") as vmm:
        dial = dialling(vmm)
        theirs = await vmm.asked()
        dial.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dial

        await assert_ends(theirs)


async def test_cancelling_an_unbounded_call_in_the_handshake_leaves_no_socket(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Left: a client that has ended; the VMM sees the end."""
    async with listening(tmp_path / "v") as vmm:
        client = Client(Dialer().dial(AgentUrl.parse(f"hvsock://{vmm.path}:1024")), clock=clock)
        call = asyncio.create_task(client.call(CALL, deadline=None))
        theirs = await vmm.asked()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        await assert_ends(theirs)
        await client.aclose()
        assert clock.pending == 0


async def assert_ends(sock: socket.socket) -> None:
    assert await receive(sock) == b""


async def test_refused_handshake_is_the_cause_that_a_call_gets(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with listening(tmp_path / "v") as vmm:
        client = Client(Dialer().dial(AgentUrl.parse(f"hvsock://{vmm.path}:1024")), clock=clock)
        call = asyncio.create_task(client.call(CALL, deadline=clock.monotonic() + 5))
        await send(await vmm.asked(), b"KO\n")

        with pytest.raises(ConnectError) as caught:
            await call
        assert isinstance(caught.value.__cause__, HandshakeError)
