"""Which of the pods that CRI lists are Kata's, and what of them is told. Pure.

What CRI lists comes from whoever may make pods on the node: it is cut and capped here, and kept as
it is otherwise. Quotes, line feeds and right-to-left text are legal, and escaped where they are
shown.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import TypeVar

from kata_exporter._pb import cri_pb2
from kata_exporter.discovery.cri.hook import RejectedPod
from kata_exporter.errors import Reason
from kata_exporter.model import (
    MAX_IMAGE_CHARACTERS,
    MAX_LABEL_KEY_CHARACTERS,
    MAX_NAME_CHARACTERS,
    SANDBOX_ID,
    Container,
    ContainerState,
    Pod,
    Refusal,
    SandboxSeen,
)

SOURCE = "cri"

MAX_SANDBOXES = 4096
MAX_CONTAINERS = 128
"""Of one sandbox, those that have exited and are still listed included."""
MAX_LABELS = 32
"""Of one pod, of those that are allowed; the first by name."""

NO_ADDRESS = Refusal(
    Reason.CONNECT_FAILED,
    "CRI lists this sandbox, but no socket of its shim was found: are the host's /run/vc/sbs and "
    "/run/kata there, and mounted?",
)
"""CRI has no addresses of agents; this stands while no other source has one."""

_STATES = {
    cri_pb2.CONTAINER_CREATED: ContainerState.CREATED,
    cri_pb2.CONTAINER_RUNNING: ContainerState.RUNNING,
    cri_pb2.CONTAINER_EXITED: ContainerState.EXITED,
}

_NOTHING = r"(?!)"
"""An expression that matches no text."""

Listed = TypeVar("Listed", cri_pb2.PodSandbox, cri_pb2.Container)


def _knows_none(sandbox_id: str) -> bool:
    del sandbox_id
    return False


@dataclass(frozen=True, slots=True)
class Selection:
    """What is told of what CRI lists.

    Args:
        handlers: patterns (``*``, ``?``) of names of runtime handlers; their pods are Kata's.
        labels: patterns of labels of pods that are told; none unless given.
        is_known: whether a source other than CRI sees a sandbox; then it is Kata's as well.
    """

    handlers: Sequence[str] = ("kata*",)
    labels: Sequence[str] = ()
    is_known: Callable[[str], bool] = _knows_none

    def selects(self, pod: cri_pb2.PodSandbox) -> bool:
        """Whether a pod is ready, and Kata's."""
        return pod.state == cri_pb2.SANDBOX_READY and (
            _matches(pod.runtime_handler, self.handlers) or self.is_known(pod.id)
        )

    def chosen_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels that are told, capped."""
        if not self.labels:
            return {}
        # A longer key is passed over: cut it would be another.
        keys = sorted(
            key
            for key in labels
            if len(key) <= MAX_LABEL_KEY_CHARACTERS and _matches(key, self.labels)
        )
        return {key: labels[key][:MAX_NAME_CHARACTERS] for key in keys[:MAX_LABELS]}


def selected(
    pods: Iterable[cri_pb2.PodSandbox], selection: Selection
) -> tuple[list[cri_pb2.PodSandbox], Counter[RejectedPod]]:
    """Return the pods that are Kata's, the oldest first, and how many were passed over, and why."""
    kept, rejected = _sound([pod for pod in pods if selection.selects(pod)])
    rejected[RejectedPod.TOO_MANY_SANDBOXES] += max(0, len(kept) - MAX_SANDBOXES)
    return kept[:MAX_SANDBOXES], rejected


def sightings(
    pods: Sequence[cri_pb2.PodSandbox],
    containers: Iterable[cri_pb2.Container],
    selection: Selection,
) -> tuple[dict[str, SandboxSeen], Counter[RejectedPod]]:
    """Return what is told of pods that were selected, by id, and what was passed over.

    It doesn't depend on the order in which containers are listed, which is any.
    """
    members: dict[str, list[cri_pb2.Container]] = {pod.id: [] for pod in pods}
    for container in containers:
        if container.pod_sandbox_id in members:
            members[container.pod_sandbox_id].append(container)
    seen: dict[str, SandboxSeen] = {}
    rejected: Counter[RejectedPod] = Counter()
    for pod in pods:
        sound, unsound = _sound(members[pod.id])
        rejected.update(unsound)
        rejected[RejectedPod.TOO_MANY_CONTAINERS] += max(0, len(sound) - MAX_CONTAINERS)
        seen[pod.id] = _seen(pod, _newest(sound), selection)
    return seen, rejected


def _sound(listed: Iterable[Listed]) -> tuple[list[Listed], Counter[RejectedPod]]:
    """Return what has an id of its own, the oldest first, and what was passed over."""
    rejected: Counter[RejectedPod] = Counter()
    by_id: dict[str, Listed] = {}
    for one in sorted(listed, key=lambda one: (one.created_at, one.id)):
        if not SANDBOX_ID.fullmatch(one.id):
            rejected[RejectedPod.BAD_ID] += 1
        elif one.id in by_id:
            rejected[RejectedPod.DUPLICATE_ID] += 1
        else:
            by_id[one.id] = one
    return list(by_id.values()), rejected


def _newest(containers: Sequence[cri_pb2.Container]) -> list[cri_pb2.Container]:
    """Cut a list, oldest first, to its cap: those that have exited go first, then the oldest."""
    excess = len(containers) - MAX_CONTAINERS
    if excess <= 0:
        return list(containers)
    by_worth = sorted(
        range(len(containers)),
        key=lambda i: (containers[i].state != cri_pb2.CONTAINER_EXITED, i),
    )
    dropped = set(by_worth[:excess])
    return [one for i, one in enumerate(containers) if i not in dropped]


def _seen(
    pod: cri_pb2.PodSandbox, containers: Iterable[cri_pb2.Container], selection: Selection
) -> SandboxSeen:
    return SandboxSeen(
        source=SOURCE,
        id=pod.id,
        agent_url="",
        birth=f"{pod.created_at}",
        pod=Pod(
            namespace=_name(pod.metadata.namespace),
            name=_name(pod.metadata.name),
            uid=_name(pod.metadata.uid),
            runtime_handler=_name(pod.runtime_handler),
            labels=selection.chosen_labels(pod.labels),
        ),
        containers=tuple(map(_container, containers)),
        refusal=NO_ADDRESS,
    )


def _container(of: cri_pb2.Container) -> Container:
    # A kubelet gives the image's digest, and beside it what the pod's author wrote, if it is new
    # enough to.
    image = of.image.user_specified_image or of.image.image or of.image_ref
    return Container(
        id=of.id,
        name=_name(of.metadata.name),
        image=image[:MAX_IMAGE_CHARACTERS],
        state=_STATES.get(of.state, ContainerState.UNKNOWN),
        attempt=of.metadata.attempt,
    )


def _name(text: str) -> str:
    return text[:MAX_NAME_CHARACTERS]


def _matches(text: str, patterns: Sequence[str]) -> bool:
    return _any_of(tuple(patterns)).match(text) is not None


@lru_cache(maxsize=8)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    # One expression for all: a listing has tens of thousands of labels.
    return re.compile("|".join(map(translate, patterns)) or _NOTHING)
