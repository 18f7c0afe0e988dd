"""The exporter as a whole, on a simulated fleet over real sockets."""

import asyncio
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.internal import api_implementation

from kata_exporter.agent import OBSERVED_METHODS
from kata_exporter.app import Exporter
from kata_exporter.config.settings import (
    ListenAddress,
    StaticSandbox,
    WebSettings,
)
from kata_exporter.errors import ConfigError
from kata_exporter.simulator import Fleet
from kata_exporter.simulator.faults.answers import metrics_text
from kata_exporter.simulator.faults.texts import adding
from kata_exporter.sockets import bind_unix
from promtool import check_metrics
from rig import ALONE, running, samples, settings_for
from waiting import soon

INTERVAL_SECONDS = 1.0


async def test_every_sandbox_and_container_of_a_fleet_is_on_the_page(tmp_path: Path) -> None:
    async with running(tmp_path, sandboxes=20) as rig:
        await soon(rig.exporter.ready)

        page = await rig.scrape()

    fleet = rig.fleet.sandboxes
    containers = sum(len(s.containers) for s in fleet)
    assert len(samples(page, "kata_sandbox_up")) == 20
    assert all(line.endswith(" 1") for line in samples(page, "kata_sandbox_up"))
    assert len(samples(page, "kata_guest_load1")) == 20
    assert len(samples(page, "kata_container_memory_usage_bytes")) == containers
    assert len(samples(page, "kata_container_info")) == containers
    assert len(samples(page, "kata_exporter_build_info")) == 1
    assert samples(page, "process_cpu_seconds_total")


