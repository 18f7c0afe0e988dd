"""What a simulated runtime knows: changes that can't be are refused; times are the clock's."""

from typing import Any

import pytest

from fake_clock import FakeClock
from kata_exporter.model import ContainerState, Pod
from kata_exporter.simulator.host.cri_view import CriView

WEB = Pod("shop", "web-0", "uid-1")
NOW = 1_800_000_000_000_000_000


@pytest.fixture
def view(clock: FakeClock) -> CriView:
    view = CriView(clock)
    view.add_pod("pod-1", WEB)
    view.add_container("pod-1", "c-1", "app")
    view.add_pod("pod-2", Pod("billing", "job-7", "uid-2"))
    view.add_container("pod-2", "c-2", "worker", started=False)
    return view


def test_each_step_of_a_container_has_its_time(view: CriView, clock: FakeClock) -> None:
    clock.advance(2)
    view.start_container("c-2")
    clock.advance(3)
    view.exit_container("c-2", exit_code=2)

    container = view.containers[1]
    assert container.container.state is ContainerState.EXITED
    assert container.created_at == NOW
    assert container.started_at == NOW + 2 * 10**9
    assert container.finished_at == NOW + 5 * 10**9


@pytest.mark.parametrize(
    ("how", "code", "reason"),
    [
        ({}, 0, "Completed"),
        ({"exit_code": 1}, 1, "Error"),
        ({"exit_code": 137, "reason": "OOMKilled"}, 137, "OOMKilled"),
    ],
)
def test_an_exit_has_the_reason_of_its_code_unless_given(
    view: CriView, how: dict[str, Any], code: int, reason: str
) -> None:
    view.exit_container("c-1", **how)

    assert (view.containers[0].exit_code, view.containers[0].reason) == (code, reason)


def test_stopping_a_pod_kills_what_runs_in_it_and_nothing_else(view: CriView) -> None:
    view.stop_pod("pod-1")
    view.stop_pod("pod-2")

    first, second = view.containers
    assert (first.container.state, first.exit_code) == (ContainerState.EXITED, 137)
    assert second.container.state is ContainerState.CREATED
    assert [pod.ready for pod in view.pods] == [False, False]


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        (lambda v: v.add_pod("pod-1", WEB), ValueError, "pod-1 is taken"),
        (lambda v: v.add_container("pod-1", "pod-2", "app"), ValueError, "pod-2 is taken"),
        (lambda v: v.replace_pod("pod-1", "c-1"), ValueError, "c-1 is taken"),
        (lambda v: v.start_container("c-1"), ValueError, "c-1 is running, and has to be created"),
        (lambda v: v.exit_container("c-2"), ValueError, "c-2 is created, and has to be running"),
        (lambda v: v.restart_container("c-1", "n"), ValueError, "has to be exited"),
        (lambda v: v.stop_pod("pod-9"), KeyError, "pod-9"),
        (lambda v: v.add_container("pod-9", "n", "app"), KeyError, "pod-9"),
        (lambda v: v.remove_container("c-9"), KeyError, "c-9"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    view: CriView, change: Any, error: type[Exception], why: str
) -> None:
    before = view.pods, view.containers

    with pytest.raises(error, match=why):
        change(view)

    assert (view.pods, view.containers) == before


def test_no_container_is_made_in_a_stopped_pod(view: CriView) -> None:
    view.stop_pod("pod-1")
    view.stop_pod("pod-1")

    with pytest.raises(ValueError, match="pod-1 is stopped"):
        view.add_container("pod-1", "n", "app")
