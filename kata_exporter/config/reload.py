"""Reloading: when the configuration's files have changed, or somebody asks.

What can't be used changes nothing: the settings that hold go on, the log has each new problem once,
and whoever asked is told. Files are read in a thread, one look at a time.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from kata_exporter.clock import Clock
from kata_exporter.config.load import Loaded, Loader
from kata_exporter.config.look import Look
from kata_exporter.config.settings import Settings
from kata_exporter.errors import ConfigError
from kata_exporter.telemetry.logs import fields

LOOK_SECONDS = 2.0
"""How often the files are looked at; a change is taken when two looks in a row saw the same."""

MAX_LOOKS = 5
"""How often they are looked at for a request, until two looks in a row saw the same."""

NOTHING = "nothing to reload: neither --config.file nor --config.sandboxes-directory is given"
NOT_RUNNING = "the exporter is starting or ending, and reloads nothing: ask again once it is ready"
RELOADED = "configuration reloaded"
FAULT = "a fault of the exporter's own: its log has more"

Apply = Callable[[Settings], object]
"""Has settings hold from now on, whole; returns at once."""

OnResult = Callable[[bool], object]
"""Is told of each load, and whether it could be used."""

logger = logging.getLogger(__name__)


class Reloader:
    """Loads again what was loaded at the start.

    Args:
        loader: reads and loads.
        loaded: what it gave at the start.
    """

    def __init__(self, loader: Loader, loaded: Loaded) -> None:
        self._loader = loader
        self._seen = self._tried = loaded.checksum
        self._problems: frozenset[str] = frozenset()
        self._warnings: frozenset[str] = frozenset()
        self._first_warnings = loaded.warnings
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[str] | None = None
        self._tasks: set[asyncio.Task[str]] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._apply: Apply | None = None
        self._on_result: OnResult | None = None

    def watch(self, apply: Apply, *, clock: Clock, on_result: OnResult) -> None:
        """Look at the files from now on, and take requests."""
        self._apply, self._on_result = apply, on_result
        self._warn(self._first_warnings)
        if self._loader.has_files:
            self._watcher = asyncio.get_running_loop().create_task(
                self._watch(clock), name="watch the configuration"
            )

    async def reload(self) -> str:
        """Load now, or after the load under way, together with all who ask meanwhile.

        Returns what was done, as a line.

        Raises:
            ConfigError: what is wrong with the configuration, a line for each problem; or
                it was asked before `watch` or after `aclose`.
        """
        if self._apply is None:
            # What was loaded now would hold nowhere, and count as tried.
            raise ConfigError(NOT_RUNNING)
        if not self._loader.has_files:
            return NOTHING
        # Who goes away while waiting doesn't take it from the others.
        problems = await asyncio.shield(self._requested())
        if problems:
            raise ConfigError(problems)
        return RELOADED

    def request(self) -> None:
        """Have it loaded soon; the log says what came of it. Before `watch` it does nothing."""
        if self._apply is None:
            return
        if self._loader.has_files:
            self._requested()
        else:
            logger.warning(NOTHING)

    async def aclose(self) -> None:
        """End; a file that is being read is read to its end, and nothing comes of it."""
        self._apply = None
        tasks: list[asyncio.Task[str] | asyncio.Task[None]] = [*self._tasks]
        if self._watcher is not None:
            tasks.append(self._watcher)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _requested(self) -> asyncio.Task[str]:
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._load_in_turn(), name="reload")
            self._tasks.add(self._next)
            self._next.add_done_callback(self._tasks.discard)
        return self._next

    async def _load_in_turn(self) -> str:
        async with self._turn:
            # Who asks from now on may have written after this look.
            self._next = None
            return await self._outcome(self._load_now())

    async def _watch(self, clock: Clock) -> None:
        while True:
            await clock.sleep(LOOK_SECONDS)
            async with self._turn:
                await self._outcome(self._load_change())

    async def _load_now(self) -> bool:
        await self._load(*await self._look(_steady_look))
        return True

    async def _load_change(self) -> bool:
        look, checksum = await self._look(_one_look)
        settled, self._seen = checksum == self._seen, checksum
        if not settled or checksum == self._tried:
            return False
        await self._load(look, checksum)
        return True

    async def _look(self, take: Callable[[Loader], Look]) -> tuple[Look, str]:
        try:
            return await asyncio.to_thread(_with_checksum, take, self._loader)
        except Exception:
            # What there was to see was not tried: the next look that succeeds has it loaded.
            self._tried = ""
            raise

    async def _load(self, look: Look, checksum: str) -> None:
        self._tried = checksum
        self._use(await asyncio.to_thread(self._loader.load, look))

    async def _outcome(self, loading: Coroutine[Any, Any, bool]) -> str:
        """Return what went wrong, a line for each problem, or nothing; tell whoever is to know.

        `loading` gives whether anything was loaded.
        """
        problems = ""
        try:
            if not await loading:
                return ""
        except ConfigError as error:
            problems = str(error)
            self._complain(problems.splitlines())
        except Exception as error:  # noqa: BLE001  the watcher goes on, and may do better next time
            problems = FAULT
            self._complain_of_fault(error)
        if self._on_result is not None:
            self._on_result(not problems)
        return problems

    def _use(self, loaded: Loaded) -> None:
        if self._apply is None:
            return
        self._apply(loaded.settings)
        self._problems = frozenset()
        logger.info(
            RELOADED,
            extra=fields(files=len(loaded.files), sandboxes=len(loaded.settings.sandboxes)),
        )
        self._warn(loaded.warnings)

    def _complain(self, problems: list[str]) -> None:
        new = [problem for problem in problems if problem not in self._problems]
        for problem in new:
            logger.error("configuration not reloaded", extra=fields(error=problem))
        if not new:
            logger.warning("configuration still not reloaded", extra=fields(errors=len(problems)))
        self._problems = frozenset(problems)

    def _complain_of_fault(self, error: Exception) -> None:
        fault = f"{type(error).__name__}: {error}"
        if fault not in self._problems:
            logger.error("configuration not reloaded", exc_info=error)
        self._problems = frozenset((fault,))

    def _warn(self, warnings: tuple[str, ...]) -> None:
        for warning in warnings:
            if warning not in self._warnings:
                logger.warning("configuration", extra=fields(warning=warning))
        self._warnings = frozenset(warnings)


def _with_checksum(take: Callable[[Loader], Look], loader: Loader) -> tuple[Look, str]:
    look = take(loader)
    return look, look.checksum()


def _one_look(loader: Loader) -> Look:
    return loader.look()


def _steady_look(loader: Loader) -> Look:
    """Look until two looks in a row saw the same.

    A volume may be turned over while its files are read, one after the other: a sandbox that has
    moved from one to another would seem to have gone, or to be there twice.
    """
    look = loader.look()
    for _ in range(MAX_LOOKS - 1):
        before, look = look, loader.look()
        if look == before:
            break
    return look
