"""What a runtime can do to the source ``cri``: each costs freshness, never what was told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from cri_stage import CriStage, cri_stage
from fake_clock import FakeClock
from grpc_client import grpc_let_go
from kata_exporter.discovery.cri import cri_endpoint
from kata_exporter.discovery.cri.source import LIST_SECONDS
from kata_exporter.discovery.runtime.backoff import FIRST_SECONDS, LAST_SECONDS
from kata_exporter.model import DiscoveryEvent, Pod
from kata_exporter.simulator.host.grpc_socket import Before, GrpcError
from waiting import soon

WEB = Pod("shop", "web-0", "uid-1", "kata")
CALL_SECONDS = 10.0


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest_asyncio.fixture
async def stage(tmp_path: Path, clock: FakeClock, no_task_left: None) -> AsyncIterator[CriStage]:
    """A source that has told of one pod."""
    del no_task_left  # asked for so that its check comes after this server's end
    async with cri_stage(tmp_path, clock) as stage:
        stage.view.add_pod("pod-1", WEB)
        stage.view.add_container("pod-1", "c-1", "app")
        clock.advance(301)  # what happened is told to nobody any more
        await stage.start_runtime(has_events=False)
        stage.source.watch(stage.events.append)
        await stage.listed()
        yield stage


async def goes_stale(stage: CriStage) -> None:
    await stage.passes(lambda: stage.hook.is_stale, within=LIST_SECONDS + CALL_SECONDS + 1)


async def test_a_runtime_that_restarts_is_dialled_on_its_new_socket_within_five_seconds(
    stage: CriStage,
) -> None:
    before = stage.path.stat().st_ino
    told = list(stage.events)
    await stage.stop_runtime()
    await goes_stale(stage)
    await stage.run_for(60.0)
    assert stage.events == told
    assert stage.hook.errors.keys() == {"UNAVAILABLE"}

    stage.path.with_suffix(".other").touch()  # so that the inode isn't used again
    await stage.start_runtime(has_events=False)
    assert stage.path.stat().st_ino != before
    took = await stage.passes(lambda: not stage.hook.is_stale, within=LIST_SECONDS)

    assert took <= LAST_SECONDS + 0.5
    assert stage.events == told
    assert stage.hook.last_success == pytest.approx(stage.clock.time(), abs=1.0)


async def test_after_a_success_the_runtime_is_dialled_as_soon_as_it_was_the_first_time(
    stage: CriStage,
) -> None:
    await stage.stop_runtime()
    await goes_stale(stage)
    await stage.run_for(3 * LAST_SECONDS)  # until the pauses are as long as they get
    await stage.start_runtime(has_events=False)
    await stage.passes(lambda: not stage.hook.is_stale, within=LIST_SECONDS)

    await stage.stop_runtime()
    await goes_stale(stage)
    failures = stage.hook.errors["UNAVAILABLE"]
    took = await stage.passes(
        lambda: stage.hook.errors["UNAVAILABLE"] > failures, within=LIST_SECONDS
    )

    assert took == pytest.approx(FIRST_SECONDS, abs=0.5)


async def test_what_changed_while_the_runtime_was_away_is_told_once_it_is_back(
    stage: CriStage,
) -> None:
    await stage.stop_runtime()
    await goes_stale(stage)
    stage.view.remove_pod("pod-1")
    stage.view.add_pod("pod-2", Pod("shop", "web-1", "uid-2", "kata"))

    await stage.start_runtime(has_events=False)
    await stage.passes(lambda: "pod-2" in stage.known, within=LIST_SECONDS)

    assert stage.known.keys() == {"pod-2"}


async def test_what_was_told_is_kept_after_ten_minutes_without_the_runtime(
    stage: CriStage,
) -> None:
    told = list(stage.events)
    await stage.stop_runtime()
    await goes_stale(stage)

    await stage.run_for(11 * 60.0, step=5.0)

    assert stage.events == told
    assert stage.hook.is_stale


async def test_a_listing_five_seconds_late_is_used(stage: CriStage) -> None:
    stage.before = late(stage, 5.0)
    stage.view.add_pod("pod-2", Pod("shop", "web-1", "uid-2", "kata"))

    await stage.passes(lambda: "pod-2" in stage.known, within=LIST_SECONDS + 2 * 5.0 + 2)

    assert not stage.hook.errors


async def test_a_listing_that_never_comes_ends_with_its_deadline(stage: CriStage) -> None:
    stage.before = late(stage, 1e9)
    await stage.passes(lambda: stage.called["ListPodSandbox"] == 2, within=LIST_SECONDS + 1)

    took = await stage.passes(lambda: stage.hook.is_stale, within=CALL_SECONDS + 1)

    assert took == pytest.approx(CALL_SECONDS, abs=1.0)
    assert stage.hook.errors["DEADLINE_EXCEEDED"] == 1
    assert "pod-1" in stage.known
    # Whatever hangs, it isn't asked over the same connection again.
    await stage.passes(lambda: stage.called["Version"] == 2, within=LAST_SECONDS)


async def test_a_refused_listing_is_asked_for_again_on_the_same_connection(
    stage: CriStage,
) -> None:
    stage.before = refusing("ListContainers")
    await goes_stale(stage)
    assert stage.hook.errors == {"UNKNOWN": 1}

    stage.before = None
    await stage.passes(lambda: not stage.hook.is_stale, within=LIST_SECONDS + 1)

    assert stage.called["Version"] == 1
    assert len(stage.events) == 1


async def test_two_thousand_pods_are_told(stage: CriStage) -> None:
    for i in range(2000):
        stage.view.add_pod(f"many-{i}", Pod("shop", f"many-{i}", f"uid-{i}", "kata"))
        stage.view.add_container(f"many-{i}", f"many-{i}-app", "app", image="web:1")
    stage.clock.advance(LIST_SECONDS)
    await soon(lambda: len(stage.known) == 2001)

    assert not stage.hook.errors
    assert stage.known["many-1999"].containers[0].name == "app"


async def test_a_listing_of_over_sixteen_mebibytes_is_counted_and_changes_nothing(
    stage: CriStage,
) -> None:
    filler = {"note": "x" * (16 * 1024**2 // 64)}
    for i in range(64):
        stage.view.add_pod(f"big-{i}", WEB, annotations=filler)
    stage.clock.advance(LIST_SECONDS)
    await soon(lambda: stage.hook.is_stale)

    assert stage.hook.errors == {"RESOURCE_EXHAUSTED": 1}
    assert stage.known.keys() == {"pod-1"}

    for i in range(2):
        stage.view.remove_pod(f"big-{i}")
    stage.clock.advance(LIST_SECONDS)
    await soon(lambda: not stage.hook.is_stale)
    # More than what gRPC takes unless told.
    assert len(stage.known) == 63


async def test_a_peer_that_speaks_no_grpc_is_dialled_again(
    tmp_path: Path, clock: FakeClock, no_task_left: None
) -> None:
    del no_task_left
    async with cri_stage(tmp_path, clock) as stage:
        server = await asyncio.start_unix_server(babble, stage.path)
        async with server:
            stage.source.watch(stage.events.append)
            await stage.passes(lambda: stage.hook.errors.total() >= 2, within=CALL_SECONDS)
        assert stage.hook.errors.keys() == {"UNAVAILABLE"}

        stage.view.add_pod("pod-1", WEB)
        await stage.start_runtime()
        await stage.passes(lambda: stage.known, within=LIST_SECONDS)


async def test_events_that_end_are_asked_for_again_and_what_was_missed_is_listed(
    tmp_path: Path, clock: FakeClock, no_task_left: None
) -> None:
    del no_task_left
    async with cri_stage(tmp_path, clock) as stage:
        await stage.start_runtime()
        stage.source.watch(stage.events.append)
        await soon(lambda: stage.view.events.followers == 1 and stage.hook.listings)

        stage.view.events.end()
        await soon(lambda: stage.view.events.followers == 0)
        stage.view.add_pod("pod-1", WEB)
        clock.advance(300.5)  # nobody follows, and what is held expires
        await stage.passes(lambda: stage.known, within=LIST_SECONDS)

        await stage.passes(lambda: stage.view.events.followers == 1, within=LIST_SECONDS + 1)
        assert not stage.hook.is_stale


async def test_a_line_a_minute_says_that_the_runtime_is_away(
    stage: CriStage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await stage.stop_runtime()
    await goes_stale(stage)
    await stage.run_for(119.0, step=1.0)
    away = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert [r.getMessage() for r in away] == [
        "CRI can't be asked; pods' names stay as they were"
    ] * 2

    await stage.start_runtime(has_events=False)
    await stage.passes(lambda: not stage.hook.is_stale, within=LIST_SECONDS)
    assert caplog.records[-1].getMessage() == "CRI answers"


async def test_a_node_without_a_runtime_is_told_of_once_and_is_no_failure(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, no_task_left: None
) -> None:
    del no_task_left
    path = tmp_path / "cri.sock"
    async with cri_stage(
        tmp_path, clock, endpoint=cri_endpoint("auto", sockets=[str(path)])
    ) as stage:
        stage.view.add_pod("pod-1", WEB)
        stage.source.watch(stage.events.append)
        await stage.run_for(300.0, step=1.0)
        (line,) = caplog.records
        assert "no container runtime was found" in line.getMessage()
        assert line.__dict__["fields"] == {"error": f"no socket at {path}"}
        assert not stage.hook.errors

        await stage.start_runtime(has_events=False)
        await stage.passes(lambda: stage.known, within=LAST_SECONDS + 1)
        await stage.stop_runtime()
        await goes_stale(stage)
        await stage.run_for(2 * LAST_SECONDS)
        # From then on it is missed.
        assert stage.hook.errors["UNAVAILABLE"] > 1
        assert "stay as they were" in caplog.records[-1].getMessage()


async def test_an_error_of_our_own_does_not_end_the_source(
    tmp_path: Path, clock: FakeClock, no_task_left: None, caplog: pytest.LogCaptureFixture
) -> None:
    del no_task_left
    async with cri_stage(tmp_path, clock) as stage:
        stage.view.add_pod("pod-1", WEB)
        stage.view.add_pod("pod-2", WEB)
        await stage.start_runtime(has_events=False)

        def tell(event: DiscoveryEvent) -> None:
            if event.id == "pod-1":
                raise KeyError(event.id)
            stage.events.append(event)

        stage.source.watch(tell)
        await stage.passes(lambda: stage.known, within=LIST_SECONDS)

        assert stage.hook.errors == {"INTERNAL": 1}
        assert stage.known.keys() == {"pod-2"}
    assert caplog.records[0].exc_info is not None
    caplog.clear()  # what the line shows the traceback of holds the connection


@pytest.mark.parametrize("method", ["Version", "ListPodSandbox", "ListContainers"])
async def test_closing_ends_a_call_that_is_under_way(
    tmp_path: Path, clock: FakeClock, no_task_left: None, method: str
) -> None:
    del no_task_left
    async with cri_stage(tmp_path, clock) as stage:
        stage.view.add_pod("pod-1", WEB)
        stage.before = late(stage, 1e9, only=method)
        await stage.start_runtime()
        stage.source.watch(stage.events.append)
        await soon(lambda: stage.called[method] == 1)

        await asyncio.wait_for(stage.source.aclose(), 2.0)

        assert not stage.events
        assert not stage.hook.errors


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.5, 5.0])
async def test_closing_ends_a_pause(
    tmp_path: Path, clock: FakeClock, no_task_left: None, seconds: float
) -> None:
    del no_task_left
    async with cri_stage(tmp_path, clock) as stage:
        await stage.start_runtime()
        stage.source.watch(stage.events.append)
        await stage.listed()
        await clock.run_for(seconds)

        await asyncio.wait_for(stage.source.aclose(), 2.0)
        await stage.source.aclose()


async def test_closing_ends_the_pause_before_a_runtime_is_dialled_again(
    tmp_path: Path, clock: FakeClock, no_task_left: None
) -> None:
    del no_task_left
    async with cri_stage(tmp_path, clock) as stage:
        stage.source.watch(stage.events.append)
        await soon(lambda: stage.hook.errors)

        await asyncio.wait_for(stage.source.aclose(), 2.0)

        assert clock.pending == 0


def late(stage: CriStage, seconds: float, *, only: str = "") -> Before:
    async def before(method: str) -> None:
        if only in {"", method}:
            await stage.clock.sleep(seconds)

    return before


def refusing(refused: str) -> Before:
    async def before(method: str) -> None:
        if method == refused:
            raise GrpcError(grpc.StatusCode.UNKNOWN, "the store is being repaired")

    return before


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await reader.read(65536)
    writer.close()
    await writer.wait_closed()
