"""The pods and containers that a simulated container runtime knows, and what happens to them.

What happens comes in the order in which containerd's CRI plugin tells it; a pod's sandbox has
events as its containers have, under its own id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kata_exporter.clock import Clock
from kata_exporter.model import Container, ContainerState, Pod
from kata_exporter.simulator.exit_codes import KILLED
from kata_exporter.simulator.host.feed import Feed

_HOLD_SECONDS = 300.0
"""How long containerd keeps what happened for the first who asks."""
_DEAD_CONTAINERS_KEPT = 1
"""How many dead containers of one name a kubelet leaves in a pod."""


class CriEventKind(StrEnum):
    """What happened to a container or a sandbox."""

    CREATED = "created"
    STARTED = "started"
    STOPPED = "stopped"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class CriPod:
    """A pod's sandbox as CRI tells it; ``created_at`` is in nanoseconds since 1970."""

    id: str
    pod: Pod
    created_at: int
    attempt: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)
    ready: bool = True


@dataclass(frozen=True, slots=True)
class CriContainer:
    """A container as CRI tells it; times are nanoseconds since 1970, 0 for not yet."""

    container: Container
    pod: CriPod
    """The sandbox that it was made in, as it was then."""
    created_at: int
    attempt: int = 0
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""

    @property
    def id(self) -> str:
        """Its id."""
        return self.container.id


@dataclass(frozen=True, slots=True)
class CriEvent:
    """Something that happened, with the sandbox (None once deleted) and its containers after it."""

    kind: CriEventKind
    id: str
    at: int
    pod: CriPod | None
    containers: tuple[CriContainer, ...]


