"""A sandbox that is registered over the admin socket, from first sight to the end of its lease."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fake_clock import FakeClock
from kata_exporter.app import Exporter
from kata_exporter.config.settings import (
    CollectionSettings,
    ListenAddress,
    WebSettings,
)
from kata_exporter.oom.waiting import ASK_AGAIN_SECONDS
from kata_exporter.simulator import Fleet, Kind, SimulatedSandbox
from kata_exporter.sockets import AgentUrl, Dial, Dialer
from kata_exporter.ttrpc import ServerRequest
from rig import ALONE, quiet, states, up

LIST = "/api/v1/sandboxes"
INTERVAL_SECONDS = 15.0
STEP_SECONDS = 0.25


class CountingDialer(Dialer):
    """Counts the dials of administrators' URLs."""

    def __init__(self) -> None:
        super().__init__()
        self.dials = 0

    def dial(self, url: AgentUrl) -> Dial:
        dial = super().dial(url)

        async def counted(deadline: float) -> Any:
            self.dials += 1
            return await dial(deadline)

        return counted


class Node:
    """An exporter that knows nobody, and a simulated sandbox that it isn't told of."""

    def __init__(self, folder: Path, clock: FakeClock, version: str) -> None:
        self.clock = clock
        self.socket = folder / "admin.sock"
        self.wire: list[ServerRequest] = []
        self.dialer = CountingDialer()
        self.fleet = Fleet(
            folder / "fleet",
            sandboxes=1,
            seed=1,
            on_request=self.wire.append,
            clock=clock,
            kinds=(Kind(version=version),),
        )
        self.exporter = Exporter(
            replace(
                ALONE,
                collection=CollectionSettings(interval_seconds=INTERVAL_SECONDS),
                web=WebSettings((ListenAddress("127.0.0.1", 0),), admin_socket=str(self.socket)),
            ),
            clock=clock,
            dialer=self.dialer,
            environ={},
        )

    @property
    def sandbox(self) -> SimulatedSandbox:
        return self.fleet.sandboxes[0]

    def page(self) -> str:
        return self.exporter.render().decode()

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connector = aiohttp.UnixConnector(str(self.socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://admin{path}", json=body) as answer,
        ):
            return answer.status, await answer.json(content_type=None)

    async def register(self, **changes: Any) -> tuple[int, Any]:
        sandbox = self.sandbox
        body = {
            "id": sandbox.id,
            "agent_url": sandbox.agent_url,
            "pod": {"namespace": "shop", "name": "web-0", "uid": "u-1"},
            "containers": [{"id": c.id, "name": c.name} for c in sandbox.containers],
            "lease_seconds": 40,
        }
        return await self.ask("POST", LIST, {**body, **changes})

    def waits(self) -> int:
        """How often the agent was asked for an event."""
        return sum(request.method == "GetOOMEvent" for request in self.wire)

    async def run_for(self, seconds: float) -> None:
        await quiet()
        for _ in range(round(seconds / STEP_SECONDS)):
            self.clock.advance(STEP_SECONDS)
            await quiet()


@asynccontextmanager
async def running(folder: Path, clock: FakeClock, *, version: str = "4.1.0") -> AsyncIterator[Node]:
    node = Node(folder, clock, version)
    await node.fleet.start()
    try:
        await node.exporter.start()
        yield node
    finally:
        await node.exporter.stop()
        await node.fleet.stop()


async def test_a_registered_sandbox_is_on_the_page_and_goes_with_its_lease(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with running(tmp_path, clock) as node:
        status, listed = await node.register()
        assert (status, listed["up"], listed["reason"]) == (201, False, "pending")
        await node.run_for(1.0)

        page = node.page()
        assert up(page) == {node.sandbox.id: "1"}
        assert 'namespace="shop",pod="web-0"' in page
        _, listed = await node.ask("GET", f"{LIST}/{node.sandbox.id}")
        assert (listed["up"], listed["reason"], listed["published"]) == (True, "ok", True)
        assert (listed["known_seconds"], listed["lease_seconds"]) == (1.0, 39.0)

        await node.run_for(39.0)

        assert up(node.page()) == {}
        assert await node.ask("GET", LIST) == (200, {"sandboxes": []})
        asked = len(node.wire)
        await node.run_for(2 * INTERVAL_SECONDS)
        assert len(node.wire) == asked


async def test_renewals_keep_generation_and_connection(tmp_path: Path, clock: FakeClock) -> None:
    async with running(tmp_path, clock) as node:
        await node.register()
        for _ in range(4):
            await node.run_for(30.0)
            status, listed = await node.register()
            assert (status, listed["generation"]) == (200, 1)

        assert up(node.page()) == {node.sandbox.id: "1"}
        assert node.dialer.dials == 1
        methods = [request.method for request in node.wire]
        assert methods.count("Version") == 1
        assert methods.count("GetMetrics") >= 8


async def test_a_sandbox_that_waits_for_its_name_is_listed_and_not_published(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with running(tmp_path, clock) as node:
        node.exporter._publisher._names_come = lambda: True
        _, listed = await node.register(pod={})
        await node.run_for(4.0)

        one = f"{LIST}/{node.sandbox.id}"
        assert (listed["published"], listed["reason"]) == (False, "pending")
        assert (await node.ask("GET", one))[1]["published"] is False
        assert up(node.page()) == {}

        await node.run_for(2.0)

        assert (await node.ask("GET", one))[1]["published"] is True
        assert up(node.page()) == {node.sandbox.id: "1"}


async def test_a_removed_sandbox_is_off_the_page_at_once(tmp_path: Path, clock: FakeClock) -> None:
    async with running(tmp_path, clock) as node:
        await node.register()
        await node.run_for(1.0)

        status, _ = await node.ask("DELETE", f"{LIST}/{node.sandbox.id}")

        assert status == 204
        assert up(node.page()) == {}


async def test_another_pod_uid_inherits_nothing(tmp_path: Path, clock: FakeClock) -> None:
    async with running(tmp_path, clock) as node:
        await node.register()
        await node.run_for(1.0)

        status, listed = await node.register(pod={"uid": "u-2"})

        assert (status, listed["generation"]) == (200, 2)
        assert (listed["up"], listed["reason"]) == (False, "pending")
        assert states(node.page()) == {node.sandbox.id: "pending"}


async def test_why_a_sandbox_is_silent_is_said_in_words(tmp_path: Path, clock: FakeClock) -> None:
    async with running(tmp_path, clock) as node:
        await node.register(agent_url=f"unix://{tmp_path}/none.sock")
        await node.run_for(1.0)

        _, listed = await node.ask("GET", f"{LIST}/{node.sandbox.id}")

        assert (listed["up"], listed["reason"]) == (False, "connect_failed")
        assert f"No such file or directory: {tmp_path}/none.sock" in listed["detail"]


async def test_a_request_under_way_does_not_hold_up_the_stop(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Half a body has come when the exporter is told to stop. The checks are in conftest."""
    async with running(tmp_path, clock) as node:
        reader, writer = await asyncio.open_unix_connection(str(node.socket))
        writer.write(
            b"POST /api/v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"id":'
        )
        await writer.drain()
        await quiet()

        await asyncio.wait_for(node.exporter.stop(), 3.0)

        assert not node.socket.exists()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_rules_for_ooms_hold_as_long_as_they_are_registered(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with running(tmp_path, clock) as node:
        await node.register(oom={"source": "agent"})
        await node.run_for(INTERVAL_SECONDS + 1)
        assert node.waits() == 1
        assert 'source="agent"} 1' in node.page()

        # The next round goes by what was registered last: the exporter's own rule is vmstat.
        await node.register()
        await node.run_for(INTERVAL_SECONDS + 1)

        assert 'source="agent"} 1' not in node.page()
        assert 'source="vmstat"} 1' in node.page()


async def test_why_an_agent_is_not_asked_for_ooms_is_listed(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, clock, version="3.31.0") as node:
        await node.register(oom={"source": ["agent", "vmstat"]}, lease_seconds=600)
        await node.run_for(100)

        _, listed = await node.ask("GET", f"{LIST}/{node.sandbox.id}")
        assert "before 3.32.0" in listed["oom"]["refusal"]
        assert "GetOOMEvent" not in {request.method for request in node.wire}
        assert sum("OOM events" in line.message for line in caplog.records) == 1


@pytest.mark.parametrize("fault", ["policy-denied", "old-agent"])
async def test_an_agent_that_will_not_tell_of_ooms_is_asked_again_every_ten_minutes(
    tmp_path: Path, clock: FakeClock, fault: str
) -> None:
    async with running(tmp_path, clock) as node:
        await node.sandbox.suffer(fault)
        rules = {"source": ["agent", "vmstat"], "only_consumer": True}
        await node.register(oom=rules, lease_seconds=3600)
        await node.run_for(ASK_AGAIN_SECONDS - 1)
        assert node.waits() == 1
        assert 'source="agent"} 1' not in node.page()

        await node.sandbox.suffer(None)
        await node.run_for(INTERVAL_SECONDS)

        assert node.waits() == 2
        assert 'source="agent"} 1' in node.page()
