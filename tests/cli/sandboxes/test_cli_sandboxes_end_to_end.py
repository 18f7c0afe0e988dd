"""``sandboxes`` and an exporter of its own kind: what one serves, the other shows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from run_program import run_program, started
from waiting import eventually


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An exporter on three simulated sandboxes."""
    argv = ["demo", "--sandboxes", "3", "--interval", "1s", "--web.listen-address", "127.0.0.1:0"]
    with started(*argv, env={"TMPDIR": str(tmp_path)}) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"metrics at (\S+)/metrics ", line)
        assert found, line
        try:
            yield found[1]
        finally:
            process.terminate()
            process.wait(10)


def test_what_the_exporter_knows_is_shown(url: str) -> None:
    def all_up() -> list[str]:
        lines = run_program("sandboxes", "--url", url).out.splitlines()
        return lines if sum(" up " in line for line in lines) == 3 else []

    title, *lines = eventually(all_up)

    assert title.split() == "SANDBOX POD RUNTIME STATE CONTAINERS OOM AGE SOURCES URL".split()
    assert sorted(line.split()[0] for line in lines) == ["demo-1", "demo-2", "demo-3"]
    assert all(re.search(r" (?:unix|remote|hvsock):///", line) for line in lines)


def test_json_is_what_the_exporter_says(url: str) -> None:
    ended = run_program("sandboxes", "--url", url, "--json")

    printed = json.loads(ended.out)
    assert {sandbox["id"] for sandbox in printed} == {"demo-1", "demo-2", "demo-3"}
    assert all(sandbox["containers"] for sandbox in printed)
    assert printed[0].keys() >= {"generation", "pod", "published", "lease_seconds", "detail", "oom"}


def test_an_admin_socket_is_asked_as_well(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    entry = "{id: demo-1, agent_url: 'unix:///none', pod: {namespace: shop, name: web-0}}"
    config = tmp_path / "c.yaml"
    config.write_text(f"sandboxes: [{entry}]\n")
    argv = ["serve", "--config.file", str(config), "--web.admin-socket", str(path)]
    with started(*argv, "--web.listen-address", "127.0.0.1:0") as process:
        out = eventually(lambda: run_program("sandboxes", "--socket", str(path)).out)
        process.terminate()
        process.communicate(timeout=10)

    (line,) = out.splitlines()[1:]
    assert line.startswith("demo-1   shop/web-0  none     down: ")
