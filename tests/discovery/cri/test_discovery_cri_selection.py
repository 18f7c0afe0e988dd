"""Which pods of a listing are told, and how what they hold is cut."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter._pb import cri_pb2
from kata_exporter.discovery.cri import RejectedPod, Selection
from kata_exporter.discovery.cri.selection import (
    MAX_CONTAINERS,
    MAX_LABELS,
    MAX_SANDBOXES,
    selected,
    sightings,
)
from kata_exporter.errors import Reason
from kata_exporter.metrics import escape_label_value
from kata_exporter.model import (
    MAX_IMAGE_CHARACTERS,
    MAX_NAME_CHARACTERS,
    Container,
    ContainerState,
    SandboxSeen,
)
from kata_exporter.registry import Registry

ALL = Selection(labels=("*",))


def pod(pod_id: str = "pod-1", *, created_at: int = 1, **more: Any) -> cri_pb2.PodSandbox:
    more.setdefault("runtime_handler", "kata")
    return cri_pb2.PodSandbox(id=pod_id, created_at=created_at, **more)


def container(container_id: str, *, created_at: int = 1, **more: Any) -> cri_pb2.Container:
    more.setdefault("pod_sandbox_id", "pod-1")
    return cri_pb2.Container(id=container_id, created_at=created_at, **more)


def told(
    pods: list[cri_pb2.PodSandbox],
    containers: list[cri_pb2.Container] | None = None,
    selection: Selection = ALL,
) -> dict[str, SandboxSeen]:
    return sightings(selected(pods, selection)[0], containers or [], selection)[0]


def test_a_pod_of_the_same_id_that_was_made_later_is_another_generation() -> None:
    registry = Registry([])
    for created_at in (7, 7, 8):
        (seen,) = told([pod("pod-1", created_at=created_at)]).values()
        registry.apply(seen)

    (sandbox,) = registry.sandboxes()
    assert sandbox.generation == 2


@pytest.mark.parametrize(
    ("handler", "is_told"),
    [("kata", True), ("kata-qemu-coco", True), ("runc", False), ("", False), ("Kata", False)],
)
def test_handlers_are_matched_by_a_pattern(handler: str, is_told: bool) -> None:  # noqa: FBT001
    assert bool(told([pod(runtime_handler=handler)])) is is_told


def test_a_pod_that_is_not_ready_is_not_told() -> None:
    assert not told([pod(state=cri_pb2.SANDBOX_NOTREADY)])


def test_of_two_with_one_id_the_older_is_believed() -> None:
    pods = [pod(created_at=2), pod(created_at=1)]
    kept, rejected = selected(pods, ALL)

    assert [p.created_at for p in kept] == [1]
    assert +rejected == {RejectedPod.DUPLICATE_ID: 1}


@pytest.mark.parametrize("bad", ["", "a", "../x", "a b", "é" * 3, "x" * 129, "pod\n"])
def test_what_has_no_right_id_is_passed_over(bad: str) -> None:
    kept, rejected = selected([pod(bad), pod("good-1")], ALL)
    assert [p.id for p in kept] == ["good-1"]
    assert +rejected == {RejectedPod.BAD_ID: 1}

    seen, rejected = sightings([pod()], [container(bad), container("c-1")], ALL)
    assert [c.id for c in seen["pod-1"].containers] == ["c-1"]
    assert +rejected == {RejectedPod.BAD_ID: 1}


def test_sandboxes_are_capped_and_the_oldest_stay() -> None:
    pods = [pod(f"pod-{i}", created_at=i) for i in range(MAX_SANDBOXES + 2)]
    kept, rejected = selected(pods[::-1], ALL)

    assert [p.id for p in kept] == [p.id for p in pods[:MAX_SANDBOXES]]
    assert +rejected == {RejectedPod.TOO_MANY_SANDBOXES: 2}


def test_containers_are_capped_and_those_that_run_stay() -> None:
    state = cri_pb2.CONTAINER_RUNNING
    running = [container(f"run-{i}", created_at=i, state=state) for i in range(3)]
    exited = [
        container(f"old-{i}", created_at=10 + i, state=cri_pb2.CONTAINER_EXITED)
        for i in range(MAX_CONTAINERS)
    ]
    seen, rejected = sightings([pod()], [*exited, *running], ALL)

    kept = [c.id for c in seen["pod-1"].containers]
    assert kept == ["run-0", "run-1", "run-2", *(c.id for c in exited[3:])]
    assert +rejected == {RejectedPod.TOO_MANY_CONTAINERS: 3}


@given(st.permutations([container(f"c-{i}", created_at=i // 2) for i in range(6)]))
def test_the_order_of_a_listing_changes_nothing(containers: list[cri_pb2.Container]) -> None:
    in_order = sorted(containers, key=lambda c: c.id)
    assert told([pod()], containers) == told([pod()], in_order)


def test_containers_of_other_pods_are_left_out() -> None:
    assert told([pod()], [container("c-1", pod_sandbox_id="pod-2")])["pod-1"].containers == ()


@pytest.mark.parametrize(
    ("state", "meant"),
    [
        (cri_pb2.CONTAINER_CREATED, ContainerState.CREATED),
        (cri_pb2.CONTAINER_RUNNING, ContainerState.RUNNING),
        (cri_pb2.CONTAINER_EXITED, ContainerState.EXITED),
        (cri_pb2.CONTAINER_UNKNOWN, ContainerState.UNKNOWN),
        (99, ContainerState.UNKNOWN),
    ],
)
def test_states_are_those_of_cri(state: Any, meant: ContainerState) -> None:
    assert told([pod()], [container("c-1", state=state)])["pod-1"].containers[0].state is meant


def test_a_container_has_the_image_that_its_author_wrote_where_the_kubelet_says_it() -> None:
    image = cri_pb2.ImageSpec(image="sha256:1234", user_specified_image="web:1")
    listed = [
        container("c-1", metadata=cri_pb2.ContainerMetadata(name="app", attempt=3), image=image),
        container("c-2", image=cri_pb2.ImageSpec(image="sha256:1234")),
        container("c-3", image_ref="sha256:5678"),
    ]
    assert told([pod()], listed)["pod-1"].containers == (
        Container("c-1", "app", "web:1", ContainerState.CREATED, attempt=3),
        Container("c-2", "", "sha256:1234", ContainerState.CREATED),
        Container("c-3", "", "sha256:5678", ContainerState.CREATED),
    )


@pytest.mark.parametrize("text", ['a "quoted" name', "two\nlines", "\u202emirrored", "back\\slash"])
def test_odd_names_are_kept_as_they_are_and_escaped_where_they_are_shown(text: str) -> None:
    listed = pod(
        metadata=cri_pb2.PodSandboxMetadata(name=text, namespace=text, uid=text),
        labels={text: text},
    )
    seen = told([listed])["pod-1"].pod

    assert (seen.name, seen.namespace, seen.uid, seen.labels) == (text, text, text, {text: text})
    assert "\n" not in escape_label_value(seen.name)


def test_every_text_is_cut() -> None:
    huge = "x" * 100_000
    listed = pod(
        metadata=cri_pb2.PodSandboxMetadata(name=huge, namespace=huge, uid=huge),
        runtime_handler=f"kata{huge}",
        labels={"app": huge, huge: "long key"},
    )
    of = container(
        "c-1",
        metadata=cri_pb2.ContainerMetadata(name=huge),
        image=cri_pb2.ImageSpec(image=huge),
    )
    seen = told([listed], [of])["pod-1"]

    texts = (seen.pod.name, seen.pod.namespace, seen.pod.uid, seen.pod.runtime_handler)
    assert {len(text) for text in (*texts, seen.containers[0].name)} == {MAX_NAME_CHARACTERS}
    assert len(seen.containers[0].image) == MAX_IMAGE_CHARACTERS
    assert {key: len(value) for key, value in seen.pod.labels.items()} == {
        "app": MAX_NAME_CHARACTERS
    }


def test_labels_are_off_unless_allowed() -> None:
    listed = pod(labels={"app": "web", "app.kubernetes.io/name": "web", "team": "a"})

    assert told([listed], selection=Selection())["pod-1"].pod.labels == {}
    allowed = Selection(labels=("team", "app.kubernetes.io/*"))
    assert told([listed], selection=allowed)["pod-1"].pod.labels == {
        "app.kubernetes.io/name": "web",
        "team": "a",
    }


@given(
    st.text("ab/|", max_size=4),
    st.lists(st.text("ab/|*?[]!^()", min_size=1, max_size=4), max_size=3),
)
def test_a_label_is_allowed_by_any_of_the_patterns(key: str, patterns: list[str]) -> None:
    allowed = Selection(labels=tuple(patterns)).chosen_labels({key: "v"})

    assert bool(allowed) == any(fnmatchcase(key, pattern) for pattern in patterns)


def test_labels_are_capped() -> None:
    listed = pod(labels={f"label-{i:03}": "" for i in range(MAX_LABELS + 5)})
    assert list(told([listed])["pod-1"].pod.labels) == [f"label-{i:03}" for i in range(MAX_LABELS)]


def test_a_sandbox_that_only_cri_sees_is_shown_with_why_it_is_not_asked() -> None:
    registry = Registry([])
    registry.apply(told([pod()])["pod-1"])
    (alone,) = registry.sandboxes()
    assert alone.refusal is not None
    assert Reason(alone.refusal.reason) is Reason.CONNECT_FAILED

    registry.apply(SandboxSeen("directory:/run/kata", "pod-1", "unix:///a", "1"))
    (found,) = registry.sandboxes()
    assert found.refusal is None
