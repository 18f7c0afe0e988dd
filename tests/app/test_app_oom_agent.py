"""OOM events taken from the agent itself, where no shim waits for them; and never where one does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kata_exporter.app import Exporter
from kata_exporter.clock import SystemClock
from kata_exporter.config.settings import (
    CollectionSettings,
    ListenAddress,
    OomSettings,
    StaticSandbox,
    WebSettings,
)
from kata_exporter.model import AS_FOR_ALL, Container, OwnOomRules, Pod
from kata_exporter.simulator import CgroupVersion, SimulatedAgent, SimulatedGuest
from kata_exporter.sockets import bind_unix
from kata_exporter.ttrpc import ServerRequest
from rig import ALONE, samples
from waiting import soon

ID = "sb1"
APP = Container("c1", "app")


class Stage:
    """One guest without a shim, and the exporter that a file tells of it."""

    def __init__(
        self, agent: SimulatedAgent, exporter: Exporter, wire: list[ServerRequest]
    ) -> None:
        self.agent = agent
        self.exporter = exporter
        self.wire = wire

    def lines(self, name: str) -> list[str]:
        return samples(self.exporter.render().decode(), name)

    def events(self) -> str | None:
        found = self.lines("kata_container_oom_events_total")
        return found[0].split()[-1] if found else None

    def waits(self) -> list[ServerRequest]:
        return [request for request in self.wire if request.method == "GetOOMEvent"]


@asynccontextmanager
async def stage(
    folder: Path, *, version: str = "4.1.0", rules: OwnOomRules = AS_FOR_ALL
) -> AsyncIterator[Stage]:
    clock, wire = SystemClock(), list[ServerRequest]()
    guest = SimulatedGuest(
        clock, sandbox_id=ID, container_ids=(APP.id,), cgroup=CgroupVersion.V2, seed=1
    )
    agent = SimulatedAgent(guest, clock, version=version, on_request=wire.append)
    address = folder / "agent.sock"
    await agent.server.serve(bind_unix(str(address)))
    settings = replace(
        ALONE,
        collection=CollectionSettings(interval_seconds=1.0),
        oom=OomSettings(),
        web=WebSettings((ListenAddress("127.0.0.1", 0),)),
        sandboxes=(StaticSandbox(ID, f"unix://{address}", Pod("a", "b"), (APP,), rules),),
    )
    exporter = Exporter(settings, environ={})
    try:
        await exporter.start()
        await soon(lambda: b"kata_guest_oom_kills_total{" in exporter.render())
        yield Stage(agent, exporter, wire)
    finally:
        await exporter.stop()
        await agent.server.aclose()


async def test_a_sandbox_without_a_shim_has_its_events_taken_from_the_agent(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        await soon(lambda: made.events() == "0")
        made.agent.kill_for_memory(APP.id)

        await soon(lambda: made.events() == "1")
        assert 'source="agent"} 1' in "".join(made.lines("kata_sandbox_oom_source"))
        # One wait after the other, and the guest is told how long each lasts.
        await soon(lambda: len(made.waits()) == 2)
        assert all(29e9 < request.timeout_ns <= 30e9 for request in made.waits())


async def test_what_the_agent_answers_to_others_goes_on_meanwhile(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        await soon(lambda: made.events() == "0")
        rounds = sum(request.method == "GetMetrics" for request in made.wire)

        await soon(
            lambda: sum(request.method == "GetMetrics" for request in made.wire) >= rounds + 2
        )
        assert len(made.waits()) == 1


@pytest.mark.parametrize("version", ["3.31.0", "2.5.0"])
async def test_an_agent_that_a_second_waiter_can_stop_is_not_waited_on(
    tmp_path: Path, version: str
) -> None:
    async with stage(tmp_path, version=version) as made:
        made.agent.kill_for_memory(APP.id)
        await soon(lambda: "oom_kills_total{" in "".join(made.lines("kata_guest_oom_kills_total")))
        await soon(lambda: made.lines("kata_guest_oom_kills_total")[0].endswith(" 1"))

        assert made.waits() == []
        assert made.events() is None


async def test_it_is_told_why_the_agent_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage(tmp_path, version="3.31.0", rules=OwnOomRules(("agent", "vmstat"))) as made:
        await soon(lambda: "OOM events of the agent aren't taken" in caplog.text)
        (line,) = [r for r in caplog.records if "aren't taken" in r.message]

        assert "before 3.32.0" in line.fields["why"]  # type: ignore[attr-defined]
        assert made.waits() == []


async def test_an_only_consumer_takes_them_of_an_old_agent_too(tmp_path: Path) -> None:
    rules = OwnOomRules(("agent", "vmstat"), only_consumer=True)
    async with stage(tmp_path, version="3.31.0", rules=rules) as made:
        await soon(lambda: made.events() == "0")
        made.agent.kill_for_memory(APP.id)

        await soon(lambda: made.events() == "1")
