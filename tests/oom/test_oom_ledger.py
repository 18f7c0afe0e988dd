"""The ledger: every event counted once, under its container's name, and kept after its death."""

import pytest

from fake_clock import FakeClock
from kata_exporter.model import EventsMissed, OomKind, OomSeen, Pod, VmmOomKilled
from kata_exporter.oom.ledger import WAITING_SECONDS
from oom_rig import NS, RETENTION_SECONDS, LedgerRig, at_limit, sandbox
from promtool import check_metrics


@pytest.fixture
def rig(clock: FakeClock) -> LedgerRig:
    return LedgerRig(clock)


def test_counters_are_0_from_first_sight_while_a_source_can_see_their_kind(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"), "containerd", "vmstat")
    rig.ledger.read(seen, at_limit(kills=0))

    assert rig.series() == {
        'kata_container_oom_events_total{container="web"}': "0",
        'kata_container_oom_kills_inferred_total{container="web"}': "0",
        "kata_guest_oom_kills_total": "0",
        'kata_sandbox_oom_source{source="containerd"}': "1",
        'kata_sandbox_oom_source{source="vmstat"}': "1",
    }


def test_counters_are_absent_while_no_source_could_see_their_kind(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"), "vmstat")
    assert rig.series() == {'kata_sandbox_oom_source{source="vmstat"}': "1"}

    rig.ledger.seen_by("sb1", frozenset())
    rig.ledger.read(seen, at_limit(kills=3))
    assert rig.series() == {"kata_guest_oom_kills_total": "3"}


def test_a_count_stays_when_its_source_goes(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    rig.oom("c1")
    rig.ledger.seen_by("sb1", frozenset())

    assert rig.events("web") == "1"


def test_an_event_counts_with_its_time_and_is_told_with_usage_and_limit(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit("c1"))
    rig.clock.advance(7)
    rig.oom("c1")

    assert rig.events("web") == "1"
    last = rig.series()['kata_container_last_oom_timestamp_seconds{container="web"}']
    assert float(last) == pytest.approx(rig.clock.time(), abs=0.001)
    (told,) = rig.told
    assert (told.kind, told.source, told.container, told.pod) == (
        OomKind.REPORTED,
        "containerd",
        "web",
        Pod("shop", "web-0"),
    )
    assert (told.working_set_bytes, told.limit_bytes) == (63 << 20, 64 << 20)
    assert rig.outcomes == {("containerd", "counted"): 1}


def test_a_status_after_an_event_of_the_same_life_counts_nothing_more(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    rig.oom("c1")
    rig.exited("c1", rig.now_ns + 5)
    rig.status("c1", rig.now_ns + 5)
    rig.status("c1", rig.now_ns + 5)

    assert rig.events("web") == "1"
    assert rig.outcomes == {("containerd", "counted"): 1, ("cri", "duplicate"): 2}


def test_an_event_after_the_status_counts_nothing_more_either(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    rig.status("c1", rig.now_ns)
    rig.oom("c1", at=rig.now_ns + 100)

    assert rig.events("web") == "1"


def test_a_status_counts_what_no_event_told(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.hear(EventsMissed("containerd"))
    rig.status("c1", rig.now_ns + 1)

    assert rig.events("web") == "1"
    assert rig.told[0].source == "cri"


def test_a_status_without_oom_counts_nothing(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    rig.status("c1", rig.now_ns, oom_killed=False)

    assert (rig.events("web"), rig.told, rig.outcomes) == ("0", [], {})


def test_several_events_of_one_life_count_each(rig: LedgerRig) -> None:
    """As cgroup v1 has them."""
    rig.start(sandbox("sb1", "web:c1"))
    for n in (1, 2, 3, 3):
        rig.oom("c1", at=rig.now_ns + n)

    assert rig.events("web") == "3"


def test_restarts_add_up_under_the_name(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    rig.oom("c1")
    rig.ledger.updated(sandbox("sb1", "web:c2"))
    rig.oom("c2")
    rig.ledger.updated(sandbox("sb1", "web:c3"))

    assert rig.events("web") == "2"


def test_a_restart_under_the_same_id_is_another_life(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    now = rig.now_ns
    for start in (now, now + 100 * NS):
        rig.started("c1", start)
        rig.oom("c1", at=start + 9 * NS)
        rig.exited("c1", start + 10 * NS)
        rig.status("c1", start + 10 * NS)

    assert rig.events("web") == "2"


def test_a_life_whose_start_was_missed_is_another_one_all_the_same(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    rig.status("c1", rig.now_ns)
    rig.status("c1", rig.now_ns + 60 * NS)

    assert rig.events("web") == "2"


def test_an_event_before_discovery_waits_for_its_sandbox(rig: LedgerRig) -> None:
    rig.oom("c1")
    rig.clock.advance(WAITING_SECONDS - 1)
    rig.start(sandbox("sb1", "web:c1"))

    assert rig.events("web") == "1"


@pytest.mark.parametrize("when", ["before discovery", "alive", "after death"])
def test_a_source_that_is_not_wanted_counts_at_no_time(rig: LedgerRig, when: str) -> None:
    rig.unwanted.add("containerd")
    if when == "before discovery":
        rig.oom("c1")
    seen = rig.start(sandbox("sb1", "web:c1"))
    if when == "alive":
        rig.oom("c1")
    rig.status("c1", rig.now_ns, oom_killed=False)
    if when == "after death":
        rig.ledger.stopped(seen)
        rig.oom("c1")

    assert rig.events("web") in {"0", None}
    assert (rig.told, rig.outcomes) == ([], {})


def test_an_event_of_another_pod_is_given_up_after_a_while(rig: LedgerRig) -> None:
    rig.oom("elsewhere")
    rig.clock.advance(WAITING_SECONDS)
    rig.start(sandbox("sb1", "web:elsewhere"))

    assert rig.events("web") == "0"
    assert rig.outcomes == {("containerd", "unknown"): 1}


def test_an_event_after_the_death_counts_while_the_sandbox_is_kept(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.stopped(seen)
    assert rig.series() == {}

    rig.oom("c1")

    assert rig.events("web") == "1"


def test_what_was_counted_is_kept_after_death_and_then_goes(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit(kills=4))
    rig.oom("c1")
    rig.ledger.stopped(seen)
    rig.clock.advance(RETENTION_SECONDS - 1)

    assert (rig.events("web"), rig.guest_kills()) == ("1", "4")
    assert not any("oom_source" in series for series in rig.series())
    rig.clock.advance(1)
    assert rig.series() == {}
    assert len(rig.ledger._owners) == 0


def test_a_sandbox_that_comes_back_goes_on_where_it_was(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.read(seen, at_limit(kills=4))
    rig.oom("c1")
    rig.ledger.stopped(seen)
    again = rig.start(sandbox("sb1", "web:c2", generation=2))

    # Its guest is another one, which counts from 0.
    assert (rig.events("web"), rig.guest_kills()) == ("1", None)
    rig.ledger.read(again, at_limit(kills=0))
    rig.oom("c2")
    assert (rig.events("web"), rig.guest_kills()) == ("2", "0")


def test_a_reading_of_a_generation_that_has_ended_is_passed_over(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.stopped(seen)
    rig.start(sandbox("sb1", "web:c1", generation=2))

    rig.ledger.read(seen, at_limit(kills=9))

    assert rig.guest_kills() is None


def test_the_count_moves_with_the_sandbox_from_nameless_to_named(rig: LedgerRig) -> None:
    nameless = rig.start(sandbox("sb1", "web:c1", pod=Pod()))
    rig.ledger.read(nameless, at_limit(kills=2))
    rig.oom("c1")
    rig.ledger.updated(sandbox("sb1", "web:c1"))
    rig.oom("c1", at=rig.now_ns + 1)

    assert rig.page().count("kata_container_oom_events_total{") == 1
    assert 'pod="web-0",container="web"} 2' in rig.page()
    assert rig.guest_kills() == "2"


def test_two_containers_at_once_are_told_apart(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1", "log:c2"))
    rig.oom("c1")
    rig.oom("c2")
    rig.oom("c2", at=rig.now_ns + 1)

    assert (rig.events("web"), rig.events("log")) == ("1", "2")


def test_an_agent_can_name_none_but_its_own_containers(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"), "agent")
    rig.start(sandbox("evil", "x:c9", pod=Pod("shop", "evil")), "agent")

    rig.agent_oom("evil", "c1")
    rig.agent_oom("evil", "made-up")
    rig.agent_oom("evil", "c9")

    assert 'pod="web-0",container="web"} 0' in rig.page()
    assert 'pod="evil",container="x"} 1' in rig.page()
    assert rig.outcomes == {("agent", "rejected"): 2, ("agent", "counted"): 1}


def test_an_event_that_names_a_sandbox_only_is_told_and_counts_for_no_container(
    rig: LedgerRig,
) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    for sandbox_id in ("sb1", "nobody"):
        rig.ledger.hear(OomSeen("containerd", "", sandbox_id, rig.now_ns))

    assert rig.events("web") == "0"
    assert [told.kind for told in rig.told] == [OomKind.UNATTRIBUTED]
    assert rig.outcomes == {("containerd", "unattributed"): 1, ("containerd", "unknown"): 1}


def test_a_status_from_before_our_start_only_sets_the_start_value(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    rig.status("c1", rig.now_ns - 3600 * NS)

    assert rig.events("web") == "1"
    assert rig.told == []
    assert rig.outcomes == {("cri", "before_start"): 1}


def test_crios_file_says_that_there_was_one_in_a_life(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"), "crio")
    rig.oom("c1", source="crio")
    rig.oom("c1", source="crio", at=rig.now_ns + 50)
    rig.status("c1", rig.now_ns + 60)

    assert rig.events("web") == "1"


def test_a_vmm_that_the_host_killed_is_a_case_of_its_own(rig: LedgerRig) -> None:
    rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.vmm_killed(VmmOomKilled("host", "sb1", rig.now_ns))
    rig.ledger.vmm_killed(VmmOomKilled("host", "nobody", rig.now_ns))

    assert rig.series()["kata_sandbox_vmm_oom_kills_total"] == "1"
    assert rig.events("web") == "0"
    assert [told.kind for told in rig.told] == [OomKind.VMM]
    assert rig.outcomes == {("host", "counted"): 1, ("host", "unknown"): 1}


def test_a_vmm_killed_is_counted_after_its_sandbox_has_gone(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1"))
    rig.ledger.stopped(rig.start(sandbox("sb2", "web:c2")))
    rig.ledger.stopped(seen)
    rig.ledger.vmm_killed(VmmOomKilled("host", "sb1", rig.now_ns))

    assert 'sandbox_vmm_oom_kills_total{sandbox_id="sb1"' in rig.page()
    assert [(told.kind, told.sandbox_id) for told in rig.told] == [(OomKind.VMM, "sb1")]
    rig.clock.advance(RETENTION_SECONDS)
    rig.ledger.vmm_killed(VmmOomKilled("host", "sb1", rig.now_ns))
    assert rig.outcomes == {("host", "counted"): 1, ("host", "unknown"): 1}


def test_a_vmm_killed_that_is_told_twice_counts_once(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", "web:c1", pod=Pod()))
    killed = VmmOomKilled("host", "sb1", rig.now_ns)
    rig.ledger.vmm_killed(killed)
    rig.ledger.vmm_killed(killed)
    rig.ledger.updated(sandbox("sb1", "web:c1"))
    rig.ledger.stopped(seen)
    rig.ledger.vmm_killed(killed)
    rig.ledger.vmm_killed(VmmOomKilled("host", "sb1", rig.now_ns + 1))

    assert rig.series()["kata_sandbox_vmm_oom_kills_total"] == "2"
    assert rig.outcomes == {("host", "counted"): 2, ("host", "duplicate"): 2}
    assert len(rig.told) == 2


@pytest.mark.real
def test_promtool_finds_nothing_to_say(rig: LedgerRig) -> None:
    seen = rig.start(sandbox("sb1", 'we"b:c1', "log:c2"))
    rig.ledger.read(seen, at_limit("c1", kills=0))
    rig.ledger.read(seen, at_limit("c1", kills=1))
    rig.clock.advance(6)
    rig.ledger.read(seen, at_limit("c1", kills=1))
    rig.oom("c2")
    rig.ledger.vmm_killed(VmmOomKilled("host", "sb1", rig.now_ns))

    page = rig.page()
    assert page.count("# TYPE") == 6
    assert check_metrics(page.encode()) == ""
