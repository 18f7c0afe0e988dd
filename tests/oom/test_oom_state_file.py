"""The ledger survives a restart of the exporter; a file that isn't one is set aside and told of."""

import json
import logging
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_clock import FakeClock
from kata_exporter.guest.families.vmstat import OOM_KILLS
from kata_exporter.model import Pod, VmmOomKilled
from kata_exporter.oom import Ledger, state_format
from kata_exporter.oom.ledger import MAX_GONE
from kata_exporter.oom.state_file import SET_ASIDE, load, write
from kata_exporter.oom.state_format import MAX_FILE_BYTES, StateError, dump, parse
from oom_rig import NS, LedgerRig, at_limit, sandbox


@pytest.fixture
def rig(clock: FakeClock) -> LedgerRig:
    made = LedgerRig(clock)
    seen = made.start(sandbox("sb1", "web:c1", 'l"og:c2'))
    made.ledger.read(seen, at_limit("c1", kills=0))
    made.oom("c1")
    made.oom("c2")
    made.exited("c1", made.now_ns + 5)
    made.ledger.read(seen, at_limit("c1", kills=9))
    clock.advance(15)
    made.ledger.read(seen, at_limit("c1", kills=9))
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "oom.json"


def _restart(rig: LedgerRig, path: Path) -> Ledger:
    write(path, dump(rig.ledger))
    rig.ledger = rig.new_ledger()
    assert load(path, rig.ledger, OOM_KILLS)
    return rig.ledger


def test_counts_go_on_after_a_restart_and_nothing_counts_twice(rig: LedgerRig, path: Path) -> None:
    ended = rig.now_ns - 15 * NS + 5
    told = len(rig.told)
    _restart(rig, path)
    rig.start(sandbox("sb1", "web:c3", 'l"og:c2', generation=7))
    rig.status("c1", ended)
    rig.oom("c3")

    assert (rig.events("web"), rig.inferred("web")) == ("2", "7")
    assert len(rig.told) == told + 1


def test_an_oom_while_we_were_away_is_in_the_start_value(rig: LedgerRig, path: Path) -> None:
    while_away = rig.now_ns
    rig.clock.advance(10)
    _restart(rig, path)
    rig.start(sandbox("sb1", "web:c9", generation=7))
    rig.status("c9", while_away)

    assert rig.events("web") == "2"
    assert rig.outcomes["cri", "before_start"] == 1


def test_counts_do_not_fall_when_a_sandbox_comes_back_nameless_and_then_gets_its_name(
    rig: LedgerRig, path: Path
) -> None:
    ended = rig.now_ns - 15 * NS + 5
    _restart(rig, path)
    nameless = rig.start(sandbox("sb1", "web:c1", 'l"og:c2', generation=7, pod=Pod()))
    rig.ledger.read(nameless, at_limit(kills=3))
    rig.status("c1", ended)
    rig.oom("c2")
    assert rig.events("web", "web-0") == "1"
    rig.ledger.updated(sandbox("sb1", "web:c1", 'l"og:c2', generation=7))

    assert (rig.events("web"), rig.inferred("web"), rig.guest_kills()) == ("1", "7", "3")
    assert rig.series()['kata_container_oom_events_total{container="l\\"og"}'] == "2"
    assert 'pod=""' not in rig.page()


def test_a_vmm_killed_that_is_told_again_after_a_restart_counts_once(
    rig: LedgerRig, path: Path
) -> None:
    killed = VmmOomKilled("host", "sb1", rig.now_ns)
    rig.ledger.vmm_killed(killed)
    _restart(rig, path)
    rig.ledger.vmm_killed(killed)

    assert rig.series()["kata_sandbox_vmm_oom_kills_total"] == "1"
    assert rig.outcomes["host", "duplicate"] == 1


def test_what_was_saved_nameless_goes_on_under_the_name(rig: LedgerRig, path: Path) -> None:
    rig.start(sandbox("sb2", "web:c9", pod=Pod()))
    rig.oom("c9")
    _restart(rig, path)
    rig.start(sandbox("sb2", "web:c9", pod=Pod("shop", "late")))

    assert rig.events("web", "late") == "1"
    assert 'pod=""' not in rig.page()


def test_sandboxes_that_did_not_come_back_are_kept_for_the_retention(
    rig: LedgerRig, path: Path
) -> None:
    _restart(rig, path)
    rig.clock.advance(899)
    assert rig.events("web") == "1"

    rig.clock.advance(1)
    assert rig.series() == {}


def test_the_guests_own_count_is_not_saved_since_the_guest_may_be_another(
    rig: LedgerRig, path: Path
) -> None:
    _restart(rig, path)

    assert rig.guest_kills() is None


def test_what_is_written_is_read_the_same(rig: LedgerRig, path: Path) -> None:
    before = dump(rig.ledger)
    _restart(rig, path)

    assert dump(rig.ledger) == before


