"""Pages that captured answers of a real agent become, compared with committed ones.

``UPDATE_GOLDEN=1`` writes them anew; the diff is then for a reader to judge.
"""

import os
from pathlib import Path

import pytest

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.collectors.containers.reader import container_chunks
from kata_exporter.exposition.text import render
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.schema import schema_for
from kata_exporter.metrics import label_pairs
from promtool import check_metrics

DATA = Path(__file__).parent.parent / "data"
GOLDEN = Path(__file__).parent / "golden"
VERSION = "4.1.0"
SANDBOX = [("sandbox_id", "demo-1"), ("namespace", "shop"), ("pod", "web-0")]


# Findings of promtool that stay: memory has the agent's own item names, and the s of these two is
# the kernel's for "slab", which promtool takes for seconds.
def _guest_page(answer: Path) -> bytes:
    reader = GuestReader(label_pairs(SANDBOX), schema_for(VERSION), layouts=LayoutCache())
    reading = reader.read(answer.read_text(), 0.0)
    assert not reading.rejected
    return render(reading.chunks)


def _container_page(answer: Path) -> bytes:
    message = pb.StatsContainerResponse.FromString(answer.read_bytes())
    name = answer.stem.removeprefix("statscontainer").strip("-") or "only"
    identity = label_pairs([*SANDBOX, ("container", name), ("container_id", f"ctr-{name}")])
    return render(container_chunks(identity, container_stats(message), VERSION))


ANSWERS = {
    f"{path.parent.name}-{path.stem}": path
    for pattern in ("*/getmetrics*.txt", "*/statscontainer*.bin")
    for path in sorted(DATA.glob(pattern))
}


def _page(name: str) -> bytes:
    answer = ANSWERS[name]
    return _guest_page(answer) if answer.suffix == ".txt" else _container_page(answer)


def test_every_folder_of_answers_has_pages() -> None:
    folders = {path.parent.name for path in ANSWERS.values()}

    assert folders == {path.name for path in DATA.iterdir() if path.is_dir()}
    assert {path.stem for path in GOLDEN.glob("*.prom")} == set(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_page_is_the_committed_one(name: str) -> None:
    golden = GOLDEN / f"{name}.prom"
    page = _page(name)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_bytes(page)

    assert page.decode() == golden.read_text()


@pytest.mark.real
@pytest.mark.parametrize("name", ANSWERS)
def test_promtool_finds_nothing_in_the_page(name: str) -> None:
    assert check_metrics(_page(name)) == ""
