"""A real Prometheus scrapes the demo, as a user's would."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from promtool import tool
from waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

SANDBOXES = 20

PROMETHEUS_CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: kata
    honor_labels: true
    static_configs: [{{targets: ["{target}"]}}]
"""


@contextmanager
def process(log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command with its output in a file; end it, by its own id, with the test."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as running,
    ):
        try:
            yield running
        finally:
            running.kill()


def found(log: Path, pattern: str) -> str:
    """Return the first group of a pattern once it is in a log."""
    match = eventually(lambda: re.search(pattern, log.read_text()))
    assert match is not None
    return match[1]


class Prometheus:
    """Queries to a running Prometheus."""

    def __init__(self, address: str) -> None:
        self._base = f"http://{address}/api/v1"

    def ready(self) -> bool:
        """Whether it answers queries; until its storage is open it says 503."""
        try:
            self.query("vector(1)")
        except urllib.error.HTTPError:
            return False
        return True

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self._base}/{path}", timeout=5) as answer:  # noqa: S310  ours
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[Any]:
        quoted = urllib.request.quote(expression)  # type: ignore[attr-defined]
        result = self.get(f"query?query={quoted}")["result"]
        assert isinstance(result, list)
        return result

    def value(self, expression: str) -> float:
        """Return the one value of an expression; -1 while it has none."""
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else -1.0


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    log = tmp_path / "demo.log"
    command = (sys.executable, "-m", "kata_exporter", "demo")
    flags = ("--web.listen-address", "127.0.0.1:0", "--interval", "1s")
    with process(log, *command, *flags, "--sandboxes", str(SANDBOXES)) as running:
        yield found(log, r"http://(127\.0\.0\.1:\d+)/metrics")
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=2) == 0


@pytest.fixture
def prometheus(tmp_path: Path, demo: str) -> Iterator[Prometheus]:
    config = tmp_path / "prometheus.yml"
    config.write_text(PROMETHEUS_CONFIG.format(target=demo))
    log = tmp_path / "prometheus.log"
    with process(
        log,
        tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        "--web.listen-address=127.0.0.1:0",
    ) as running:
        prometheus = Prometheus(found(log, r'Listening on" address=(127\.0\.0\.1:\d+)'))
        eventually(prometheus.ready)
        yield prometheus
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=20)
    warnings = [
        line
        for line in log.read_text().splitlines()
        if "scrape" in line and re.search(r"level=(warn|error)", line)
    ]
    assert warnings == []


def test_prometheus_scrapes_the_demo_round_after_round(demo: str, prometheus: Prometheus) -> None:
    eventually(lambda: prometheus.value("count_over_time(up[1m])") >= 4, within=60)

    assert prometheus.value("min_over_time(up[1m:1s])") == 1
    (target,) = prometheus.get("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert prometheus.value("count(kata_sandbox_up == 1)") == SANDBOXES
    with urllib.request.urlopen(f"http://{demo}/metrics", timeout=5) as page:
        containers = set(
            re.findall(
                r'^kata_container_info\{.*container_id="([^"]+)"',
                page.read().decode(),
                re.MULTILINE,
            )
        )
    assert len(containers) >= SANDBOXES

    def rated() -> set[str]:
        rates = prometheus.query("rate(kata_container_cpu_usage_seconds_total[30s])")
        return {rate["metric"]["container_id"] for rate in rates}

    eventually(lambda: rated() == containers, within=30)
    moving = prometheus.value("sum(rate(kata_container_cpu_usage_seconds_total[30s]))")
    assert moving > 0
    # honor_labels: identity is the sandbox's, not the target's.
    assert prometheus.value('count(kata_sandbox_up{exported_namespace!=""})') == -1
