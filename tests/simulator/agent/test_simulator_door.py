"""The door of a sandbox on real unix sockets: plain, and hybrid vsock as a VMM offers it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kata_exporter.simulator.agent.door import Door
from kata_exporter.simulator.faults.base import Fault
from kata_exporter.sockets import connect_unix

GREETING = b"hello from the guest"


async def greet(sock: socket.socket) -> None:
    """Stand in for the agent: say hello, then echo."""
    loop = asyncio.get_running_loop()
    with sock:
        await loop.sock_sendall(sock, GREETING)
        while data := await loop.sock_recv(sock, 4096):
            await loop.sock_sendall(sock, data)


@pytest_asyncio.fixture
async def hybrid(tmp_path: Path) -> AsyncIterator[Door]:
    door = Door(tmp_path / "vmm.sock", greet, Fault, hybrid=True)
    door.open()
    yield door
    await door.close()


async def talk(path: Path, *writes: bytes, until: int | None = None) -> bytes:
    """Write each in a write of its own; return what comes until the end, or so many bytes."""
    reader, writer = await asyncio.open_unix_connection(sock=await connect_unix(str(path)))
    try:
        for data in writes:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0)
        return await (reader.read() if until is None else reader.readexactly(until))
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_connect_is_answered_with_ok_and_a_number_and_passed_on(
    hybrid: Door, tmp_path: Path
) -> None:
    said = await talk(tmp_path / "vmm.sock", b"CONNECT 1024\n", until=8 + len(GREETING))

    assert said == b"OK 1024\n" + GREETING
    assert hybrid.url == f"hvsock://{tmp_path}/vmm.sock:1024"


@pytest.mark.usefixtures("hybrid")
@pytest.mark.parametrize(
    "line", [b"CONNECT 1025\n", b"CONNECT\n", b"connect 1024\n", b"CONNECT 1024", b"C", b"\n"]
)
async def test_anything_else_is_hung_up_on(tmp_path: Path, line: bytes) -> None:
    assert await talk(tmp_path / "vmm.sock", line) == b""


@pytest.mark.usefixtures("hybrid")
async def test_connect_byte_by_byte_is_hung_up_on(tmp_path: Path) -> None:
    line = b"CONNECT 1024\n"

    assert await talk(tmp_path / "vmm.sock", *(bytes([byte]) for byte in line)) == b""


@pytest.mark.usefixtures("hybrid")
async def test_two_clients_are_served_at_a_time(tmp_path: Path) -> None:
    said = await asyncio.gather(
        *(talk(tmp_path / "vmm.sock", b"CONNECT 1024\n", until=8) for _ in range(2))
    )

    assert sorted(said) == [b"OK 1024\n", b"OK 1025\n"]


@pytest.mark.usefixtures("hybrid")
async def test_a_request_in_the_same_write_as_connect_is_lost(tmp_path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(
        sock=await connect_unix(str(tmp_path / "vmm.sock"))
    )
    writer.write(b"CONNECT 1024\nlost")
    await reader.readexactly(8 + len(GREETING))

    writer.write(b"echoed")

    assert await reader.readexactly(6) == b"echoed"
    writer.close()


@pytest.mark.usefixtures("hybrid")
async def test_a_client_that_goes_before_it_asked_leaves_nothing(tmp_path: Path) -> None:
    (await connect_unix(str(tmp_path / "vmm.sock"))).close()

    said = await talk(tmp_path / "vmm.sock", b"CONNECT 1024\n", until=8)

    assert said.startswith(b"OK ")


async def test_a_plain_door_passes_on_at_once_and_can_be_opened_again(tmp_path: Path) -> None:
    door = Door(tmp_path / "agent.sock", greet, Fault, hybrid=False)
    for _ in range(2):
        door.open()
        assert await talk(tmp_path / "agent.sock", until=len(GREETING)) == GREETING
        await door.close()
        assert list(tmp_path.iterdir()) == []


async def test_dropping_ends_connections_and_lets_new_ones_in(tmp_path: Path) -> None:
    door = Door(tmp_path / "agent.sock", greet, Fault, hybrid=False)
    door.open()
    reader, writer = await asyncio.open_unix_connection(
        sock=await connect_unix(str(tmp_path / "agent.sock"))
    )
    await reader.readexactly(len(GREETING))

    await door.drop()

    assert await reader.read() == b""
    writer.close()
    assert await talk(tmp_path / "agent.sock", until=len(GREETING)) == GREETING
    await door.close()


async def test_closing_right_after_clients_came_leaves_no_socket(tmp_path: Path) -> None:
    """Their tasks are cancelled before their first step; the descriptors are checked in conftest."""
    door = Door(tmp_path / "agent.sock", greet, Fault, hybrid=True)
    door.open()
    clients = [await connect_unix(str(tmp_path / "agent.sock")) for _ in range(3)]
    await asyncio.sleep(0)

    await door.close()

    for client in clients:
        client.close()
