"""AF_VSOCK, without ever opening one: the socket call is replaced in every test."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable

import pytest

from fake_clock import settle
from kata_exporter.errors import DialError, Reason, VsockForbidden
from kata_exporter.sockets import AgentUrl, Dialer, connect_vsock

REAL_SOCKET = socket.socket
Opens = Callable[[], socket.socket]


class Guest(socket.socket):
    """A socket of another family, whose connecting does what a test wants."""

    __slots__ = ("addresses", "fault")

    def __init__(self, fault: int = 0) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.fault = fault
        self.addresses: list[object] = []

    def connect(self, address: object, /) -> None:
        self.addresses.append(address)
        if self.fault:
            raise OSError(self.fault, os.strerror(self.fault))


def replace_vsock(monkeypatch: pytest.MonkeyPatch, opens: Opens) -> None:
    def make(family: int = -1, kind: int = -1, *rest: object) -> socket.socket:
        if family != socket.AF_VSOCK:
            return REAL_SOCKET(family, kind)
        assert kind == socket.SOCK_STREAM | socket.SOCK_NONBLOCK
        assert rest == ()
        return opens()

    monkeypatch.setattr(socket, "socket", make)


def denied(number: int) -> Opens:
    def opens() -> socket.socket:
        raise OSError(number, os.strerror(number))

    return opens


async def test_dial_of_a_vsock_url_gets_cid_and_port() -> None:
    asked: list[tuple[int, int]] = []
    ours, theirs = socket.socketpair()

    async def connect(cid: int, port: int) -> socket.socket:
        asked.append((cid, port))
        return ours

    with ours, theirs:
        assert await Dialer(connect).dial(AgentUrl.parse("vsock://7:1024"))(0.0) is ours
    assert asked == [(7, 1024)]


async def test_dialer_connects_by_the_socket_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with Guest() as guest:
        replace_vsock(monkeypatch, lambda: guest)

        assert await Dialer().dial(AgentUrl.parse("vsock://7:1024"))(0.0) is guest
        assert guest.addresses == [(7, 1024)]


@pytest.mark.parametrize(
    "number", [errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ENOSYS]
)
async def test_socket_call_that_is_denied_is_vsock_forbidden(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    replace_vsock(monkeypatch, denied(number))

    with pytest.raises(VsockForbidden, match="seccomp profile") as caught:
        await connect_vsock(7, 1024)
    assert os.strerror(number) in str(caught.value)
    assert caught.value.reason is Reason.VSOCK_FORBIDDEN


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
async def test_socket_call_that_wants_for_something_is_not_forbidden(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    replace_vsock(monkeypatch, denied(number))

    with pytest.raises(DialError) as caught:
        await connect_vsock(7, 1024)
    assert caught.value.reason is Reason.CONNECT_FAILED


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EPERM, Reason.VSOCK_FORBIDDEN),
        (errno.EACCES, Reason.VSOCK_FORBIDDEN),
        (errno.ECONNREFUSED, Reason.CONNECT_FAILED),
        (errno.ECONNRESET, Reason.CONNECT_FAILED),
        (errno.ENODEV, Reason.CONNECT_FAILED),
        (errno.ETIMEDOUT, Reason.CONNECT_FAILED),
    ],
)
async def test_connecting_that_fails_is_said_and_closes_the_socket(
    monkeypatch: pytest.MonkeyPatch, number: int, reason: Reason
) -> None:
    guest = Guest(number)
    replace_vsock(monkeypatch, lambda: guest)

    with pytest.raises(DialError, match=f"{os.strerror(number)}: vsock 7:1024") as caught:
        await connect_vsock(7, 1024)
    assert caught.value.reason is reason
    assert guest.fileno() == -1


async def test_cancelling_the_connecting_closes_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left: nothing. A paused guest neither takes nor refuses a connection."""
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "_add_writer", lambda *_: None)  # never becomes writable
    guest = Guest(errno.EINPROGRESS)
    replace_vsock(monkeypatch, lambda: guest)
    connecting = asyncio.create_task(connect_vsock(7, 1024))
    await settle()
    assert not connecting.done()
    connecting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert guest.fileno() == -1
