"""A reload that somebody asks for: when it is done, and what is told of it."""

import asyncio

import pytest

from fake_clock import settle
from kata_exporter.config.reload import LOOK_SECONDS, MAX_LOOKS, RELOADED
from kata_exporter.errors import ConfigError
from reload_stage import BAD, BETTER, Stage
from waiting import soon


async def test_who_asks_has_it_loaded_at_once_and_is_told(stage: Stage) -> None:
    stage.path.write_text(BETTER)

    assert await stage.reloader.reload() == RELOADED

    assert (stage.levels, stage.results) == (["error"], [True])
    await stage.look(3)
    assert stage.loader.loads == 1


async def test_who_asks_is_told_what_is_wrong(stage: Stage) -> None:
    stage.path.write_text(BAD)

    with pytest.raises(ConfigError, match=r"c\.yaml:1: typo: unknown key"):
        await stage.reloader.reload()

    assert (stage.applied, stage.results) == ([], [False])


async def test_a_request_waits_until_a_volume_has_been_turned_over(stage: Stage) -> None:
    """What is half of one version and half of the next is what no one wrote."""
    stage.loader.look_gate.clear()
    asked = asyncio.create_task(stage.reloader.reload())
    await soon(lambda: stage.loader.looks == 1)
    stage.path.write_text(BETTER)
    stage.loader.open()

    await asked

    assert stage.levels == ["error"]


async def test_a_request_is_answered_though_the_files_never_stay_as_they_are(stage: Stage) -> None:
    stage.loader.on_look = lambda number: stage.path.write_text(BETTER + "#" * number)

    assert await stage.reloader.reload() == RELOADED

    assert (stage.loader.looks, stage.levels) == (MAX_LOOKS, ["error"])


async def test_a_request_is_taken_without_waiting_for_it(stage: Stage) -> None:
    stage.path.write_text(BETTER)

    stage.reloader.request()

    await soon(lambda: stage.levels == ["error"])


async def test_all_who_ask_during_a_load_share_the_next_one(stage: Stage) -> None:
    stage.loader.load_gate.clear()
    first = asyncio.create_task(stage.reloader.reload())
    await soon(lambda: stage.loader.loads == 1)
    stage.path.write_text(BETTER)

    others = [asyncio.create_task(stage.reloader.reload()) for _ in range(5)]
    stage.reloader.request()
    await settle()
    stage.loader.open()
    await asyncio.gather(first, *others)

    # The first had looked before the change.
    assert stage.levels == ["warn", "error"]
    assert stage.loader.loads == 2


async def test_looks_are_never_taken_at_the_same_time(stage: Stage) -> None:
    stage.loader.look_gate.clear()
    asked = asyncio.create_task(stage.reloader.reload())
    await soon(lambda: stage.loader.looks == 1)
    stage.clock.advance(LOOK_SECONDS)
    await settle()
    stage.loader.open()
    await asked
    await soon(lambda: stage.loader.looks == 3)

    assert stage.loader.most == 1


async def test_who_goes_away_while_waiting_takes_it_from_nobody(stage: Stage) -> None:
    stage.loader.look_gate.clear()
    stage.path.write_text(BETTER)
    gone, waiting = (asyncio.create_task(stage.reloader.reload()) for _ in range(2))
    await soon(lambda: stage.loader.looks == 1)

    gone.cancel()
    await asyncio.wait([gone])
    stage.loader.open()

    assert await waiting == RELOADED
    assert stage.levels == ["error"]
