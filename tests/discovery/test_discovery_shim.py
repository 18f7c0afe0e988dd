"""A shim is asked for its agent's URL, over a socket that was checked, and for nothing else."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fake_clock import settle
from kata_exporter.discovery.shim import ShimClient
from kata_exporter.errors import AddressError, Reason
from kata_exporter.simulator.host.shim import ShimLayout, SimulatedShim
from raw_shim import REQUEST, raw_shim
from vmm import listening
from waiting import soon

ID = "demo-1"
URL = "hvsock:///run/kata/demo-1/root/kata.hvsock:1024"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n"
ANSWER = HEAD + b"vsock://3:1024"


@pytest_asyncio.fixture(params=list(ShimLayout))
async def shim(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SimulatedShim]:
    shim = SimulatedShim(tmp_path, ID, lambda: URL, layout=request.param)
    await shim.start()
    yield shim
    await shim.stop()


async def test_shims_of_both_runtimes_are_understood(shim: SimulatedShim, tmp_path: Path) -> None:
    client = ShimClient()

    assert await client.agent_url(str(tmp_path), ID) == URL
    assert await client.agent_url(str(tmp_path), ID) == URL
    assert shim.requests == 2


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"vsock://3:1024\n", "vsock://3:1024"),
        (b"vsock://3:1024\n\n", "vsock://3:1024\n"),
        (b" vsock://3:1024", " vsock://3:1024"),
        ("remote:///é".encode(), "remote:///é"),
        (b"", ""),
    ],
)
async def test_text_is_as_the_shim_wrote_it_without_the_end_of_its_line(
    shim: SimulatedShim, tmp_path: Path, body: bytes, text: str
) -> None:
    shim.body = body

    assert await ShimClient().agent_url(str(tmp_path), ID) == text


async def test_one_request_is_all_that_is_ever_sent(tmp_path: Path) -> None:
    async with raw_shim(tmp_path / ID, ANSWER) as shim:
        assert await ShimClient().agent_url(str(tmp_path), ID) == "vsock://3:1024"
        await soon(lambda: shim.ended)

    assert shim.received == REQUEST
    assert shim.connections == 1


async def test_directory_may_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "run").symlink_to("real")
    async with raw_shim(tmp_path / "real" / ID, ANSWER):
        await ShimClient().agent_url(str(tmp_path / "run"), ID)


async def test_path_may_be_longer_than_an_address(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 200)
    directory.mkdir()
    async with raw_shim(directory / ID, ANSWER):
        await ShimClient().agent_url(str(directory), ID)


@pytest.mark.parametrize(
    "sandbox_id",
    [
        *("", ".", "..", "../..", "../demo-1", "demo-1/", "/demo-1", "demo-1/../demo-1"),
        *("%2e%2e", "%2f", "demo 1", "demo-1\n", "demo\0-1", "-demo", ".demo", "x", "x" * 129),
        *("x" * 4096, "d\u00e9mo", "\uff44\uff45mo", "demo\u0661", "\ud800", "demo\u202e"),
    ],
)
async def test_f33_what_is_no_id_never_reaches_the_file_system(
    tmp_path: Path, sandbox_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[object]()
    with monkeypatch.context() as patched:
        for module, name in ((os, "open"), (os, "stat"), (socket, "socket")):
            patched.setattr(module, name, lambda *args, **_: calls.append(args))
        with pytest.raises(AddressError, match="is no sandbox's id") as caught:
            await ShimClient().agent_url(str(tmp_path), sandbox_id)

    assert calls == []
    assert caught.value.reason is Reason.REJECTED
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


async def test_f33_dots_within_an_id_lead_nowhere(tmp_path: Path) -> None:
    """Kata allows them; such an id is the name of one folder, as any."""
    (tmp_path / "a").mkdir()
    async with raw_shim(tmp_path / "a..b", ANSWER):
        await ShimClient().agent_url(str(tmp_path), "a..b")
    with pytest.raises(AddressError, match=r"No such file or directory: .*/a\.\./shim"):
        await ShimClient().agent_url(str(tmp_path), "a..")


@pytest.mark.parametrize("listens", ["never", "before"])
async def test_shim_that_is_not_there_is_said(tmp_path: Path, listens: str) -> None:
    if listens == "before":
        shim = SimulatedShim(tmp_path, ID, lambda: URL, layout=ShimLayout.GO)
        await shim.start()
        await shim.kill()

    with pytest.raises(AddressError) as caught:
        await ShimClient().agent_url(str(tmp_path), ID)
    assert caught.value.reason is Reason.CONNECT_FAILED
    assert str(caught.value).endswith(f": {tmp_path}/{ID}/shim-monitor.sock")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
async def test_f63_a_proxy_in_the_environment_is_never_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "")
        async with raw_shim(tmp_path / ID, ANSWER) as shim:
            assert await ShimClient().agent_url(str(tmp_path), ID) == "vsock://3:1024"

        assert shim.received == REQUEST
        with pytest.raises(BlockingIOError):
            proxy.accept()


async def test_f63_credentials_of_a_netrc_are_never_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine shim login root password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with raw_shim(tmp_path / ID, ANSWER) as shim:
        await ShimClient().agent_url(str(tmp_path), ID)

    assert shim.received == REQUEST


async def test_deadline_holds_for_a_full_backlog(tmp_path: Path) -> None:
    (tmp_path / ID).mkdir()
    path = tmp_path / ID / "shim-monitor.sock"
    async with listening(path, backlog=0):
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))
            with pytest.raises(AddressError, match=r"no answer within 0\.1 s") as caught:
                await ShimClient(timeout_seconds=0.1).agent_url(str(tmp_path), ID)
    assert caught.value.reason is Reason.TIMEOUT


async def test_cancelling_at_a_full_backlog_leaves_nothing(tmp_path: Path) -> None:
    """Left: nothing; the checks after each test see to it, here and below."""
    (tmp_path / ID).mkdir()
    path = tmp_path / ID / "shim-monitor.sock"
    async with listening(path, backlog=0):
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))
            asking = asyncio.create_task(ShimClient().agent_url(str(tmp_path), ID))
            await settle()
            await assert_cancels(asking)


@pytest.mark.parametrize("came", [b"", HEAD[:20], HEAD, ANSWER[:-1]])
async def test_cancelling_while_an_answer_comes_closes_the_connection(
    tmp_path: Path, came: bytes
) -> None:
    async with raw_shim(tmp_path / ID, came) as shim:
        asking = asyncio.create_task(ShimClient(timeout_seconds=60).agent_url(str(tmp_path), ID))
        await soon(lambda: shim.sent_bytes == len(came) and shim.received)
        await settle()

        await assert_cancels(asking)
        await soon(lambda: shim.ended)
    assert shim.connections == 1


async def assert_cancels(asking: "asyncio.Task[str]") -> None:
    assert not asking.done()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
