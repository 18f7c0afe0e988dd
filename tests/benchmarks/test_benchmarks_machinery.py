"""The parts that measure: costs of processes, percentiles, machine facts, helpers that fail."""

import asyncio
import json
import os
import platform
import socket
import sys
import time
from pathlib import Path

import pytest

from benchmarks.control import ALONE, HelperError, environment, helper, run
from benchmarks.costs import cpu_seconds, peak_bytes, reset_peak
from benchmarks.fleet import CannedFleet, canned_answers, captured_text
from benchmarks.in_process import LagProbe, percentile
from benchmarks.machine import machine_facts
from kata_exporter._pb import agent_pb2
from kata_exporter.config.load import load_settings


def test_cpu_time_of_a_process_is_the_kernels_own() -> None:
    before = time.process_time()
    ours = cpu_seconds(os.getpid())
    assert before <= ours <= time.process_time()


def test_cpu_time_of_no_process_is_an_error() -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        cpu_seconds(1 << 22)  # above the kernel's largest pid


def test_the_peak_of_memory_is_kept_until_it_is_reset() -> None:
    pid = os.getpid()
    size = 64 << 20
    before = peak_bytes(pid)
    block = bytearray(b"x" * size)
    with_block = peak_bytes(pid)
    assert with_block >= len(block)
    del block
    assert peak_bytes(pid) == with_block >= before
    reset_peak(pid)
    assert peak_bytes(pid) < with_block


@pytest.mark.parametrize(
    ("values", "share", "result"),
    [
        ([], 0.99, 0.0),
        ([5.0], 0.99, 5.0),
        ([float(n) for n in range(100, 0, -1)], 0.99, 99.0),
        ([float(n) for n in range(1, 201)], 0.99, 198.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], share: float, result: float) -> None:
    assert percentile(values, share) == result


async def test_the_probe_sees_a_loop_that_is_held_up() -> None:
    async with LagProbe() as probe:
        asyncio.get_running_loop().call_later(0.02, time.sleep, 0.1)
        while probe.lags()["most"] < 0.05:  # noqa: ASYNC110  the probe tells nobody
            await asyncio.sleep(0)
    assert 0 < probe.lags()["p99"] <= probe.lags()["most"]


def test_machine_facts_name_no_host_and_no_path() -> None:
    facts = machine_facts()
    text = json.dumps(facts)
    assert facts["python"] == platform.python_version()
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text
    assert f'"{socket.gethostname()}"' not in text


def test_what_sets_up_an_exporter_stays_out_of_a_measurement(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KATA_EXPORTER_LOG_LEVEL", "debug")
    monkeypatch.setenv("KATA_EXPORTER_DISCOVERY_DIRECTORY", "/run/kata")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    kept = environment(tmp_path)
    assert kept["PYTHONPATH"] == str(tmp_path)
    assert kept["LANG"] == "C.UTF-8"
    ours = {n: kept[n] for n in kept if n.startswith(("KATA_EXPORTER_", "OTEL_", "PYTHONASYNCIO"))}
    assert ours == ALONE


def test_the_canned_answers_are_those_of_the_real_agent() -> None:
    answers = canned_answers()
    metrics = agent_pb2.Metrics.FromString(answers["GetMetrics"]).metrics
    samples = [line for line in metrics.splitlines() if line and not line.startswith("#")]
    assert metrics == captured_text()
    assert len(samples) == 511
    stats = agent_pb2.StatsContainerResponse.FromString(answers["StatsContainer"])
    assert stats.cgroup_stats.cpu_stats.cpu_usage.total_usage > 0


def test_the_exporter_takes_the_configuration_of_a_fleet(tmp_path: Path) -> None:
    fleet = CannedFleet(tmp_path, 3, 1, 7)
    config = tmp_path / "config.yaml"
    fleet.write_config(config)
    settings = load_settings(config_file=config, environ={}, flags={})
    assert settings.collection.interval_seconds == 7
    assert [entry.agent_url for entry in settings.sandboxes] == [
        f"unix://{tmp_path}/{number}.sock" for number in range(3)
    ]
    assert len({entry.containers[0].id for entry in settings.sandboxes}) == 3
    assert fleet.answering == 2


async def test_a_helper_that_ends_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "ends_at_once.py").write_text("")
    async with helper("ends_at_once", tree=tmp_path) as ended:
        with pytest.raises(HelperError, match="ends_at_once ended while it was asked to start"):
            await ended.ask("start", within=30.0)


async def test_a_helper_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "silent.py").write_text("import sys\nsys.stdin.read()\n")
    async with helper("silent", tree=tmp_path) as silent:
        with pytest.raises(HelperError, match=r"silent: no answer to start in 0\.05 s"):
            await silent.ask("start", within=0.05)


async def test_a_helper_imports_the_exporter_of_its_tree(tmp_path: Path) -> None:
    (tmp_path / "kata_exporter").mkdir()
    (tmp_path / "kata_exporter" / "__init__.py").write_text("")
    (tmp_path / "where.py").write_text(
        "import json, kata_exporter\ninput()\nprint(json.dumps({'file': kata_exporter.__file__}))\n"
    )
    async with helper("where", tree=tmp_path) as where:
        answer = await where.ask("say", within=30.0)
    assert answer == {"file": str(tmp_path / "kata_exporter" / "__init__.py")}


async def test_a_program_that_fails_is_told_with_its_words() -> None:
    complain = "import sys; sys.exit('no such thing')"
    with pytest.raises(HelperError, match="failed: no such thing"):
        await run([sys.executable, "-c", complain], within=30.0)


async def test_a_program_that_is_not_there_is_told_by_name() -> None:
    with pytest.raises(HelperError, match="no-such-program can't be run: No such file"):
        await run(["no-such-program"], within=30.0)


async def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(HelperError, match=r"took longer than 0\.05 s"):
        await run([sys.executable, "-c", "import signal; signal.pause()"], within=0.05)
