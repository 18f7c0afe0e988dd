"""``metrics`` as a user drives it."""

import json
from pathlib import Path

import pytest

from kata_exporter.catalog import all_metrics
from run_program import run_program

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


@pytest.mark.parametrize("argv", [[], ["--format", "md"], ["--format=md"]])
def test_it_prints_the_document(argv: list[str]) -> None:
    ended = run_program("metrics", *argv)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == DOCUMENT.read_text()


def test_as_json_it_is_an_array_of_all_metrics_for_programs() -> None:
    ended = run_program("metrics", "--format", "json")

    assert (ended.code, ended.err) == (0, "")
    listed = {metric["name"]: metric for metric in json.loads(ended.out)}
    assert list(listed) == [metric.name for metric in all_metrics()]
    assert listed["kata_guest_disk_read_bytes_total"] == {
        "name": "kata_guest_disk_read_bytes_total",
        "type": "counter",
        "labels": ["sandbox_id", "namespace", "pod", "device"],
        "label_prefix": None,
        "unit": "bytes",
        "help": "Bytes read from a disk of the guest (agent: kata_guest_diskstat item sectors_read).",
        "source": "GetMetrics: /proc/diskstats, in the guest",
        "stability": "experimental",
    }
    assert listed["kata_sandbox_labels"]["label_prefix"] == "label_"
    assert listed["kata_container_threads"]["labels"][-2:] == ["container", "container_id"]
    assert listed["kata_guest_load1"]["unit"] is None
    assert listed["kata_exporter_agent_call_duration_seconds"]["labels"] == ["method", "code"]
    assert listed["kata_exporter_agent_call_duration_seconds"]["type"] == "histogram"
    assert listed["process_cpu_seconds_total"]["labels"] == []


def test_neither_configuration_nor_environment_matters() -> None:
    ended = run_program("metrics", env={"KATA_EXPORTER_CONFIG_FILE": "/nowhere/config.yaml"})

    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--format", "yaml"], "--format: invalid choice: 'yaml'"),
        (["--formt", "md"], "unknown flag '--formt'; did you mean '--format'?"),
        (["kata_guest_load1"], "'kata_guest_load1' is one argument too many"),
    ],
)
def test_a_mistake_is_one_line_and_2(argv: list[str], complaint: str) -> None:
    ended = run_program("metrics", *argv)

    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith(f"kata-exporter: {complaint}")
    assert line.endswith("(see kata-exporter metrics --help)")
