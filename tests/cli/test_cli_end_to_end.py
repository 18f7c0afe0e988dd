"""The program as a process of its own, with all its real parts."""

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from program import END_SECONDS, first_match, get, program
from waiting import eventually

DEAD = """\
collection: {interval: 1s}
discovery: {directories: []}
cri: {endpoint: none}
containerd: {endpoint: none}
sandboxes:
  - id: demo-1
    agent_url: unix:///nowhere/demo-1.sock
    pod: {namespace: shop, name: web-0, uid: u-1}
  - id: demo-2
    agent_url: vsock://3
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "dead.yaml"
    path.write_text(DEAD)
    return path


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_serve_serves_until_a_signal(signum: signal.Signals, tmp_path: Path, config: Path) -> None:
    argv = ["serve", "--config.file", str(config), "--web.listen-address", "127.0.0.1:0"]
    with program(tmp_path, *argv) as process:
        address = first_match(process.stderr, r"addresses=(127\.0\.0\.1:[0-9]+)")
        page = get(f"http://{address}/metrics")
        process.send_signal(signum)
        code = process.wait(END_SECONDS)

    assert code == 0
    assert 'kata_sandbox_up{sandbox_id="demo-1",namespace="shop",pod="web-0"} 0\n' in page
    assert 'kata_sandbox_up{sandbox_id="demo-2",namespace="",pod=""} 0\n' in page


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_one_line_and_2_and_leaves_nothing_behind(
    command: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        argv = [command, "--web.listen-address", address, "--log.level", "error"]
        with program(tmp_path, *argv) as process:
            out, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert out == ""
    assert re.fullmatch(rf"kata-exporter: .*{re.escape(address)}.*in use.*\n", err)
    assert list(tmp_path.iterdir()) == []


def test_scrape_once_prints_the_page_and_tells_of_silent_sandboxes(
    tmp_path: Path, config: Path
) -> None:
    argv = ["scrape", "--once", "--config.file", str(config), "--log.level", "error"]
    with program(tmp_path, *argv) as process:
        out, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert 'kata_sandbox_up{sandbox_id="demo-1",namespace="shop",pod="web-0"} 0\n' in out
    assert err == "kata-exporter: 2 of 2 sandboxes are not up: 1 connect_failed, 1 rejected\n"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_demo_shows_a_fleet_that_is_up_and_leaves_nothing_behind(
    signum: signal.Signals, tmp_path: Path
) -> None:
    argv = ["demo", "--sandboxes", "3", "--interval", "1s", "--web.listen-address", "127.0.0.1:0"]
    with program(tmp_path, *argv) as process:
        url = first_match(process.stdout, r"3 simulated sandboxes \(calm\), metrics at (\S+) ")
        # It finds them as on a node: their shims are asked, and CRI names them.
        eventually(
            lambda: (
                len(re.findall(r"^kata_sandbox_up\{.*pod=\".+\"\} 1$", get(url), re.MULTILINE)) == 3
            )
        )
        process.send_signal(signum)
        code = process.wait(END_SECONDS)

    assert code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scenario", ["calm", "busy", "oom", "faults", "churn"])
def test_another_exporter_finds_the_fleet_of_agents_only(scenario: str, tmp_path: Path) -> None:
    """In faults some don't answer, and in churn the first may have gone when it looks."""
    host = tmp_path / "host"
    argv = ["demo", "--sandboxes", "6", "--agents-only", str(host), "--scenario", scenario]
    with program(tmp_path, *argv) as process:
        config_file = first_match(process.stdout, r"kata-exporter serve --config.file (\S+)")
        sockets = [path for path in host.rglob("*") if path.is_socket()]
        with program(tmp_path, "scrape", "--once", "--config.file", config_file) as scraping:
            page, complaint = scraping.communicate(timeout=30)
        process.send_signal(signal.SIGTERM)
        code = process.wait(END_SECONDS)

    assert len(re.findall(r"^kata_sandbox_up\{", page, re.MULTILINE)) == 6
    if scenario not in {"faults", "churn"}:
        assert (scraping.returncode, complaint) == (0, "")
        assert len(re.findall(r"^kata_guest_load1\{", page, re.MULTILINE)) == 6
    # An agent and a shim for each sandbox, and the container runtime.
    assert len(sockets) == 13
    assert code == 0
    assert list(tmp_path.iterdir()) == []


def test_an_agent_of_the_fleet_is_asked_by_its_sandbox_and_a_wait_ends_with_a_signal(
    tmp_path: Path,
) -> None:
    argv = ["demo", "--sandboxes", "1", "--agents-only", str(tmp_path / "host")]
    with program(tmp_path, *argv) as process:
        config_file = first_match(process.stdout, r"kata-exporter serve --config.file (\S+)")
        asking = ["agent", "--config.file", config_file, "demo-1"]
        with program(tmp_path, *asking, "get_guest_details", "--timeout", "10s") as asked:
            details, complaint = asked.communicate(timeout=30)
        with program(tmp_path, *asking, "get_oom_event", "--yes-change-guest") as waiting:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(1.0)
            waiting.send_signal(signal.SIGINT)
            told = waiting.communicate(timeout=END_SECONDS)

    assert (asked.returncode, complaint) == (0, "")
    assert json.loads(details)["agent_version"] == "4.1.0"
    assert (waiting.returncode, told) == (130, ("", ""))


@pytest.mark.parametrize(
    "argv", [["--web.listen-address", "127.0.0.1:0"], ["--agents-only", "host"]], ids=str
)
@pytest.mark.parametrize("sockets", [0, 1, 20])
def test_a_signal_as_the_demo_starts_leaves_nothing_behind(
    sockets: int, argv: list[str], tmp_path: Path
) -> None:
    """The folder is there before the first agent is, and the signal comes in between or later."""
    if "host" in argv:
        argv = ["--agents-only", str(tmp_path / "host")]
    with program(tmp_path, "demo", "--sandboxes", "200", *argv) as process:
        while not any(tmp_path.iterdir()) or len(list(tmp_path.rglob("*.sock"))) < sockets:
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGTERM)
        code = process.wait(END_SECONDS)

    assert code == 0
    assert list(tmp_path.iterdir()) == []
