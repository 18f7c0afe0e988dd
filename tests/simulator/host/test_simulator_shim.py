"""A simulated shim over its real socket, in the manners of both runtimes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from kata_exporter.simulator.host.shim import ShimLayout, SimulatedShim
from kata_exporter.sockets import AgentUrl
from waiting import soon

HYBRID = "hvsock:///run/kata/demo-1/root/kata.hvsock:1024"
PLAIN = "unix:///run/demo-1.sock"


def make_shim(directory: Path, layout: ShimLayout, url: str = HYBRID) -> SimulatedShim:
    return SimulatedShim(directory, "demo-1", lambda: url, layout=layout)


@pytest_asyncio.fixture(params=list(ShimLayout))
async def shim(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SimulatedShim]:
    shim = make_shim(tmp_path, request.param)
    await shim.start()
    yield shim
    await shim.stop()


async def ask(shim: SimulatedShim, path: str, *, method: str = "GET") -> tuple[int, str]:
    connector = aiohttp.UnixConnector(str(shim.path))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"http://shim{path}") as response,
    ):
        return response.status, await response.text()


async def test_the_agents_url_is_told_as_plain_text(shim: SimulatedShim) -> None:
    assert await ask(shim, "/agent-url") == (200, HYBRID)


async def test_the_url_is_asked_for_anew_each_time(tmp_path: Path) -> None:
    urls = iter(["vsock://3:1024", "vsock://4:1024"])
    shim = SimulatedShim(tmp_path, "demo-1", lambda: next(urls), layout=ShimLayout.GO)
    await shim.start()

    assert await ask(shim, "/agent-url") == (200, "vsock://3:1024")
    assert await ask(shim, "/agent-url") == (200, "vsock://4:1024")
    await shim.stop()


@pytest.mark.parametrize(
    ("url", "go", "rust"),
    [
        (HYBRID, HYBRID, HYBRID),
        ("vsock://3:1024", "vsock://3:1024", "vsock://3:1024"),
        (PLAIN, "remote:///run/demo-1.sock", "remote:///run/demo-1.sock:1024"),
        ("remote:///run/a.sock", "remote:///run/a.sock", "remote:///run/a.sock:1024"),
    ],
)
def test_runtime_rs_puts_a_port_behind_every_address(url: str, go: str, rust: str) -> None:
    assert ShimLayout.GO.announced(url) == go
    assert ShimLayout.RUST.announced(url) == rust
    assert AgentUrl.parse(go) == AgentUrl.parse(rust)


def test_the_layouts_have_the_folders_of_the_runtimes() -> None:
    assert {layout: str(layout.folder) for layout in ShimLayout} == {
        ShimLayout.GO: "run/vc/sbs",
        ShimLayout.RUST: "run/kata",
    }


async def test_metrics_are_a_valid_page(shim: SimulatedShim) -> None:
    status, text = await ask(shim, "/metrics")

    assert status == 200
    families = {family.name: family.type for family in text_string_to_metric_families(text)}
    assert families == {"kata_shim_fds": "gauge", "kata_shim_threads": "gauge"}


@pytest.mark.parametrize("path", ["/", "/agent-url/", "/sandboxes", "/agent-url%2e"])
async def test_nothing_else_is_there(shim: SimulatedShim, path: str) -> None:
    status, _ = await ask(shim, path)

    assert status == 404


async def test_only_the_go_runtime_answers_whatever_the_method(tmp_path: Path) -> None:
    answers = {}
    for layout in ShimLayout:
        shim = make_shim(tmp_path / layout, layout)
        await shim.start()
        answers[layout] = await ask(shim, "/agent-url", method="POST")
        await shim.stop()

    assert answers == {ShimLayout.GO: (200, HYBRID), ShimLayout.RUST: (404, "URL NOT FOUND")}


async def test_stop_removes_the_folder_and_start_makes_it_again(tmp_path: Path) -> None:
    shim = make_shim(tmp_path / "run", ShimLayout.RUST)
    for _ in range(2):
        await shim.start()
        assert shim.path == tmp_path / "run" / "demo-1" / "shim-monitor.sock"
        assert shim.path.is_socket()

        await shim.stop()
        await shim.stop()

        assert list((tmp_path / "run").iterdir()) == []


async def test_a_killed_shim_leaves_a_dead_socket_that_the_next_start_replaces(
    shim: SimulatedShim,
) -> None:
    await shim.kill()

    assert shim.path.is_socket()
    with pytest.raises(aiohttp.ClientConnectorError):
        await ask(shim, "/agent-url")

    await shim.start()
    assert await ask(shim, "/agent-url") == (200, HYBRID)


async def test_a_folder_with_a_long_path_is_served(tmp_path: Path) -> None:
    shim = make_shim(tmp_path / ("x" * 120), ShimLayout.GO)

    await shim.start()

    assert shim.path.is_socket()
    await shim.stop()
    assert not shim.folder.exists()


async def test_a_hanging_shim_answers_once_it_is_let_go(shim: SimulatedShim) -> None:
    shim.hang = True
    asking = asyncio.create_task(ask(shim, "/agent-url"))
    await soon(lambda: shim.requests == 1)
    assert not asking.done()
    assert shim.hang

    shim.hang = False

    assert await asking == (200, HYBRID)


async def test_a_hanging_shim_can_be_stopped(shim: SimulatedShim) -> None:
    shim.hang = True
    asking = asyncio.create_task(ask(shim, "/agent-url"))
    await soon(lambda: shim.requests == 1)

    await shim.stop()

    with pytest.raises(aiohttp.ClientConnectionError):
        await asking


async def test_status_and_body_can_be_anything(shim: SimulatedShim) -> None:
    shim.status, shim.body = 500, b"vm is not running"
    assert await ask(shim, "/agent-url") == (500, "vm is not running")

    shim.status, shim.body = None, b"tcp://10.0.0.1:1024"
    assert await ask(shim, "/agent-url") == (200, "tcp://10.0.0.1:1024")

    shim.body = None
    assert await ask(shim, "/agent-url") == (200, HYBRID)


async def test_a_shim_that_cannot_bind_leaves_nothing_open(tmp_path: Path) -> None:
    shim = make_shim(tmp_path, ShimLayout.GO)
    shim.folder.write_text("a file stands where the folder should")

    with pytest.raises(FileExistsError):
        await shim.start()
    await shim.stop()

    assert shim.folder.is_file()


@pytest.mark.parametrize("sandbox_id", ["", "..", "../up", "a/b", "x\0"])
def test_what_would_leave_the_directory_is_no_id(tmp_path: Path, sandbox_id: str) -> None:
    with pytest.raises(ValueError, match="no id of a sandbox"):
        SimulatedShim(tmp_path, sandbox_id, lambda: HYBRID, layout=ShimLayout.GO)
