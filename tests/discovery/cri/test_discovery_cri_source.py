"""The source ``cri`` on a simulated runtime: what is told, when, and what makes it look."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from cri_stage import CriStage, cri_stage
from fake_clock import FakeClock
from grpc_client import grpc_let_go
from kata_exporter.discovery.cri import CriSource, Selection, cri_endpoint
from kata_exporter.discovery.cri.selection import NO_ADDRESS
from kata_exporter.discovery.cri.source import LIST_SECONDS, LOOK_GAP_SECONDS
from kata_exporter.model import (
    Container,
    ContainerState,
    DiscoveryEvent,
    Pod,
    SandboxGone,
    SandboxSeen,
)
from waiting import soon

WEB = Pod("shop", "web-0", "uid-1", "kata-qemu", {"app": "web"})
NOW = 1_800_000_000_000_000_000
EXACT = 0.5  # what steps of the clock may add to a time


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest_asyncio.fixture
async def stage(tmp_path: Path, clock: FakeClock, no_task_left: None) -> AsyncIterator[CriStage]:
    del no_task_left  # asked for so that its check comes after this server's end
    known = {"pod-9"}
    async with cri_stage(tmp_path, clock, Selection(is_known=known.__contains__)) as stage:
        stage.view.add_pod("pod-1", WEB)
        stage.view.add_container("pod-1", "c-1", "app", image="docker.io/library/web:1")
        clock.advance(301)  # what happened is told to nobody any more
        yield stage


async def test_a_pod_is_told_with_all_that_cri_knows(stage: CriStage) -> None:
    await stage.start_runtime()
    stage.source.watch(stage.events.append)
    await stage.listed()

    app = Container("c-1", "app", "docker.io/library/web:1", ContainerState.RUNNING)
    pod = Pod("shop", "web-0", "uid-1", "kata-qemu")
    assert stage.events == [
        SandboxSeen(
            "cri", "pod-1", "", birth=f"{NOW}", pod=pod, containers=(app,), refusal=NO_ADDRESS
        )
    ]
    assert stage.hook.last_success == stage.clock.time()
    assert not stage.hook.is_stale


async def test_pods_of_other_handlers_are_not_told(stage: CriStage) -> None:
    stage.view.add_pod("pod-2", Pod("shop", "db-0", "uid-2", "runc"))
    stage.view.add_pod("pod-3", Pod("shop", "db-1", "uid-3", ""))
    await stage.start_runtime()
    stage.source.watch(stage.events.append)
    await stage.listed()

    assert stage.known.keys() == {"pod-1"}


async def test_a_sandbox_that_another_source_sees_is_told_once_the_source_is_made_to_look(
    tmp_path: Path, clock: FakeClock, no_task_left: None
) -> None:
    del no_task_left
    elsewhere: set[str] = set()
    async with cri_stage(tmp_path, clock, Selection(is_known=elsewhere.__contains__)) as stage:
        stage.view.add_pod("pod-1", Pod("shop", "web-0", "uid-1", "untrusted"))
        await stage.start_runtime(has_events=False)
        stage.source.watch(stage.events.append)
        await stage.listed()
        assert stage.known == {}

        elsewhere.add("pod-1")
        stage.source.look()
        took = await stage.passes(lambda: stage.known, within=LIST_SECONDS)

        assert took <= LOOK_GAP_SECONDS + EXACT
        assert stage.known["pod-1"].pod.name == "web-0"

        elsewhere.clear()
        await stage.passes(lambda: not stage.known, within=LIST_SECONDS + EXACT)


async def test_what_happens_is_looked_at_within_a_second_where_the_runtime_tells(
    stage: CriStage,
) -> None:
    await stage.start_runtime()
    stage.source.watch(stage.events.append)
    await soon(lambda: stage.view.events.followers == 1 and stage.hook.listings)

    stage.view.add_pod("pod-2", Pod("shop", "web-1", "uid-2", "kata"))
    took = await stage.passes(lambda: "pod-2" in stage.known, within=LIST_SECONDS)

    assert took <= LOOK_GAP_SECONDS + EXACT


async def test_what_happens_is_followed_by_a_second_listing(stage: CriStage) -> None:
    """A runtime tells that a sandbox has started before it lists it."""
    await stage.start_runtime(has_events=False)
    stage.source.watch(stage.events.append)
    await stage.listed()

    stage.source.look()
    await stage.passes(lambda: stage.hook.listings == 2, within=LIST_SECONDS)
    stage.view.add_pod("pod-2", Pod("shop", "web-1", "uid-2", "kata"))
    took = await stage.passes(lambda: "pod-2" in stage.known, within=LIST_SECONDS)

    assert took <= LOOK_GAP_SECONDS + EXACT


async def test_however_much_happens_there_is_a_listing_a_second_at_most(stage: CriStage) -> None:
    await stage.start_runtime()
    stage.source.watch(stage.events.append)
    await soon(lambda: stage.view.events.followers == 1 and stage.hook.listings)
    begun, listings = stage.clock.monotonic(), stage.hook.listings

    for i in range(200):
        stage.view.add_pod(f"more-{i}", Pod("shop", f"more-{i}", f"uid-{i}", "kata"))
        await stage.run_for(0.05, step=0.05)
    await stage.passes(lambda: len(stage.known) == 201, within=LIST_SECONDS)

    seconds = stage.clock.monotonic() - begun
    assert 5 <= stage.hook.listings - listings <= seconds / LOOK_GAP_SECONDS + 1


@pytest.mark.parametrize(
    ("name", "version"),
    [("containerd", "1.7.27"), ("containerd", "v1.7.0"), ("cri-o", "1.33.0"), ("new", "2.0")],
)
async def test_events_are_not_taken_from_a_kubelet_that_needs_them(
    stage: CriStage, name: str, version: str
) -> None:
    await stage.start_runtime(name=name, version=version)
    stage.source.watch(stage.events.append)
    await stage.listed()
    await stage.passes(lambda: stage.hook.listings == 2, within=LIST_SECONDS + EXACT)

    assert stage.view.events.followers == 0


async def test_a_runtime_without_events_is_listed_every_ten_seconds(stage: CriStage) -> None:
    await stage.start_runtime(has_events=False, version="1.6.20")
    stage.source.watch(stage.events.append)
    await stage.listed()

    stage.view.remove_pod("pod-1")
    took = await stage.passes(lambda: not stage.known, within=2 * LIST_SECONDS)

    assert took == pytest.approx(LIST_SECONDS, abs=EXACT)
    assert stage.events[-1] == SandboxGone("cri", "pod-1")


async def test_events_that_are_unimplemented_are_no_error(stage: CriStage) -> None:
    await stage.start_runtime(has_events=False)
    stage.source.watch(stage.events.append)
    await stage.listed()
    await stage.run_for(3 * LIST_SECONDS)

    assert not stage.hook.errors


async def test_a_restarted_container_is_told_beside_the_one_that_exited(stage: CriStage) -> None:
    await stage.start_runtime()
    stage.source.watch(stage.events.append)
    await soon(lambda: stage.view.events.followers == 1 and stage.hook.listings)

    stage.view.exit_container("c-1", exit_code=1)
    stage.clock.advance(0.5)
    stage.view.restart_container("c-1", "c-2")
    await stage.passes(lambda: len(stage.known["pod-1"].containers) == 2, within=LIST_SECONDS)

    told = [(c.id, c.name, c.state, c.attempt) for c in stage.known["pod-1"].containers]
    assert told == [
        ("c-1", "app", ContainerState.EXITED, 0),
        ("c-2", "app", ContainerState.RUNNING, 1),
    ]


async def test_a_pod_that_ended_is_gone_before_it_is_removed(stage: CriStage) -> None:
    await stage.start_runtime()
    stage.source.watch(stage.events.append)
    await soon(lambda: stage.view.events.followers == 1 and stage.hook.listings)

    stage.view.stop_pod("pod-1")
    await stage.passes(lambda: not stage.known, within=LIST_SECONDS)

    assert stage.view.pod("pod-1") is not None


async def test_nothing_is_told_twice(stage: CriStage) -> None:
    await stage.start_runtime(has_events=False)
    stage.source.watch(stage.events.append)
    await stage.listed()
    await stage.passes(lambda: stage.hook.listings == 3, within=3 * LIST_SECONDS)

    assert len(stage.events) == 1


async def test_containers_are_not_asked_for_where_there_is_no_pod(stage: CriStage) -> None:
    stage.view.remove_pod("pod-1")
    await stage.start_runtime()
    stage.source.watch(stage.events.append)
    await stage.listed()

    assert stage.called == {"Version": 1, "ListPodSandbox": 1}


async def test_a_source_that_is_off_does_nothing(clock: FakeClock) -> None:
    events: list[DiscoveryEvent] = []
    source = CriSource(cri_endpoint("none"), clock=clock)
    source.watch(events.append)
    source.look()
    await source.aclose()

    assert clock.pending == 0
    assert not events
