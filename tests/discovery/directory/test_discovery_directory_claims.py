"""One agent URL that several shims announce."""

from pathlib import Path

import pytest

from fake_clock import FakeClock, settle
from kata_exporter.discovery.directory.claims import Claims, Shim
from shim_directory import FakeShims, make_shim, noticed, remove_shim, watching

URL = "vsock://7:1024"
A, B = (Shim("/run/kata", sandbox_id, "1") for sandbox_id in ("box-a", "box-b"))
A_OF_GO = Shim("/run/vc/sbs", "box-a", "1")


@pytest.fixture
def kata(tmp_path: Path) -> Path:
    directory = tmp_path / "kata"
    directory.mkdir()
    return directory


def test_a_second_claim_names_the_first_as_its_rival_once() -> None:
    claims = Claims()

    assert claims.make(A, URL) == frozenset()
    assert claims.make(B, URL) == {A}
    assert claims.make(B, URL) == frozenset(), "no news"
    assert claims.contested() == {A, B}


def test_both_runtimes_shims_of_one_sandbox_are_no_rivals() -> None:
    claims = Claims()
    claims.make(A, URL)

    assert claims.make(A_OF_GO, URL) == frozenset()
    assert claims.contested() == frozenset()
    assert claims.make(B, URL) == {A, A_OF_GO}


def test_a_claim_that_is_withdrawn_or_moved_is_none() -> None:
    claims = Claims()
    claims.make(A, URL)
    claims.make(B, URL)

    claims.withdraw(A)
    assert claims.contested() == frozenset()
    claims.make(B, "vsock://8:1024")

    assert claims.make(A, URL) == frozenset()
    claims.withdraw(A)
    claims.withdraw(A)


async def test_two_living_shims_that_claim_one_agent_are_both_refused(
    kata: Path, clock: FakeClock
) -> None:
    shims = FakeShims()
    shims.urls = {"box-a": URL, "box-b": URL}
    make_shim(kata, "box-a")
    async with watching(clock, kata, shims=shims) as rig:
        await settle()
        assert rig.urls == {"box-a": URL}

        make_shim(kata, "box-b")
        await clock.run_for(0.2)

        assert rig.urls == {"box-a": "", "box-b": ""}
        assert rig.reasons == {"box-a": "rejected", "box-b": "rejected"}
        assert shims.asked == ["box-a", "box-b", "box-a"], "the older one is asked again, once"


async def test_they_are_asked_again_every_minute_until_one_says_otherwise(
    kata: Path, clock: FakeClock
) -> None:
    shims = FakeShims()
    shims.urls = {"box-a": URL, "box-b": URL}
    make_shim(kata, "box-a")
    make_shim(kata, "box-b")
    async with watching(clock, kata, shims=shims) as rig:
        await clock.run_for(59)
        asked = len(shims.asked)
        shims.urls["box-b"] = "vsock://8:1024"

        await clock.run_for(2)

        assert rig.urls == {"box-a": URL, "box-b": "vsock://8:1024"}
        assert len(shims.asked) == asked + 2
        await clock.run_for(120, step=0.5)
        assert len(shims.asked) == asked + 2, "what is settled is left alone"


async def test_a_dead_shims_claim_is_withdrawn_and_the_living_one_gets_the_agent(
    kata: Path, clock: FakeClock
) -> None:
    shims = FakeShims()
    shims.urls = {"box-a": URL, "box-b": URL}
    make_shim(kata, "box-a")
    async with watching(clock, kata, shims=shims) as rig:
        await settle()
        # Killed: its folder and its socket stay, and its VM's CID is given to the next.
        shims.fail("box-a")

        make_shim(kata, "box-b")
        await clock.run_for(0.2)

        assert rig.urls == {"box-a": "", "box-b": URL}
        assert rig.reasons == {"box-a": "connect_failed"}


async def test_a_claim_that_is_made_again_is_news(kata: Path, clock: FakeClock) -> None:
    shims = FakeShims()
    shims.urls = {"box-a": URL, "box-b": URL}
    make_shim(kata, "box-a")
    async with watching(clock, kata, shims=shims) as rig:
        await settle()
        shims.fail("box-a")
        make_shim(kata, "box-b")
        await clock.run_for(0.2)
        asked = shims.asked.count("box-b")

        shims.failing.clear()
        await clock.run_for(1)

        assert rig.reasons == {"box-a": "rejected", "box-b": "rejected"}
        assert shims.asked.count("box-b") == asked + 1


async def test_a_sandbox_that_goes_leaves_its_claim(kata: Path, clock: FakeClock) -> None:
    shims = FakeShims()
    shims.urls = {"box-a": URL, "box-b": URL}
    make_shim(kata, "box-a")
    make_shim(kata, "box-b")
    async with watching(clock, kata, shims=shims) as rig:
        await clock.run_for(0.2)
        assert set(rig.reasons) == {"box-a", "box-b"}

        (kata / "box-a").rename(kata / ".gone")
        await clock.run_for(0.2)

        assert rig.urls == {"box-b": URL}


async def test_a_shim_that_has_gone_is_no_rival_and_never_asked_again(
    kata: Path, clock: FakeClock
) -> None:
    shims = FakeShims()
    shims.urls = {"box-a": URL, "box-b": URL}
    make_shim(kata, "box-a")
    async with watching(clock, kata, shims=shims) as rig:
        await settle()
        remove_shim(kata, "box-a")
        await noticed(clock)

        make_shim(kata, "box-b")
        await clock.run_for(70, step=0.5)

        assert rig.ids == ["box-b"]
        assert shims.asked == ["box-a", "box-b"]


async def test_a_claim_across_the_two_directories_is_one_too(
    tmp_path: Path, kata: Path, clock: FakeClock
) -> None:
    shims = FakeShims()
    shims.urls = {"box-a": URL, "box-b": URL}
    make_shim(kata, "box-a")
    make_shim(tmp_path / "sbs", "box-b")
    async with watching(clock, tmp_path / "sbs", kata, shims=shims) as rig:
        await settle()

        assert rig.urls == {"box-a": "", "box-b": ""}
