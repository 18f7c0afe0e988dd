"""The catalogue has every metric that a page can have, and none that no page can have."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fake_clock import FakeClock
from grpc_client import grpc_let_go
from kata_exporter.agent.types import ContainerStats, PidsStats
from kata_exporter.app import Exporter
from kata_exporter.catalog import all_metrics, sections
from kata_exporter.collectors.containers.reader import container_chunks
from kata_exporter.config.load import load_settings
from kata_exporter.config.settings import ListenAddress, WebSettings
from kata_exporter.exposition import PageFormat, render
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.schema import schema_for
from kata_exporter.metrics import Metric, Scope, escape_help, label_pairs
from kata_exporter.model import VmmOomKilled
from kata_exporter.simulator import CgroupVersion, Fleet, SimulatedGuest
from kata_exporter.simulator.agent.metrics_text import metrics_text
from kata_exporter.simulator.agent.versions import Release
from oom_rig import LedgerRig, sandbox
from page_families import OnPage, page_families
from page_parsers import assert_parsers_agree
from waiting import soon

GOLDEN = Path(__file__).parent.parent / "guest" / "golden"
BY_NAME = {metric.name: metric for metric in all_metrics()}
IDENTITY = [("sandbox_id", "demo-1"), ("namespace", ""), ("pod", "")]


@pytest.fixture(autouse=True)
def _grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder whose path is short enough for gRPC's sockets."""
    with tempfile.TemporaryDirectory(prefix="kata-test-") as folder:
        yield Path(folder)


@asynccontextmanager
async def _exporter_on_a_node(root: Path) -> AsyncIterator[Exporter]:
    """Run the exporter with every source of discovery, on a fleet with its container runtime."""
    fleet = Fleet(root, sandboxes=4, seed=1, serves_runtime=True)
    await fleet.start()
    config = root / "config.yaml"
    fleet.write_config(config, interval="1s")
    settings = load_settings(config_file=config, environ={}, flags={})
    settings = replace(
        settings,
        web=WebSettings((ListenAddress("127.0.0.1", 0),)),
        cri=replace(settings.cri, pod_labels=("team",)),
    )
    # What is printed needs no collector, and has the families of tracing on the page.
    exporter = Exporter(settings, environ={"OTEL_TRACES_EXPORTER": "console"})
    try:
        await exporter.start()
        yield exporter
    finally:
        await exporter.stop()
        await fleet.stop()


async def _page_of_a_node(root: Path) -> dict[str, OnPage]:
    async with _exporter_on_a_node(root) as exporter:
        await soon(lambda: b"kata_sandbox_labels{" in exporter.render())
        await soon(exporter.ready)
        await soon(lambda: b"kata_container_cpu_usage_seconds_total{" in exporter.render())
        openmetrics = exporter.render(page_format=PageFormat.OPENMETRICS)
        assert_parsers_agree(openmetrics, is_openmetrics=True)
        return page_families(exporter.render().decode())


def _pages_of_captures() -> list[dict[str, OnPage]]:
    return [page_families(path.read_text()) for path in sorted(GOLDEN.glob("*.prom"))]


def _page_of_an_old_agent(version: str) -> dict[str, OnPage]:
    guest = SimulatedGuest(
        FakeClock(), sandbox_id="demo-1", container_ids=["c1"], cgroup=CgroupVersion.V2, seed=1
    )
    text = metrics_text(guest.state(), scrapes=1, release=Release.parse(version))
    reader = GuestReader(label_pairs(IDENTITY), schema_for(version), layouts=LayoutCache())
    return page_families(render(reader.read(text, 0.0).chunks).decode())


def _page_of_a_container_with_a_limit_of_tasks() -> dict[str, OnPage]:
    identity = label_pairs([*IDENTITY, ("container", "app"), ("container_id", "c1")])
    chunks = container_chunks(identity, ContainerStats(pids=PidsStats(2, 100)), "4.1.0")
    return page_families(render(chunks).decode())


def _page_of_ooms() -> dict[str, OnPage]:
    """What only a node that kills has."""
    rig = LedgerRig(FakeClock())
    rig.start(sandbox("sb1", "web:c1"))
    rig.oom("c1")
    rig.ledger.vmm_killed(VmmOomKilled("host", "sb1", rig.now_ns))
    return page_families(rig.page())


def _fits(labels: tuple[str, ...], metric: Metric) -> bool:
    if metric.scope is Scope.EXPORTER:  # prometheus-client sorts them
        return sorted(labels) == sorted(metric.labels)
    fixed = (*metric.scope.labels, *metric.labels)
    more = labels[len(fixed) :]
    return labels[: len(fixed)] == fixed and all(
        metric.open_labels and name.startswith(metric.open_labels) for name in more
    )


def _assert_as_recorded(families: dict[str, OnPage]) -> None:
    assert not set(families) - set(BY_NAME)
    for name, on_page in families.items():
        metric = BY_NAME[name]
        assert (on_page.type, on_page.help) == (metric.type, escape_help(metric.help))
        for labels in on_page.labels:
            assert _fits(labels, metric), (name, labels)


def test_a_name_stands_once_in_the_catalogue() -> None:
    assert len(BY_NAME) == len(all_metrics()) == sum(len(part.metrics) for part in sections())


@pytest.mark.parametrize("metric", all_metrics(), ids=lambda metric: metric.name)
def test_a_record_tells_all_that_is_documented(metric: Metric) -> None:
    assert metric.help
    assert metric.source
    # Not the other way round: cAdvisor's names of memory are without their unit.
    for unit in ("seconds", "bytes"):
        assert unit not in metric.name.split("_") or metric.unit == unit


def test_what_the_captures_yield_is_recorded_with_its_type_help_and_labels() -> None:
    pages = _pages_of_captures()

    assert len(pages) > 10
    for families in pages:
        _assert_as_recorded(families)


@pytest.mark.parametrize("version", ["2.0.0", "2.4.0", "3.0.2", "3.2.0", "3.31.0"])
def test_what_an_older_agent_yields_is_recorded_too(version: str) -> None:
    _assert_as_recorded(_page_of_an_old_agent(version))


async def test_a_node_s_page_is_as_recorded_and_all_that_is_recorded_is_yielded(
    root: Path,
) -> None:
    page = await _page_of_a_node(root)

    limited = _page_of_a_container_with_a_limit_of_tasks()  # no capture has one
    ooms = _page_of_ooms()
    for families in (page, limited, ooms):
        _assert_as_recorded(families)
    yielded = set(page).union(*_pages_of_captures(), _page_of_an_old_agent("3.0.2"), limited, ooms)
    assert set(BY_NAME) == yielded