def test_what_is_too_large_leaves_out_those_that_went_first_and_then_the_largest(
    clock: FakeClock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = LedgerRig(clock)
    for n in range(20):
        gone = rig.start(sandbox(f"gone{n}", f"web:g{n}"))
        rig.oom(f"g{n}")
        rig.ledger.stopped(gone)
    rig.start(sandbox("small", "web:s1"))
    rig.start(sandbox("large", *(f"n{n}" for n in range(20))))
    order = [*(f"gone{n}" for n in range(20)), "large", "small"]
    whole = len(dump(rig.ledger))
    numbers = set()
    for most in range(whole, 40, -50):
        monkeypatch.setattr(state_format, "MAX_FILE_BYTES", most)
        write(path, dump(rig.ledger))
        again = rig.new_ledger()

        assert load(path, again, OOM_KILLS)
        assert path.stat().st_size <= most
        found = [key.sandbox_id for key, _ in again.accounts()]
        assert found == order[len(order) - len(found) :]
        numbers.add(len(found))
    assert numbers == set(range(len(order) + 1))


def test_no_more_accounts_are_written_than_are_read(rig: LedgerRig, path: Path) -> None:
    for n in range(MAX_GONE + 1):
        rig.ledger.stopped(rig.start(sandbox(f"gone{n}")))
    for n in range(MAX_GONE):
        rig.start(sandbox(f"living{n}"))
    _restart(rig, path)

    assert len(list(rig.ledger.accounts())) == MAX_GONE


@pytest.mark.parametrize("at", [-62_135_596_800 * NS, 253_402_300_799 * NS, 0])
def test_a_time_that_no_clock_has_does_not_spoil_the_file(
    at: int, rig: LedgerRig, path: Path
) -> None:
    """The year 1 is Go's word for no time; the last year of a protobuf timestamp is 9999."""
    rig.started("c1", at)
    rig.oom("c1", at=at)
    rig.exited("c2", at)
    rig.status("c2", at)
    rig.ledger.vmm_killed(VmmOomKilled("kernel_log", "sb1", at))
    before = rig.series()
    _restart(rig, path)

    assert rig.events("web") == before['kata_container_oom_events_total{container="web"}'] == "2"
    assert rig.series()["kata_sandbox_vmm_oom_kills_total"] == "1"


def test_without_a_file_there_is_nothing_to_say(
    rig: LedgerRig, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not load(path, rig.ledger, OOM_KILLS)
    assert not caplog.records


def test_a_corrupt_file_is_set_aside_and_told_of(
    rig: LedgerRig, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(b"{")
    aside = path.with_name(path.name + SET_ASIDE)
    aside.write_text("an older one")
    with caplog.at_level(logging.WARNING):
        assert not load(path, rig.new_ledger(), OOM_KILLS)

    assert not path.exists()
    assert aside.read_bytes() == b"{"
    assert "is corrupt (no JSON): set aside as" in caplog.text


def test_a_file_that_is_too_large_is_not_read_whole(rig: LedgerRig, path: Path) -> None:
    with path.open("wb") as file:
        os.truncate(file.fileno(), 4 * MAX_FILE_BYTES)

    assert not load(path, rig.new_ledger(), OOM_KILLS)
    assert not path.exists()


@pytest.mark.timeout(10)
@pytest.mark.parametrize("what", ["folder", "fifo", "link", "socket"])
def test_what_is_no_regular_file_is_told_of_and_left_and_never_waited_for(
    what: str, rig: LedgerRig, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    match what:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "link":
            (path.parent / "elsewhere").write_bytes(dump(rig.ledger))
            path.symlink_to("elsewhere")
        case _:
            os.mknod(path, stat.S_IFSOCK | 0o600)
    before = path.lstat()
    with caplog.at_level(logging.WARNING):
        assert not load(path, rig.new_ledger(), OOM_KILLS)

    assert f"{path} can't be read, so OOM counts begin anew: " in caplog.text
    assert path.lstat().st_ino == before.st_ino


@pytest.mark.timeout(10)
def test_a_fifo_in_the_place_of_the_new_file_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path.with_name(f".{path.name}.new"))
    with pytest.raises(OSError, match="No such device"):
        write(path, b"{}")

    assert not path.exists()


def test_a_file_is_written_for_its_owner_alone_and_leaves_nothing_beside_it(
    rig: LedgerRig, path: Path
) -> None:
    write(path, dump(rig.ledger))
    write(path, dump(rig.ledger))

    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_a_write_that_fails_leaves_the_old_file(rig: LedgerRig, path: Path) -> None:
    write(path, b"old")
    trap = path.with_name(f".{path.name}.new")
    trap.symlink_to("/dev/full")

    with pytest.raises(OSError, match="symbolic links"):
        write(path, dump(rig.ledger))

    assert path.read_bytes() == b"old"


def test_the_folder_is_synced_once_the_file_is_in_its_place(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def note(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append(("folder" if is_folder else "file", path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    write(path, b"{}")

    assert synced == [("file", False), ("folder", True)]


def test_a_full_disk_leaves_the_old_file(
    rig: LedgerRig, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, b"old")

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write(path, dump(rig.ledger))

    assert path.read_bytes() == b"old"
    assert len(list(path.parent.iterdir())) == 1


_FIXTURES_STAY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None
)


@_FIXTURES_STAY
@given(cut=st.integers(0, 10_000))
def test_no_truncated_file_is_taken(rig: LedgerRig, cut: int) -> None:
    data = dump(rig.ledger)
    with pytest.raises(StateError):
        parse(data[: cut % len(data)], OOM_KILLS)


@_FIXTURES_STAY
@given(place=st.integers(0, 100_000), bit=st.integers(0, 7))
def test_a_file_with_a_flipped_bit_is_refused_or_sound(
    rig: LedgerRig, place: int, bit: int
) -> None:
    data = bytearray(dump(rig.ledger))
    data[place % len(data)] ^= 1 << bit
    try:
        accounts = parse(bytes(data), OOM_KILLS)
    except StateError:
        return
    for _, account in accounts:
        account.chunks()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@_FIXTURES_STAY
@given(
    wrong=_json, field=st.sampled_from(["sandbox_id", "pod", "names", "containers", "vmm_kills"])
)
def test_a_field_of_anything_else_is_refused_or_sound(
    rig: LedgerRig, wrong: object, field: str
) -> None:
    found = json.loads(dump(rig.ledger))
    found["accounts"][0][field] = wrong
    try:
        accounts = parse(json.dumps(found).encode(), OOM_KILLS)
    except StateError:
        return
    for _, account in accounts:
        account.chunks()
