"""When a sandbox is shown, and under which name."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_clock import FakeClock, settle
from kata_exporter.model import (
    Announcement,
    Container,
    Pod,
    Refusal,
    Sandbox,
    SandboxGone,
    SandboxSeen,
)
from kata_exporter.registry import Publisher, Registry
from kata_exporter.registry.publishing import Awaited

WEB = Pod("shop", "web-0", "uid-1", "kata")


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Sandbox]] = []

    def started(self, sandbox: Sandbox) -> None:
        self.told.append(("started", sandbox))

    def updated(self, sandbox: Sandbox) -> None:
        self.told.append(("updated", sandbox))

    def stopped(self, sandbox: Sandbox) -> None:
        self.told.append(("stopped", sandbox))

    @property
    def words(self) -> list[tuple[str, str]]:
        return [(what, sandbox.pod.name) for what, sandbox in self.told]


class Rig:
    def __init__(self, clock: FakeClock, *, names_come: bool = True) -> None:
        self.listener = Listener()
        self.publisher = Publisher([self.listener], clock=clock, names_come=lambda: names_come)
        self.registry = Registry([self.publisher])

    def seen(
        self,
        pod: Pod | None = None,
        *containers: Container,
        birth: str = "x",
        url: str = "unix:///a",
        sandbox_id: str = "box-a",
    ) -> None:
        self.registry.apply(
            SandboxSeen("static", sandbox_id, url, birth, pod=pod or Pod(), containers=containers)
        )

    def gone(self) -> None:
        self.registry.apply(SandboxGone("static", "box-a"))


@pytest.fixture
def rig(clock: FakeClock) -> Rig:
    return Rig(clock)


def test_a_sandbox_that_comes_with_its_name_is_published_at_once(rig: Rig) -> None:
    rig.seen(WEB)
    assert rig.listener.words == [("started", "web-0")]
    assert rig.publisher.published("box-a") == rig.listener.told[0][1]


def test_a_nameless_sandbox_is_published_at_once_where_no_names_are_to_be_had(
    clock: FakeClock,
) -> None:
    rig = Rig(clock, names_come=False)
    rig.seen()
    assert rig.listener.words == [("started", "")]


def test_a_nameless_sandbox_is_held_until_its_name_comes(rig: Rig, clock: FakeClock) -> None:
    rig.seen()
    clock.advance(4.9)
    assert rig.listener.words == []
    assert rig.publisher.published("box-a") is None

    rig.seen(WEB, Container("c1", "app"))

    assert rig.listener.words == [("started", "web-0")]
    assert rig.listener.told[0][1].containers == (Container("c1", "app"),)
    clock.advance(10.0)
    assert len(rig.listener.told) == 1
    assert clock.pending == 0


def test_a_name_that_does_not_come_is_waited_for_five_seconds(rig: Rig, clock: FakeClock) -> None:
    rig.seen()
    clock.advance(5.0)
    assert rig.listener.words == [("started", "")]


def test_labels_move_once_from_empty_to_named_and_never_again(rig: Rig, clock: FakeClock) -> None:
    rig.seen()
    clock.advance(5.0)
    rig.seen(WEB)
    rig.seen(Pod("shop", "other", "uid-2"))
    rig.seen()

    assert rig.listener.words == [("started", ""), ("updated", "web-0")]


def test_what_a_named_pod_is_besides_its_name_may_change(rig: Rig) -> None:
    rig.seen(WEB)
    rig.seen(Pod("shop", "web-0", "uid-1", "kata", {"app": "web"}))

    assert rig.listener.words == [("started", "web-0"), ("updated", "web-0")]
    assert rig.listener.told[-1][1].pod.labels == {"app": "web"}


def test_containers_change_under_a_name_that_its_source_has_lost(rig: Rig) -> None:
    rig.seen(WEB, Container("c1", "app"))
    rig.seen(None, Container("c2", "app"))

    what, sandbox = rig.listener.told[-1]
    assert (what, sandbox.pod, sandbox.containers) == ("updated", WEB, (Container("c2", "app"),))


def test_another_generation_has_its_own_name(rig: Rig) -> None:
    rig.seen(WEB)
    rig.seen(Pod("shop", "web-1"), birth="y")

    assert rig.listener.words == [
        ("started", "web-0"),
        ("stopped", "web-0"),
        ("started", "web-1"),
    ]


def test_what_goes_before_it_was_published_is_never_told(rig: Rig, clock: FakeClock) -> None:
    rig.seen()
    rig.gone()
    clock.advance(10.0)
    assert rig.listener.told == []
    assert clock.pending == 0


async def test_waits_until_nothing_is_held(rig: Rig, clock: FakeClock) -> None:
    await rig.publisher.all_named()
    rig.seen()
    waiting = asyncio.create_task(rig.publisher.all_named())
    await settle()
    assert not waiting.done()

    clock.advance(5.0)
    await waiting


async def test_waits_for_nothing_that_is_held_later(rig: Rig, clock: FakeClock) -> None:
    rig.seen()
    waiting = asyncio.create_task(rig.publisher.all_named())
    await settle()
    clock.advance(4.0)
    rig.seen(sandbox_id="box-b")

    clock.advance(1.0)
    await settle()

    assert waiting.done()
    assert rig.publisher.published("box-a") is not None
    assert rig.publisher.published("box-b") is None


def test_closed_it_publishes_nothing_of_its_own_accord(rig: Rig, clock: FakeClock) -> None:
    rig.seen()
    rig.publisher.close()
    clock.advance(10.0)
    assert rig.listener.told == []
    assert clock.pending == 0


class OnNode(Rig):
    """CRI and a directory see one sandbox, each for a while."""

    def cri(self, pod: Pod = WEB) -> None:
        self.registry.apply(
            SandboxSeen("cri", "box-a", "", "1", pod=pod, refusal=Refusal("connect_failed", "none"))
        )

    def shim(self, url: str = "vsock://7:1024", birth: str = "x") -> None:
        self.registry.apply(
            SandboxSeen("directory:/run/kata", "box-a", url, birth, announced=Announcement())
        )

    def no_shim(self) -> None:
        self.registry.apply(SandboxGone("directory:/run/kata", "box-a"))

    def no_cri(self) -> None:
        self.registry.apply(SandboxGone("cri", "box-a"))


def test_a_sandbox_that_cri_lists_before_its_shim_is_seen_waits_for_that(clock: FakeClock) -> None:
    node = OnNode(clock)
    node.cri()
    clock.advance(3.0)
    assert node.listener.told == []

    node.shim("")

    assert node.listener.words == [("started", "web-0")]
    node.shim()
    assert [sandbox.agent_url for _, sandbox in node.listener.told] == ["", "vsock://7:1024"]
    assert clock.pending == 0


def test_a_sandbox_that_only_cri_sees_is_shown_after_fifteen_seconds(clock: FakeClock) -> None:
    node = OnNode(clock)
    node.cri()
    clock.advance(15.0)

    ((what, sandbox),) = node.listener.told
    assert (what, sandbox.refusal) == ("started", Refusal("connect_failed", "none"))


@pytest.mark.parametrize("url", ["vsock://7:1024", ""])
def test_a_sandbox_that_loses_its_shim_is_gone_at_once_though_cri_lists_it_longer(
    url: str, clock: FakeClock
) -> None:
    node = OnNode(clock)
    node.cri()
    node.shim(url)

    node.no_shim()
    assert node.listener.words == [("started", "web-0"), ("stopped", "web-0")]

    clock.advance(14.0)
    node.no_cri()
    clock.advance(60.0)
    assert len(node.listener.told) == 2


def test_a_shim_that_comes_back_while_cri_lists_its_sandbox_is_shown_at_once(
    clock: FakeClock,
) -> None:
    node = OnNode(clock)
    node.cri()
    node.shim()
    node.no_shim()
    node.shim(birth="y")

    assert [what for what, _ in node.listener.told] == ["started", "stopped", "started"]
    assert clock.pending == 0


def test_a_sandbox_that_was_withdrawn_comes_back_under_its_name(clock: FakeClock) -> None:
    node = OnNode(clock)
    node.cri()
    node.shim("")
    node.no_shim()
    node.cri(Pod("shop", "web-1"))
    node.shim("")

    assert node.listener.words == [("started", "web-0"), ("stopped", "web-0"), ("started", "web-0")]
    assert {sandbox.generation for _, sandbox in node.listener.told} == {1}


async def test_what_nobody_can_reach_keeps_nobody_from_being_ready(clock: FakeClock) -> None:
    node = OnNode(clock)
    node.cri()

    await asyncio.wait_for(node.publisher.all_named(), 1.0)


_PODS = st.sampled_from([Pod(), Pod("shop", "web-0"), Pod("shop", "web-1")])
_URLS = st.sampled_from(["", "vsock://7:1024", "vsock://8:1024"])
_BIRTHS = st.sampled_from(["x", "y"])
_EVENTS = st.one_of(
    st.builds(
        SandboxSeen,
        st.just("cri"),
        st.just("box-a"),
        st.just(""),
        _BIRTHS,
        pod=_PODS,
        refusal=st.just(Refusal("connect_failed", "none")),
    ),
    st.builds(
        SandboxSeen,
        st.just("directory:/run/kata"),
        st.sampled_from(["box-a", "box-b"]),
        _URLS,
        _BIRTHS,
        announced=st.just(Announcement()),
    ),
    st.builds(SandboxSeen, st.just("static"), st.just("box-a"), _URLS, _BIRTHS, pod=_PODS),
    st.builds(
        SandboxGone,
        st.sampled_from(["cri", "directory:/run/kata", "static"]),
        st.sampled_from(["box-a", "box-b"]),
    ),
)


@given(st.lists(st.one_of(_EVENTS, st.sampled_from([1.0, 5.0, 15.0])), max_size=25), st.booleans())
def test_whatever_the_sources_say_names_move_once_and_everyone_is_shown_in_the_end(
    steps: list[SandboxSeen | SandboxGone | float],
    names_come: bool,  # noqa: FBT001
) -> None:
    clock = FakeClock()
    rig = Rig(clock, names_come=names_come)
    for step in steps:
        if isinstance(step, float):
            clock.advance(step)
        else:
            rig.registry.apply(step)
    clock.advance(Awaited.NAME.value + Awaited.ADDRESS.value)

    shown: dict[str, int] = {}
    names: dict[int, list[str]] = {}
    for what, sandbox in rig.listener.told:
        assert shown.get(sandbox.id) == (None if what == "started" else sandbox.generation)
        if what == "stopped":
            del shown[sandbox.id]
        else:
            shown[sandbox.id] = sandbox.generation
        names.setdefault(sandbox.generation, []).append(sandbox.pod.name)
    assert shown == {sandbox.id: sandbox.generation for sandbox in rig.registry.sandboxes()}
    # Once there is a name, there is no other after it, nor none.
    assert all(
        after == before or not before
        for of_one in names.values()
        for before, after in pairwise(of_one)
    )
    assert clock.pending == 0
