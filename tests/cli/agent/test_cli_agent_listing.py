"""``kata-exporter agent --list``: all methods, with what they change and take."""

import json

import pytest

from kata_exporter.agent.catalog import CATALOG
from kata_exporter.cli.agent.methods import LEFT_TO_RUNTIMES
from kata_exporter.cli.main import main

ENTRIES = [entry for entries in CATALOG.values() for entry in entries]


def listed(capfd: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["agent", "--list", *argv]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    return out


def effect_of(line: str) -> tuple[str, str]:
    effect, call = line.split(maxsplit=1)
    return call.partition("(")[0], effect


def test_list_has_every_method_with_its_effect(capfd: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in listed(capfd).splitlines() if line.startswith("  ") and "(" in line]
    effects = dict(effect_of(line) for line in lines if not line.startswith("   "))

    assert effects == {
        entry.name: "runtime"
        if entry.name in LEFT_TO_RUNTIMES
        else "changes"
        if entry.changes_guest
        else "reads"
        if entry.rpcs
        else "-"
        for entry in ENTRIES
    }


def test_list_says_what_a_method_takes_and_does(capfd: pytest.CaptureFixture[str]) -> None:
    text = listed(capfd)

    assert (
        "  changes  signal_process(container, exec_id, signal, [all_processes])\n"
        "           Send a signal (`SignalProcess`).\n"
    ) in text
    assert text.startswith("changes  changes the guest, or takes what another client waits for")


def test_list_can_be_read_by_programs(capfd: pytest.CaptureFixture[str]) -> None:
    by_name = {method["method"]: method for method in json.loads(listed(capfd, "--json"))}

    assert {name: method["changes_guest"] for name, method in by_name.items()} == {
        entry.name: entry.changes_guest for entry in ENTRIES
    }
    assert by_name["winsize_process"] == {
        "method": "winsize_process",
        "noun": "process",
        "in_interface": True,
        "rpcs": ["grpc.AgentService/TtyWinResize"],
        "changes_guest": True,
        "left_because": None,
        "summary": "Tell a process the size of its terminal in characters (`TtyWinResize`).",
        "parameters": [
            {"name": "container", "required": True, "should_be": "the id of a container"},
            {"name": "exec_id", "required": True, "should_be": "a text"},
            {"name": "height", "required": True, "should_be": "a whole number"},
            {"name": "width", "required": True, "should_be": "a whole number"},
        ],
    }
    assert {
        n: m["left_because"] for n, m in by_name.items() if m["left_because"]
    } == LEFT_TO_RUNTIMES


def test_list_takes_no_parameters(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["agent", "--list", "--json", "{}"]) == 2
    assert "--list takes no parameters" in capfd.readouterr().err
