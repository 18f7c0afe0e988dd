"""Tests of the seam between calls and whoever watches them."""

from collections.abc import Sequence

import pytest

from kata_exporter.errors import Reason
from kata_exporter.model import OomKind, OomRecord, Pod
from kata_exporter.telemetry.hooks import (
    NO_WATCH,
    CallInfo,
    CallOutcome,
    CallTarget,
    CallWatch,
    Hooks,
    NoHook,
    NoWatch,
    OomGuard,
    RequestGuard,
    RequestInfo,
    RoundGuard,
    RoundInfo,
    RoundOutcome,
)

INFO = CallInfo("grpc.AgentService/GetMetrics", CallTarget("/run/a.sock"))
OK = CallOutcome(Reason.OK, "OK")


class Recorder:
    """Hook and watch in one, which notes what it is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[object] = []

    def started(self, info: CallInfo) -> CallWatch:
        self.told.append(info)
        return self

    def metadata(self) -> Sequence[tuple[str, str]]:
        return ((self.name, "1"),)

    def event(self, name: str) -> None:
        self.told.append(name)

    def ended(self, outcome: CallOutcome) -> None:
        self.told.append(outcome)


class Faulty(Recorder):
    """Raises at one step."""

    def __init__(self, step: str) -> None:
        super().__init__("faulty")
        self.step = step

    def _fail_at(self, step: str) -> None:
        if step == self.step:
            raise ValueError(step)

    def started(self, info: CallInfo) -> CallWatch:
        self._fail_at("started")
        return super().started(info)

    def metadata(self) -> Sequence[tuple[str, str]]:
        self._fail_at("metadata")
        return super().metadata()

    def event(self, name: str) -> None:
        self._fail_at("event")
        super().event(name)

    def ended(self, outcome: CallOutcome) -> None:
        self._fail_at("ended")
        super().ended(outcome)


def run_call(hooks: Hooks) -> Sequence[tuple[str, str]]:
    watch = hooks.started(INFO)
    metadata = watch.metadata()
    watch.event("dial")
    watch.ended(OK)
    return metadata


def test_each_hook_is_told_of_all_and_adds_its_metadata_in_order() -> None:
    first, second = Recorder("first"), Recorder("second")

    assert run_call(Hooks([first, second])) == [("first", "1"), ("second", "1")]
    assert first.told == second.told == [INFO, "dial", OK]


@pytest.mark.parametrize("step", ["started", "metadata", "event", "ended"])
def test_a_hook_that_raises_is_passed_over_and_logged_once(
    step: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = Recorder("good")
    hooks = Hooks([Faulty(step), good])

    for _ in range(3):
        assert ("good", "1") in run_call(hooks)

    assert good.told == [INFO, "dial", OK] * 3
    assert caplog.messages == [f"Faulty.{step} failed, said once"]


def test_each_step_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    run_call(Hooks([Faulty("event"), Faulty("ended")]))

    assert caplog.messages == [
        "Faulty.event failed, said once",
        "Faulty.ended failed, said once",
    ]


def test_no_hooks_add_nothing() -> None:
    assert run_call(Hooks([])) == []


def test_the_hook_that_does_nothing_gives_the_one_watch_that_does_nothing() -> None:
    watch = NoHook().started(INFO)
    watch.event("dial")
    watch.ended(OK)

    assert watch is NO_WATCH
    assert watch.metadata() == ()
    assert isinstance(watch, NoWatch)


class RoundRecorder:
    """Hook and watch of rounds and requests in one, which notes its steps, and may raise at one."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.told: list[object] = []

    def started(self, info: object) -> "RoundRecorder":
        self._step("started", info)
        return self

    def ended(self, *outcome: object) -> None:
        self._step("ended", *outcome)

    def left(self) -> None:
        self._step("left")

    def _step(self, step: str, *told: object) -> None:
        if step == self.fails_at:
            raise ValueError(step)
        self.told.append((step, *told))


ROUND = RoundInfo("demo-1", "shop", "web-0", attempt=2, waited_seconds=0.5)
SCRAPE = RequestInfo("GET", "/metrics", "http", {})


def test_a_round_is_watched_from_its_start_until_its_task_leaves_it() -> None:
    hook = RoundRecorder()
    outcome = RoundOutcome(Reason.TIMEOUT, "no answer")

    with RoundGuard(hook).watched(ROUND) as watch:
        watch.ended(outcome)

    assert hook.told == [("started", ROUND), ("ended", outcome), ("left",)]


def test_a_round_that_fails_is_left_all_the_same() -> None:
    hook = RoundRecorder()

    with pytest.raises(KeyError), RoundGuard(hook).watched(ROUND):
        raise KeyError

    assert hook.told == [("started", ROUND), ("left",)]


@pytest.mark.parametrize("step", ["started", "ended", "left"])
def test_a_hook_that_raises_fails_no_round_and_is_logged_once(
    step: str, caplog: pytest.LogCaptureFixture
) -> None:
    guard = RoundGuard(RoundRecorder(step))
    for _ in range(2):
        with guard.watched(ROUND) as watch:
            watch.ended(RoundOutcome(Reason.OK))

    assert caplog.messages == [f"RoundRecorder.{step} failed, said once"]


@pytest.mark.parametrize("step", ["started", "ended"])
def test_a_hook_that_raises_fails_no_request_and_is_logged_once(
    step: str, caplog: pytest.LogCaptureFixture
) -> None:
    guard = RequestGuard(RoundRecorder(step))
    for _ in range(2):
        guard.started(SCRAPE).ended(200, 10)

    assert caplog.messages == [f"RoundRecorder.{step} failed, said once"]


def test_a_request_is_watched_from_its_start_to_its_answer() -> None:
    hook = RoundRecorder()

    RequestGuard(hook).started(SCRAPE).ended(200, 10)

    assert hook.told == [("started", SCRAPE), ("ended", 200, 10)]


def test_without_a_hook_nothing_is_watched() -> None:
    with RoundGuard().watched(ROUND) as watch:
        watch.ended(RoundOutcome(Reason.OK))
    RequestGuard().started(SCRAPE).ended(200)


def test_a_hook_of_ooms_that_raises_fails_nobody_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Raising:
        def oom(self, record: OomRecord) -> None:
            raise ValueError(record)

    guard = OomGuard(Raising())
    record = OomRecord(1.0, OomKind.REPORTED, "cri", "demo-1", Pod(), "app", "c1")
    for _ in range(2):
        guard.oom(record)

    assert caplog.messages == ["Raising.oom failed, said once"]
