"""Pods of a real containerd as the source ``cri`` tells them, hastened by containerd's events."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from cri_control import CriControl
from cri_stage import CriHookNotes
from grpc_client import grpc_let_go
from kata_exporter.clock import SystemClock
from kata_exporter.discovery.containerd import ContainerdEvents, containerd_endpoint
from kata_exporter.discovery.cri import (
    CriSource,
    Selection,
    answering_path,
    cri_endpoint,
    resolve_endpoint,
)
from kata_exporter.model import (
    ContainerExited,
    ContainerStarted,
    ContainerState,
    DiscoveryEvent,
    EventsMissed,
    OomSeen,
    Pod,
    RuntimeEvent,
    SandboxGone,
    SandboxSeen,
)
from pod_image import IMAGE
from real_containerd import RealContainerd
from waiting import soon

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

WEB = Pod("shop", "web-0", "uid-1", "kata", {"app": "web", "team": "a"})
FOREVER = ("tail", "-f", "/dev/null")
ABSENCE_SECONDS = 10.0


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


class Watch:
    """What both sources told of a containerd, the events of one making the other look."""

    def __init__(self, containerd: RealContainerd) -> None:
        clock = SystemClock()
        url = f"unix://{containerd.socket}"
        self.sandboxes: dict[str, SandboxSeen] = {}
        self.events: list[RuntimeEvent] = []
        self.cri_hook = CriHookNotes()
        self.cri = CriSource(
            cri_endpoint(url),
            clock=clock,
            selection=Selection(labels=("app",)),
            hook=self.cri_hook,
        )
        self.containerd = ContainerdEvents(
            containerd_endpoint(url), clock=clock, is_sandbox=lambda id_: id_ in self.sandboxes
        )

    def see(self, event: DiscoveryEvent) -> None:
        match event:
            case SandboxSeen():
                self.sandboxes[event.id] = event
            case SandboxGone():
                del self.sandboxes[event.id]

    def hear(self, event: RuntimeEvent) -> None:
        self.events.append(event)
        self.cri.look()

    def heard(self, kind: type[RuntimeEvent], id_: str) -> list[RuntimeEvent]:
        """The events of a kind that name a container or a sandbox."""
        return [
            event
            for event in self.events
            if isinstance(event, kind)
            and not isinstance(event, EventsMissed)
            and id_ in {event.container_id, event.sandbox_id}
        ]

    def states(self, pod_id: str) -> list[tuple[str, int, ContainerState]]:
        """Ids, attempts and states of a pod's containers; none while it isn't told."""
        seen = self.sandboxes.get(pod_id)
        return [(c.id, c.attempt, c.state) for c in seen.containers] if seen is not None else []


@asynccontextmanager
async def watching(containerd: RealContainerd) -> AsyncIterator[tuple[Watch, CriControl]]:
    """Have both sources told of a containerd that is driven meanwhile."""
    watch = Watch(containerd)
    async with containerd.controlling() as control:
        watch.cri.watch(watch.see)
        watch.containerd.watch(watch.hear)
        try:
            await soon(lambda: watch.events and watch.cri_hook.listings)
            yield watch, control
        finally:
            await watch.containerd.aclose()
            await watch.cri.aclose()


async def test_names_labels_and_containers_of_a_pod_arrive(containerd: RealContainerd) -> None:
    async with watching(containerd) as (watch, control):
        pod = await control.run_pod(WEB)
        app = await control.run_container(pod, "app", FOREVER)
        other = await control.run_pod(Pod("shop", "db-0", "uid-2", "runc"))
        await soon(lambda: watch.states(pod))
        await soon(lambda: watch.heard(ContainerStarted, other))

        seen = watch.sandboxes[pod]
        assert seen.pod == Pod("shop", "web-0", "uid-1", "kata", {"app": "web"})
        assert [(c.id, c.name, c.image, c.attempt) for c in seen.containers] == [
            (app, "app", IMAGE, 0)
        ]
        assert seen.birth.isdecimal()
        assert other not in watch.sandboxes


async def test_odd_names_arrive_as_they_are(containerd: RealContainerd) -> None:
    odd = Pod('sh"op', "web\n0", "\u202euid", "kata", {"app": 'a "b"\\\n'})
    async with watching(containerd) as (watch, control):
        pod = await control.run_pod(odd)
        await soon(lambda: pod in watch.sandboxes)

        assert watch.sandboxes[pod].pod == odd


async def test_a_container_that_restarts_is_another_attempt(containerd: RealContainerd) -> None:
    async with watching(containerd) as (watch, control):
        pod = await control.run_pod(WEB)
        first = await control.run_container(pod, "app", FOREVER)
        await control.kill_container(first)
        second = await control.run_container(pod, "app", FOREVER, attempt=1)
        expected = [
            (first, 0, ContainerState.EXITED),
            (second, 1, ContainerState.RUNNING),
        ]
        await soon(lambda: watch.states(pod) == expected)

        (exited,) = watch.heard(ContainerExited, first)
        assert isinstance(exited, ContainerExited)
        assert exited.exit_status == 128 + 9
        assert len(watch.heard(ContainerStarted, second)) == 1


async def test_a_pod_that_is_stopped_is_gone(containerd: RealContainerd) -> None:
    async with watching(containerd) as (watch, control):
        pod = await control.run_pod(WEB)
        await soon(lambda: pod in watch.sandboxes)
        await control.stop_pod(pod)
        await soon(lambda: pod not in watch.sandboxes)

        (exited,) = watch.heard(ContainerExited, pod)
        assert isinstance(exited, ContainerExited)
        assert (exited.container_id, exited.sandbox_id) == ("", pod)


async def test_a_container_that_runs_out_of_memory_is_heard_of(containerd: RealContainerd) -> None:
    async with watching(containerd) as (watch, control):
        pod = await control.run_pod(WEB)
        eater = await control.run_container(
            pod, "app", ("tail", "/dev/zero"), memory_limit_bytes=64 << 20
        )
        await soon(lambda: watch.heard(OomSeen, eater))
        await soon(lambda: watch.heard(ContainerExited, eater))
        await soon(lambda: watch.states(pod) == [(eater, 0, ContainerState.EXITED)])


async def test_a_containerd_that_is_away_for_ten_seconds_costs_freshness_alone(
    containerd: RealContainerd,
) -> None:
    async with watching(containerd) as (watch, control):
        pod = await control.run_pod(WEB)
        app = await control.run_container(pod, "app", FOREVER)
        await control.run_container(pod, "job", ("sleep", "3"))
        await soon(lambda: len(watch.states(pod)) == 2)
        before = dict(watch.sandboxes)

        await asyncio.to_thread(containerd.stop)
        await soon(lambda: watch.cri_hook.is_stale)
        await asyncio.sleep(ABSENCE_SECONDS)
        assert watch.sandboxes == before
        assert watch.cri_hook.errors.keys() == {"UNAVAILABLE"}

        containerd.launch()
        await containerd.answered()
        await soon(lambda: not watch.cri_hook.is_stale, within=6.0)
        await soon(lambda: watch.states(pod)[1][2] is ContainerState.EXITED)
        assert watch.states(pod)[0] == (app, 0, ContainerState.RUNNING)
        assert watch.sandboxes[pod].birth == before[pod].birth

        # At its start, as it broke, and as it was taken up again.
        missed = EventsMissed("containerd")
        await soon(lambda: watch.events.count(missed) == 3, within=6.0)
        async with containerd.controlling() as again:
            later = await again.run_pod(Pod("shop", "web-1", "uid-2", "kata"))
            await soon(lambda: watch.heard(ContainerStarted, later))
            await soon(lambda: later in watch.sandboxes)


async def test_its_socket_answers_cri(containerd: RealContainerd) -> None:
    clock = SystemClock()
    sockets = ["/nowhere/c.sock", str(containerd.socket)]

    found = await resolve_endpoint("auto", clock=clock, sockets=sockets)

    assert found == f"unix://{containerd.socket}"
    assert await answering_path(cri_endpoint(found), clock) == str(containerd.socket)