@pytest.mark.real
async def test_the_page_passes_promtool(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await soon(rig.exporter.ready)

        assert check_metrics((await rig.scrape()).encode()) == ""


async def test_values_move_from_round_to_round(tmp_path: Path) -> None:
    async with running(tmp_path, sandboxes=1) as rig:
        await soon(rig.exporter.ready)
        first = samples(rig.page(), "kata_container_cpu_usage_seconds_total")

        await soon(lambda: samples(rig.page(), "kata_container_cpu_usage_seconds_total") != first)


async def test_no_method_off_the_observers_list_is_ever_on_the_wire(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await soon(rig.exporter.ready)
        seen = len(rig.wire)
        await soon(lambda: len(rig.wire) > 3 * seen)

    methods = {f"{request.service}/{request.method}" for request in rig.wire}
    assert methods <= OBSERVED_METHODS
    assert {"grpc.AgentService/GetMetrics", "grpc.AgentService/StatsContainer"} <= methods


async def test_the_version_is_asked_once_per_generation(tmp_path: Path) -> None:
    async with running(tmp_path, sandboxes=2) as rig:
        await soon(lambda: sum(r.method == "GetMetrics" for r in rig.wire) >= 6)

    assert sum(r.method == "Version" for r in rig.wire) == 2


async def test_every_request_tells_the_agent_when_to_give_up(tmp_path: Path) -> None:
    async with running(tmp_path, sandboxes=1) as rig:
        await soon(rig.exporter.ready)

    assert all(0 < r.timeout_ns < INTERVAL_SECONDS * 1e9 for r in rig.wire)


async def test_without_an_endpoint_no_request_carries_a_trace(tmp_path: Path) -> None:
    async with running(tmp_path, sandboxes=1) as rig:
        await soon(rig.exporter.ready)

    assert {r.metadata for r in rig.wire} == {()}


async def test_with_an_otlp_endpoint_each_request_carries_its_own_traceparent(
    tmp_path: Path,
) -> None:
    # Nobody listens there: what isn't sent must not matter.
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    async with running(tmp_path, sandboxes=2, environ=environ) as rig:
        await soon(rig.exporter.ready)

    parents = [dict(request.metadata)["traceparent"] for request in rig.wire]
    assert len(parents) == len(rig.wire) == len(set(parents))
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", parent) for parent in parents)


async def test_a_hung_guest_delays_no_scrape_and_no_other_sandbox(tmp_path: Path) -> None:
    async with running(tmp_path, sandboxes=20) as rig:
        await soon(rig.exporter.ready)
        hung = rig.fleet.sandboxes[7]
        await hung.suffer("no-answer")
        await soon(lambda: rig.states()[hung.id] == "timeout")

        start = time.monotonic()
        page = await rig.scrape()
        took = time.monotonic() - start

        assert took < INTERVAL_SECONDS / 2
        up = rig.up()
        assert up.pop(hung.id) == "0"
        assert set(up.values()) == {"1"}
        stamps = [
            float(line.rpartition(" ")[2])
            for line in samples(page, "kata_sandbox_last_collection_timestamp_seconds")
            if f'"{hung.id}"' not in line
        ]
        assert min(stamps) > time.time() - 3 * INTERVAL_SECONDS

        await hung.suffer(None)
        await soon(lambda: rig.up()[hung.id] == "1")


async def test_a_silent_guests_measurements_are_withheld_when_too_old(tmp_path: Path) -> None:
    async with running(tmp_path, sandboxes=2, max_age_seconds=1.5) as rig:
        await soon(rig.exporter.ready)
        silent = rig.fleet.sandboxes[0]
        await silent.suffer("no-answer")

        await soon(lambda: len(samples(rig.page(), "kata_guest_load1")) == 1)

        page = rig.page()
        for name in (
            "kata_sandbox_up",
            "kata_sandbox_state",
            "kata_sandbox_info",
            "kata_agent_info",
        ):
            assert len(samples(page, name)) == 2, name


async def test_an_agents_long_error_is_one_short_line_of_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, sandboxes=2) as rig:
        faulty = rig.fleet.sandboxes[0]
        await faulty.suffer("status-internal")
        await soon(lambda: rig.states()[faulty.id] == "agent_error")
        rounds = len(rig.wire)
        await soon(lambda: len(rig.wire) > rounds + 4)

        assert rig.up()[faulty.id] == "0"
        assert rig.up()[rig.fleet.sandboxes[1].id] == "1"

    lines = [r for r in caplog.records if r.message.startswith("sandbox")]
    assert len(lines) == 1
    error = str(lines[0].__dict__["fields"]["error"])
    assert error.isascii()
    assert error.isprintable()
    assert len(error) < 400


async def test_forged_identity_never_reaches_the_page(tmp_path: Path) -> None:
    async with running(tmp_path, sandboxes=2) as rig:
        forger, victim = rig.fleet.sandboxes
        forged = adding(
            f'kata_guest_load{{item="load1",sandbox_id="{victim.id}"}} 666999666',
            f'kata_sandbox_up{{sandbox_id="{victim.id}"}} 666999666',
        )
        await forger.suffer(metrics_text(forged))
        await soon(
            lambda: 'kata_exporter_rejected_total{reason="unknown_label"} 0.0' not in rig.page()
        )
        await soon(
            lambda: 'kata_exporter_rejected_total{reason="unknown_family"} 0.0' not in rig.page()
        )

        page = rig.page()
        assert "666999666" not in page
        await soon(lambda: rig.up() == {forger.id: "1", victim.id: "1"})


@pytest.mark.parametrize(
    ("agent_url", "reason"),
    [
        ("tcp://127.0.0.1:1024", "rejected"),
        ("vsock://3", "rejected"),
        ("hvsock:///run/x.sock", "rejected"),
        ("unix://{dir}/none.sock", "connect_failed"),
        ("unix://{dir}/file", "connect_failed"),
        ("unix://{dir}/dead.sock", "connect_failed"),
        ("hvsock://{dir}/dead.sock:1024", "connect_failed"),
    ],
)
async def test_a_url_that_leads_nowhere_is_down_with_its_reason_and_alone(
    tmp_path: Path, agent_url: str, reason: str
) -> None:
    (tmp_path / "file").write_text("no socket")
    bind_unix(str(tmp_path / "dead.sock")).close()
    bad = StaticSandbox("bad-one", agent_url.format(dir=tmp_path))

    async with running(tmp_path / "fleet", bad, sandboxes=2) as rig:
        await soon(rig.exporter.ready)

        states = rig.states()
        assert states.pop("bad-one") == reason
        assert rig.up()["bad-one"] == "0"
        assert set(states.values()) == {"ok"}


async def test_stopping_in_mid_collection_leaves_nothing(tmp_path: Path) -> None:
    """Every agent hangs: each round is under way when the stop comes. The checks are in conftest."""
    async with running(tmp_path, sandboxes=8) as rig:
        for sandbox in rig.fleet.sandboxes:
            await sandbox.suffer("no-answer")
        seen = len(rig.wire)
        await soon(lambda: len(rig.wire) >= seen + 8)

        await asyncio.wait_for(rig.exporter.stop(), 2.0)

        assert rig.exporter.addresses == ()


async def test_ready_only_after_the_first_round(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=1, seed=1)
    await fleet.start()
    await fleet.sandboxes[0].suffer("no-answer")
    exporter = Exporter(settings_for(fleet.sandboxes), environ={})
    await exporter.start()

    assert not exporter.ready()
    await soon(exporter.ready)

    await exporter.stop()
    await fleet.stop()


async def test_ready_at_once_without_sandboxes() -> None:
    web = WebSettings((ListenAddress("127.0.0.1", 0),))
    exporter = Exporter(replace(ALONE, web=web), environ={})

    await exporter.start()

    await soon(exporter.ready, within=1.0)
    await exporter.stop()


async def test_one_round_without_a_web_server(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=3, seed=1)
    await fleet.start()
    exporter = Exporter(settings_for(fleet.sandboxes), environ={})

    await exporter.collect_once()

    summary = exporter.summary()
    assert (summary.sandboxes, summary.up, summary.by_reason) == (3, 3, {"ok": 3})
    assert exporter.addresses == ()
    assert summary.series == sum(
        1
        for line in exporter.render().splitlines()
        if line.startswith((b"kata_guest_", b"kata_container_", b"kata_sandbox_", b"kata_agent_"))
    )
    await exporter.stop()
    await fleet.stop()


def test_protobuf_without_its_c_decoder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_implementation, "Type", lambda: "python")

    with pytest.raises(ConfigError, match="hostile guests"):
        Exporter(ALONE, environ={})
