"""The harness notices each promise that is broken."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientConnectorError

from fake_clock import FakeClock
from kata_exporter.errors import Reason
from kata_exporter.telemetry.logs import fields
from promises import INTERVAL_SECONDS, P5_BYTES, Stand, assert_promises, healthy_stand

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class FakeWeb:
    """A server that says where it was."""

    addresses: tuple[str, ...]


@pytest_asyncio.fixture
async def stand(tmp_path: Path, clock: FakeClock, no_task_left: None) -> AsyncIterator[Stand]:
    del no_task_left
    async with healthy_stand(tmp_path, clock, sandboxes=3) as stand:
        yield stand


async def test_a_page_that_is_none_breaks_p2(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kata_exporter.rendering.render", lambda *_, **__: b"kata_x 1\nkata_x 2\n")

    with pytest.raises(AssertionError, match="P2"):
        await assert_promises(stand, "duplicates", [], set())


async def test_a_healthy_sandbox_that_is_asked_no_more_breaks_p3(stand: Stand) -> None:
    struck, healthy, _ = stand.sandboxes
    job = stand.rig.exporter._collection._scheduler.remove(healthy.id)
    assert job is not None
    await asyncio.wait([job])

    with pytest.raises(AssertionError, match="P3"):
        await assert_promises(stand, "no-answer", [struck], {Reason.TIMEOUT})


async def test_another_reason_breaks_p4(stand: Stand) -> None:
    with pytest.raises(AssertionError, match="P4: demo-1 is closed"):
        await assert_promises(stand, "hangs-up", stand.sandboxes[:1], {Reason.TIMEOUT})


async def test_a_task_that_is_left_breaks_p5(stand: Stand) -> None:
    left: list[asyncio.Task[bool]] = []

    def leave_a_task(_page: str) -> None:
        left.append(asyncio.create_task(asyncio.Event().wait()))

    with pytest.raises(AssertionError, match="P5"):
        await assert_promises(
            stand,
            "no-answer",
            stand.sandboxes[:1],
            {Reason.TIMEOUT},
            meanwhile=leave_a_task,
            lasts_seconds=INTERVAL_SECONDS,
        )
    for task in left:
        task.cancel()
    await asyncio.wait(left)


async def test_descriptors_that_are_left_break_p5(stand: Stand) -> None:
    left = []

    def leave_a_file(_page: str) -> None:
        left.append(os.open(os.devnull, os.O_RDONLY))

    with pytest.raises(AssertionError, match="P5"):
        await assert_promises(
            stand,
            "no-answer",
            stand.sandboxes[:1],
            {Reason.TIMEOUT},
            meanwhile=leave_a_file,
            lasts_seconds=INTERVAL_SECONDS,
        )
    for descriptor in left:
        os.close(descriptor)


async def test_memory_that_is_left_breaks_p5(stand: Stand) -> None:
    left: list[bytearray] = []

    def leave_memory(_page: str) -> None:
        left.append(bytearray(b"x" * P5_BYTES))

    with pytest.raises(AssertionError, match="P5"):
        await assert_promises(stand, "duplicates", [], set(), meanwhile=leave_memory)


async def test_a_server_that_is_gone_breaks_p1(stand: Stand) -> None:
    web = stand.rig.exporter._web
    assert web is not None
    addresses = web.addresses
    await web.aclose()
    stand.rig.exporter._web = FakeWeb(addresses)  # type: ignore[assignment]

    with pytest.raises(ClientConnectorError):
        await assert_promises(stand, "duplicates", [], set())
    stand.rig.exporter._web = None


async def test_a_line_that_comes_again_within_a_minute_breaks_p6(stand: Stand) -> None:
    def complain(_page: str) -> None:
        extra = fields(sandbox_id="demo-1", reason="timeout")
        logging.getLogger("kata_exporter.app").warning("silent", extra=extra)

    with pytest.raises(AssertionError, match="P6"):
        await assert_promises(stand, "duplicates", [], set(), meanwhile=complain)


async def test_a_sandbox_that_does_not_come_back_breaks_p7(stand: Stand) -> None:
    """What policy denies is asked again every ten minutes, by design."""
    with pytest.raises(AssertionError, match="P7"):
        await assert_promises(stand, "policy-denied", stand.sandboxes[:1], {Reason.POLICY_BLOCKED})


async def test_a_call_that_is_on_nobodys_list_is_noticed(stand: Stand) -> None:
    stand.rig.wire.append(
        stand.rig.wire[0].__class__("grpc.AgentService", "GetOOMEvent", b"", 0, ())
    )

    with pytest.raises(AssertionError, match="GetOOMEvent"):
        await assert_promises(stand, "duplicates", [], set())
