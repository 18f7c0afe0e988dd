"""Faults 55 and 56: a bad file keeps what holds, and good ones never cost a scrape."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from fake_clock import FakeClock
from kata_exporter.errors import Reason
from reload_rig import RELOADS, Reload, ReloadRig, reloading
from rig import states
from strangers import give_away
from waiting import soon

RELOAD_COUNT = 100

Spoil = Callable[[ReloadRig, pytest.MonkeyPatch], str]
"""Makes the file bad; returns what the log must say of it, after the file's name."""


def syntax_error(rig: ReloadRig, _patch: pytest.MonkeyPatch) -> str:
    rig.path.write_text("log: {level: info}\nsandboxes: [{]\n")
    return ":2: not valid YAML"


def half_written(rig: ReloadRig, _patch: pytest.MonkeyPatch) -> str:
    text = rig.text()
    rig.path.write_text(text[: text.index("agent_url") + len("agent_url: '")])
    return ":7: not valid YAML"


def wrong_owner(rig: ReloadRig, patch: pytest.MonkeyPatch) -> str:
    give_away(rig.path, patch)
    return ": belongs to user"


def unknown_key(rig: ReloadRig, _patch: pytest.MonkeyPatch) -> str:
    rig.write(head="colection: {interval: 1s}")
    return ":1: colection: unknown key; did you mean 'collection'?"


def impossible_limit(rig: ReloadRig, _patch: pytest.MonkeyPatch) -> str:
    rig.write(head="collection: {concurrency: 0}")
    return ":1: collection.concurrency: must be a whole number from 1 to 4096"


def deleted(rig: ReloadRig, _patch: pytest.MonkeyPatch) -> str:
    rig.path.unlink()
    return ": can't be read: No such file or directory"


async def by_checksum(rig: ReloadRig) -> None:
    await rig.look()


async def by_sighup(rig: ReloadRig) -> None:
    """What the signal's handler calls; tests/cli sends the signal itself."""
    rig.reloader.request()


async def by_post(rig: ReloadRig) -> None:
    await rig.post()


KINDS = [syntax_error, half_written, wrong_owner, unknown_key, impossible_limit, deleted]
WAYS = [by_checksum, by_sighup, by_post]


@pytest_asyncio.fixture
async def rig(tmp_path: Path, clock: FakeClock, no_task_left: None) -> AsyncIterator[ReloadRig]:
    del no_task_left
    async with reloading(tmp_path, clock, sandboxes=3) as rig:
        yield rig


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        str(record.__dict__["fields"]["error"])
        for record in caplog.records
        if record.message == "configuration not reloaded"
    ]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("spoil", KINDS, ids=lambda kind: kind.__name__)
async def test_fault_55_a_bad_file_keeps_what_holds_and_a_good_one_is_taken_again(
    spoil: Spoil, way: Reload, rig: ReloadRig, caplog: pytest.LogCaptureFixture
) -> None:
    generations = rig.generations()
    loaded_at = rig.value(f"{RELOADS}_success_timestamp_seconds")
    with pytest.MonkeyPatch.context() as patch:
        told = spoil(rig, patch)
        await way(rig)
        await soon(lambda: rig.value(f"{RELOADS}_successful") == 0)

        assert (await rig.request("/-/ready"))[0] == 200
        assert (await rig.request("/metrics"))[0] == 200
        assert rig.generations() == generations
        assert set(states(rig.page()).values()) == {Reason.OK}
        assert rig.value(f"{RELOADS}_success_timestamp_seconds") == loaded_at
        (line,) = errors(caplog)
        assert line.startswith(f"{rig.path}{told}")

    rig.path.unlink(missing_ok=True)
    rig.write("- {id: box-x, agent_url: 'unix:///x'}")
    rig.clock.advance(1.0)
    await way(rig)

    await soon(lambda: rig.value(f"{RELOADS}_successful") == 1)
    assert rig.value(f"{RELOADS}_success_timestamp_seconds") > loaded_at
    assert rig.generations().items() > generations.items()


@pytest.mark.parametrize("spoil", KINDS, ids=lambda kind: kind.__name__)
async def test_fault_55_who_posts_is_told_file_and_line(
    spoil: Spoil, rig: ReloadRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = spoil(rig, monkeypatch)

    status, text = await rig.post()

    assert status == 500
    assert f"{rig.path}{told}" in text


def series(page: str, sandbox_id: str) -> set[str]:
    marker = f'sandbox_id="{sandbox_id}"'
    return {
        line.rpartition(" ")[0]
        for line in page.splitlines()
        if marker in line and "kata_sandbox_state" not in line
    }


async def test_fault_56_a_hundred_reloads_cost_no_scrape_and_no_series_of_an_unchanged_sandbox(
    rig: ReloadRig,
) -> None:
    """Each reload adds or takes a sandbox, and changes collection and log; one is never touched."""
    unchanged = rig.fleet.sandboxes[-1].id
    expected = series(rig.page(), unchanged)
    scraped: list[tuple[int, set[str]]] = []
    url = f"http://{rig.exporter.addresses[0]}/metrics"

    async def scrape() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(url) as answer:
                    scraped.append((answer.status, series(await answer.text(), unchanged)))

    scraper = asyncio.create_task(scrape())
    for number in range(RELOAD_COUNT):
        interval, skip = 5 + number % 20, number % 3
        head = f"collection: {{interval: {interval}s, max_age: 1h, concurrency: {1 + number % 9}}}"
        rig.write(f"- {{id: box-{number:03}, agent_url: 'unix:///x'}}", skip=skip, head=head)
        assert await rig.post() == (200, "configuration reloaded\n")
        # So that no scrape is answered with the page of before.
        rig.clock.advance(1.0)
        seen = len(scraped)
        await soon(lambda seen=seen: len(scraped) > seen + 1 or scraper.done())  # type: ignore[misc]
    scraper.cancel()
    await asyncio.wait([scraper])

    assert scraper.cancelled()
    assert len(scraped) > RELOAD_COUNT
    assert {status for status, _ in scraped} == {200}
    assert [expected - found for _, found in scraped if expected - found] == []
    assert rig.generations()[unchanged] == 3