class CriView:
    """Pods and containers, changed as a kubelet and a runtime would change them.

    Every method raises KeyError where a pod or container isn't there, and ValueError where one
    can't be what is asked for; nothing has changed then.

    Args:
        clock: time for what happens.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pods: dict[str, CriPod] = {}
        self._containers: dict[str, CriContainer] = {}
        self._members: dict[str, list[str]] = {}
        """Ids of the containers of each pod, so that what happens in one costs the same in any fleet."""
        self.events: Feed[CriEvent] = Feed(clock, hold_seconds=_HOLD_SECONDS)

    @property
    def pods(self) -> Sequence[CriPod]:
        """The sandboxes of pods, those that have ended but are not removed included."""
        return tuple(self._pods.values())

    def pod(self, pod_id: str) -> CriPod | None:
        """Return a pod's sandbox; None where it isn't listed."""
        return self._pods.get(pod_id)

    @property
    def containers(self) -> Sequence[CriContainer]:
        """The containers of all pods, without their sandboxes' own (pause) containers."""
        return tuple(self._containers.values())

    def add_pod(
        self,
        pod_id: str,
        pod: Pod,
        *,
        attempt: int = 0,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Run the sandbox of a pod."""
        self._check_new(pod_id)
        self._pods[pod_id] = CriPod(pod_id, pod, self._now(), attempt, dict(annotations or {}))
        self._members[pod_id] = []
        self._tell(CriEventKind.CREATED, pod_id, pod_id)
        self._tell(CriEventKind.STARTED, pod_id, pod_id)

    def stop_pod(self, pod_id: str) -> None:
        """Kill its containers, and end its sandbox, which stays listed as not ready."""
        pod = self._pods[pod_id]
        for container in self._of(pod_id):
            if container.container.state is ContainerState.RUNNING:
                self.exit_container(container.id, exit_code=KILLED)
        if pod.ready:
            self._pods[pod_id] = replace(pod, ready=False)
            self._tell(CriEventKind.STOPPED, pod_id, pod_id)

    def remove_pod(self, pod_id: str) -> None:
        """Stop it where it isn't, and remove it with its containers."""
        self.stop_pod(pod_id)
        for container in self._of(pod_id):
            self.remove_container(container.id)
        del self._pods[pod_id], self._members[pod_id]
        self._tell(CriEventKind.DELETED, pod_id, pod_id)

    def replace_pod(self, pod_id: str, new_id: str, *, uid: str | None = None) -> None:
        """Stop a pod's sandbox, and run a new one under the same namespace and name.

        With the uid of another pod (as a StatefulSet makes one) it is a first attempt; without, the
        same pod has lost its sandbox. The old one stays listed until it is removed, so for a while
        two have one name. The new one has no containers yet.
        """
        old = self._pods[pod_id]
        self._check_new(new_id)
        self.stop_pod(pod_id)
        if uid is None:
            self.add_pod(new_id, old.pod, attempt=old.attempt + 1, annotations=old.annotations)
        else:
            self.add_pod(new_id, replace(old.pod, uid=uid), annotations=old.annotations)

    def add_container(
        self,
        pod_id: str,
        container_id: str,
        name: str,
        *,
        image: str = "",
        attempt: int = 0,
        started: bool = True,
    ) -> None:
        """Create a container in a sandbox that is ready and, unless told otherwise, start it."""
        pod = self._pods[pod_id]
        if not pod.ready:
            raise ValueError(f"pod {pod_id} is stopped, no container can be made in it")
        self._check_new(container_id)
        container = Container(container_id, name, image, ContainerState.CREATED)
        self._containers[container_id] = CriContainer(container, pod, self._now(), attempt)
        self._members[pod_id].append(container_id)
        self._tell(CriEventKind.CREATED, container_id, pod_id)
        if started:
            self.start_container(container_id)

    def start_container(self, container_id: str) -> None:
        """Start a container that was created and not started."""
        container = self._in_state(container_id, ContainerState.CREATED)
        self._containers[container_id] = replace(
            _in(container, ContainerState.RUNNING), started_at=self._now()
        )
        self._tell(CriEventKind.STARTED, container_id, container.pod.id)

    def exit_container(self, container_id: str, *, exit_code: int = 0, reason: str = "") -> None:
        """End a running container, for CRI's usual reason of that exit code or for another."""
        container = self._in_state(container_id, ContainerState.RUNNING)
        self._containers[container_id] = replace(
            _in(container, ContainerState.EXITED),
            finished_at=self._now(),
            exit_code=exit_code,
            reason=reason or ("Error" if exit_code else "Completed"),
        )
        self._tell(CriEventKind.STOPPED, container_id, container.pod.id)

    def restart_container(self, container_id: str, new_id: str) -> None:
        """Put a new container in the place of an exited one, as the next attempt.

        The exited one stays listed, and those of its name that came before it are removed: a
        kubelet keeps one.
        """
        old = self._in_state(container_id, ContainerState.EXITED)
        name = old.container.name
        self.add_container(
            old.pod.id, new_id, name, image=old.container.image, attempt=old.attempt + 1
        )
        dead = [
            c
            for c in self._of(old.pod.id)
            if c.container.name == name and c.container.state is ContainerState.EXITED
        ]
        for container in dead[:-_DEAD_CONTAINERS_KEPT]:
            self.remove_container(container.id)

    def remove_container(self, container_id: str) -> None:
        """Remove a container, killing it where it runs."""
        container = self._containers[container_id]
        if container.container.state is ContainerState.RUNNING:
            self.exit_container(container_id, exit_code=KILLED)
        del self._containers[container_id]
        self._members[container.pod.id].remove(container_id)
        self._tell(CriEventKind.DELETED, container_id, container.pod.id)

    def _of(self, pod_id: str) -> tuple[CriContainer, ...]:
        return tuple(self._containers[id_] for id_ in self._members.get(pod_id, ()))

    def _in_state(self, container_id: str, state: ContainerState) -> CriContainer:
        container = self._containers[container_id]
        if container.container.state is not state:
            raise ValueError(
                f"container {container_id} is {container.container.state}, and has to be {state}"
            )
        return container

    def _check_new(self, new_id: str) -> None:
        if new_id in self._pods or new_id in self._containers:
            raise ValueError(f"id {new_id} is taken; give another")

    def _now(self) -> int:
        return round(self._clock.time() * 1e9)

    def _tell(self, kind: CriEventKind, id_: str, pod_id: str) -> None:
        self.events.publish(
            CriEvent(kind, id_, self._now(), self._pods.get(pod_id), self._of(pod_id))
        )


def _in(container: CriContainer, state: ContainerState) -> CriContainer:
    return replace(container, container=replace(container.container, state=state))
