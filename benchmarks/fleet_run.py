"""All stages on one fleet: its processes are started, each subject is visited, the floors once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from benchmarks import scraping, stages
from benchmarks.control import Helper, helper
from benchmarks.costs import peak_bytes
from benchmarks.figures import Results, Setting, Unit, Visit, Who
from benchmarks.fleet import CannedFleet
from benchmarks.plan import Plan, Subject
from benchmarks.serving import Serving, serving


class FleetRun:
    """A run on one fleet.

    A fleet with hung agents is measured for what they change: not for a first round, which lasts
    until their deadlines, nor for floors, which are those of the whole fleet.

    Args:
        plan: what is measured.
        setting: on which fleet.
        folder: an empty folder for sockets, configuration, log and page.
        results: takes the figures.
        tell: is told what begins.
    """

    def __init__(
        self,
        plan: Plan,
        setting: Setting,
        folder: Path,
        results: Results,
        tell: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._setting = setting
        self._extent = stages.Extent(plan.rounds, plan.window_seconds)
        self._fleet = CannedFleet(folder, setting.sandboxes, setting.hung, plan.interval_seconds)
        self._config = folder / "config.yaml"
        self._log = folder / "log"
        self._page = folder / "page"
        self._results = results
        self._tell = tell

    async def run(self) -> None:
        """Measure.

        Raises:
            HelperError: a process failed, or didn't answer in time.
        """
        self._fleet.write_config(self._config)
        async with helper("benchmarks.agents") as agents, helper("benchmarks.load") as load:
            await agents.ask("start", within=stages.ASK_SECONDS, **self._fleet.place())
            if not self._setting.hung:
                await self._first_rounds()
            await self._on_schedule(agents, load)
            if not self._setting.hung:
                await self._floor_page(load)
            for subject in self._plan.visits:
                visit = self._visit("event loop", subject.who)
                await stages.lags(visit, subject.tree, self._config, load, self._extent)
                self._results.take(visit)

    async def _first_rounds(self) -> None:
        for subject in self._plan.visits:
            visit = self._visit("first rounds", subject.who)
            await stages.first_rounds(visit, subject.tree, self._config, self._extent)
            self._results.take(visit)
        visit = self._visit("bare calls", Who.FLOOR)
        await stages.bare_calls(visit, self._fleet, self._extent)
        self._results.take(visit)

    async def _on_schedule(self, agents: Helper, load: Helper) -> None:
        kinds = scraping.ONE if self._setting.hung else scraping.ONE + scraping.TEN
        for subject in self._plan.visits:
            visit = self._visit("rounds and scrapes", subject.who)
            async with serving(subject.tree, self._config, self._log) as exporter:
                visit.add("start: peak memory", peak_bytes(exporter.pid), Unit.BYTES)
                async with asyncio.TaskGroup() as both:
                    both.create_task(asyncio.sleep(self._plan.interval_seconds))
                    both.create_task(
                        scraping.measure_exporter(visit, exporter, load, kinds, self._plan.rounds)
                    )
                await self._save_page(visit, subject, exporter, load)
                await stages.rounds(visit, exporter, agents, self._fleet, self._extent)
            self._results.take(visit)

    async def _save_page(
        self, visit: Visit, subject: Subject, exporter: Serving, load: Helper
    ) -> None:
        """Keep the exporter's page for the floor; note the size of anyone's."""
        file = self._page if subject.who is Who.EXPORTER else self._page.with_suffix(".base")
        saved = await load.ask(
            "save",
            within=scraping.SCRAPE_SECONDS,
            port=exporter.port,
            path=scraping.METRICS,
            file=str(file),
        )
        visit.add("page", saved["bytes"], Unit.BYTES)

    async def _floor_page(self, load: Helper) -> None:
        visit = self._visit("constant page", Who.FLOOR)
        async with helper("benchmarks.floor_page") as floor:
            answer = await floor.ask("start", within=stages.ASK_SECONDS, body=str(self._page))
            page = Serving(floor.pid, answer["port"])
            await scraping.measure_floor(visit, page, load, self._plan.rounds)
        self._results.take(visit)

    def _visit(self, stage: str, who: Who) -> Visit:
        self._tell(f"{self._setting}: {stage}, {who}")
        return Visit(self._setting, who)
