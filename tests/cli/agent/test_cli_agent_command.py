"""``kata-exporter agent``: how it ends, and what of a command line is a mistake."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_thread import AgentThread, agent_thread
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.cli.agent.methods import METHODS
from kata_exporter.cli.main import main
from kata_exporter.ttrpc import Code, StatusError

STATS = "grpc.AgentService/StatsContainer"
METRICS = "grpc.AgentService/GetMetrics"
CHECK = "grpc.Health/Check"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentThread]:
    with agent_thread(tmp_path) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("KATA_EXPORTER_CONFIG_FILE", raising=False)
    path = tmp_path / "c.yaml"
    path.write_text(
        "sandboxes:\n"
        f"  - {{id: web-1, agent_url: 'unix://{tmp_path}/agent.sock'}}\n"
        "  - {id: web-2, agent_url: 'vsock://3'}\n"
    )
    return path


def complaint(capfd: pytest.CaptureFixture[str], code: int, *argv: str) -> str:
    """Run a command that ends with a code and one line, and return the line."""
    assert main(["agent", *argv]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("kata-exporter: ")
    assert err.count("\n") == 1
    return err.removeprefix("kata-exporter: ").rstrip("\n")


# Whom it asks


def test_sandbox_of_the_configuration_is_asked_by_its_id(
    agent: AgentThread, config: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["agent", "--config.file", str(config), "web-1", "check"]) == 0

    assert agent.methods == ["grpc.Health/Check"]
    assert capfd.readouterr() == ("null\n", "")


def test_configuration_may_come_from_the_environment(
    agent: AgentThread, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KATA_EXPORTER_CONFIG_FILE", str(config))

    assert main(["agent", "web-1", "check"]) == 0
    assert agent.methods == ["grpc.Health/Check"]


@pytest.mark.parametrize(
    ("sandbox", "line"),
    [
        ("web-11", "no sandbox 'web-11' in the configuration; did you mean 'web-1'?"),
        ("zzz", "no sandbox 'zzz' in the configuration; there are web-1, web-2"),
        ("web-2", "sandbox web-2: agent URL 'vsock://3': no port; the agent's is 1024, as in"),
        ("\x1b[1m", r"no sandbox '\x1b[1m' in the configuration; there are web-1, web-2"),
        ("unix://relative", "agent URL 'unix://relative': "),
        ("http://x", "agent URL 'http://x': unknown scheme 'http'"),
    ],
)
def test_agent_that_is_none_is_a_mistake_that_is_told(
    config: Path, sandbox: str, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    told = complaint(capfd, 2, "--config.file", str(config), sandbox, "check")

    assert told.startswith(line)


def test_without_a_configuration_it_says_what_to_write(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KATA_EXPORTER_CONFIG_FILE", raising=False)

    assert complaint(capfd, 2, "--discovery.directory", "none", "web-1", "check") == (
        "'web-1' is no URL, and no sandboxes are configured: write SCHEME://…, or list some under"
        " sandboxes: in --config.file"
    )


def test_a_shim_that_does_not_answer_is_told_with_1(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "box-a").mkdir()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "box-a" / "shim-monitor.sock"))

        told = complaint(capfd, 1, "--discovery.directory", str(tmp_path), "box-a", "check")

    assert told.startswith("shim: Connection refused")


def test_a_sandbox_that_is_nowhere_is_told_with_where_was_looked(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = complaint(capfd, 2, "--discovery.directory", str(tmp_path), "box-a", "check")

    assert f"nor has it a shim in {tmp_path}" in told


def test_many_sandboxes_are_not_all_listed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    entries = ", ".join(f"{{id: s-{i}, agent_url: 'unix:///a{i}'}}" for i in range(100))
    config.write_text(f"sandboxes: [{entries}]\n")

    told = complaint(capfd, 2, "--config.file", str(config), "unlike", "check")

    assert "; there are s-0, s-1, s-2, s-3, s-4, …;" in told


# What it is asked


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (
            ["chek"],
            "unknown method 'chek'; did you mean 'check'? (kata-exporter agent --list has all)",
        ),
        (["zzz"], "unknown method 'zzz' (kata-exporter agent --list has all)"),
        (["_caller"], "unknown method '_caller' (kata-exporter agent --list has all)"),
        (["aclose"], "unknown method 'aclose' (kata-exporter agent --list has all)"),
        (
            ["stats_container"],
            "stats_container needs container: it should be the id of a container",
        ),
        (
            ["stats_container", "--param", "contaner=x"],
            "stats_container has no parameter 'contaner'; did you mean 'container'?",
        ),
        (["check", "--param", "x=1"], "check has no parameter 'x'; it takes none"),
        (["check", "--param", "deadline=1"], "check has no parameter 'deadline'; it takes none"),
        (["check", "--param", "x"], "--param 'x' has no value: write NAME=VALUE"),
        (
            ["stats_container", "--param", "container=a1", "--param", "container=b1"],
            "container is given twice",
        ),
        (
            ["stats_container", "--param", "container=a1", "--json", '{"container": "b1"}'],
            "container is given twice",
        ),
        (
            ["get_ip_tables", "--param", "ipv6=yes"],
            "ipv6 is 'yes': it should be true or false",
        ),
        (
            ["process_list_container", "--param", "container=c1", "--param", "options=x"],
            "options can't be given by --param: it should be an object, ProcessListOptions, in --json",
        ),
        (["check", "--json", "{"], "--json: no JSON: "),
        (["check", "--json", "[]"], '--json should be an object of parameters, as {"cpus": 4}'),
        (["check", "--json"], "--json: no JSON: "),
        (["check", "--json", '{"a":1,"a":2}'], "--json: no JSON: 'a' stands twice"),
        (["check", "--json", '{"a":NaN}'], "--json: no JSON: NaN is no number of JSON"),
        (["check", "--json", '{"a":' + "[" * 100_000], "--json: no JSON: it is nested too deeply"),
        (["check", "--json", '{"a":' + "1" * 5000 + "}"], "--json: no JSON: "),
        (["check", "--raw"], "--raw: check gives neither text nor bytes: leave it out"),
        (["check", "--timeout", "5"], "--timeout: '5' has no unit: write a duration such as 15s"),
        (["check", "--timeout", "0s"], "--timeout: must be more than 0"),
        (
            ["stats_container", "--param", "container="],
            "stats_container: container.id '': an id has 2 to 128 characters",
        ),
        (
            ["get_volume_stats", "--param", "guest_volume_path=x"],
            "get_volume_stats: guest_volume_path 'x': should be an absolute path without '..' and NUL",
        ),
    ],
    ids=str,
)
def test_mistake_is_one_line_and_nothing_is_sent(
    agent: AgentThread, argv: list[str], line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert complaint(capfd, 2, agent.url, *argv).startswith(line)
    assert (agent.connections, agent.asked) == (0, [])


def test_flags_may_stand_anywhere(agent: AgentThread) -> None:
    for argv in (
        ["--timeout", "5s", agent.url, "check"],
        [agent.url, "--timeout", "5s", "check"],
        [agent.url, "check", "--timeout", "5s"],
    ):
        assert main(["agent", *argv]) == 0
    assert len(agent.asked) == 3


def test_words_that_are_missing_or_too_many_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert complaint(capfd, 2).startswith(
        "the following arguments are required: URL_OR_SANDBOX, METHOD"
    )
    assert complaint(capfd, 2, "unix:///x").startswith(
        "the following arguments are required: METHOD"
    )
    assert complaint(capfd, 2, "unix:///x", "check", "more").startswith(
        "'more' is one argument too many"
    )


# How it ends


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            StatusError(Code.INVALID_ARGUMENT, "invalid container id"),
            f"gone INVALID_ARGUMENT: {STATS}: invalid container id",
        ),
        (
            StatusError(Code.PERMISSION_DENIED, "blocked\x1b[2J\nby policy"),
            rf"policy_blocked PERMISSION_DENIED: {STATS}: blocked\x1b[2J\nby policy",
        ),
        (StatusError(999, "x" * 10_000), f"agent_error UNKNOWN: {STATS}: "),
    ],
)
def test_error_of_the_agent_is_1_and_one_short_line(
    agent: AgentThread, answer: StatusError, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    agent.answers[STATS] = answer

    told = complaint(capfd, 1, agent.url, "stats_container", "--param", "container=ctr-one")

    assert told.startswith(line)
    assert len(told) < 400


def test_agent_that_is_not_there_is_1(capfd: pytest.CaptureFixture[str]) -> None:
    told = complaint(capfd, 1, "unix:///nowhere/agent.sock", "check")

    assert told.startswith("connect_failed UNAVAILABLE: grpc.Health/Check: ")


def test_time_that_runs_out_is_1_and_the_guest_was_told_of_it(
    agent: AgentThread, capfd: pytest.CaptureFixture[str]
) -> None:
    agent.answers[CHECK] = lambda: None

    told = complaint(capfd, 1, agent.url, "check", "--timeout", "200ms")

    assert told.startswith("timeout DEADLINE_EXCEEDED: grpc.Health/Check: ")
    assert 0 < agent.asked[0].timeout_ns <= 200_000_000


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("get_oom_event", ()),
        ("wait_process", ("--param", "container=ctr-one", "--param", "exec_id=ctr-one")),
    ],
)
def test_signal_ends_a_wait_and_its_connection(
    agent: AgentThread,
    signum: signal.Signals,
    method: str,
    params: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
) -> None:
    rpc = METHODS[method].entry.rpcs[0].full_name
    agent.answers[rpc] = lambda: os.kill(os.getpid(), signum)

    assert main(["agent", agent.url, method, *params, "--yes-change-guest"]) == 130

    assert agent.given_up.wait(5)
    assert agent.methods == [rpc]
    assert capfd.readouterr() == ("", "")


# What is printed


def test_numbers_of_64_bits_are_exact(
    agent: AgentThread, capfd: pytest.CaptureFixture[str]
) -> None:
    usage = pb.MemoryData(usage=2**64 - 1, limit=2**63 + 1)
    stats = pb.MemoryStats(usage=usage, stats={"b": 2**64 - 1, "a": 1})
    agent.answers[STATS] = pb.StatsContainerResponse(
        cgroup_stats=pb.CgroupStats(memory_stats=stats)
    )

    assert main(["agent", agent.url, "stats_container", "--param", "container=ctr-one"]) == 0

    out = capfd.readouterr().out
    memory = json.loads(out)["memory"]
    assert memory["usage"]["usage_bytes"] == 18446744073709551615
    assert memory["usage"]["limit_bytes"] == 9223372036854775809
    assert list(memory["stat"].items()) == [("a", 1), ("b", 18446744073709551615)]
    assert list(json.loads(out)) == [
        "cpu",
        "memory",
        "pids",
        "io_service_bytes",
        "io_serviced",
        "hugetlb",
    ]


@pytest.mark.parametrize("data", [b"out\n", b"\xff\x00", b"", b"\x1b[2J \xe2\x82\xac"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_of_a_process_is_printed_as_json_or_as_it_is(
    agent: AgentThread, stream: str, data: bytes, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    rpc = f"grpc.AgentService/Read{stream.capitalize()}"
    agent.answers[rpc] = pb.ReadStreamResponse(data=data)
    argv = ["agent", agent.url, f"read_process_{stream}", "--yes-change-guest"]
    argv += ["--param", "container=ctr-one", "--param", "exec_id=ctr-one"]
    argv += ["--param", "size_bytes=4096"]

    assert main(argv) == 0
    printed = capfdbinary.readouterr().out
    assert printed.isascii()
    assert b"\x1b" not in printed
    value = json.loads(printed)
    assert value == ({"base64": "/wA="} if data == b"\xff\x00" else data.decode())
    assert main([*argv, "--raw"]) == 0
    assert capfdbinary.readouterr().out == data


def test_metrics_are_printed_as_they_are_where_that_is_asked_for(
    agent: AgentThread, capfd: pytest.CaptureFixture[str]
) -> None:
    text = '# TYPE kata_guest_load gauge\nkata_guest_load{item="load1"} 0.5\n'
    agent.answers[METRICS] = pb.Metrics(metrics=text)

    assert main(["agent", agent.url, "get_agent_metrics", "--raw"]) == 0
    assert capfd.readouterr().out == text
    assert main(["agent", agent.url, "get_agent_metrics"]) == 0
    assert json.loads(capfd.readouterr().out) == text


# Copying


def test_file_that_cannot_be_copied_is_1_and_one_line(
    agent: AgentThread, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    argv = [agent.url, "copy_file", "--yes-change-guest", "--param", "destination=/x"]

    told = complaint(capfd, 1, *argv, "--param", f"source={tmp_path}/none")

    assert "No such file or directory" in told
    assert agent.asked == []


def test_copy_that_fails_says_how_far_it_came(
    agent: AgentThread, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    agent.answers["grpc.AgentService/CopyFile"] = StatusError(Code.INTERNAL, "disk full")
    argv = [agent.url, "copy_file", "--yes-change-guest", "--param", "destination=/x"]

    told = complaint(capfd, 1, *argv, "--param", f"source={tmp_path}/file")

    assert told == (
        "agent_error INTERNAL: grpc.AgentService/CopyFile: disk full"
        " (0 of 3 bytes had been sent before)"
    )


def test_socket_cannot_be_copied(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "sock"))
        argv = ["unix:///x", "copy_file", "--yes-change-guest", "--param", "destination=/x"]
        told = complaint(capfd, 2, *argv, "--param", f"source={tmp_path}/sock")

    assert "no file, folder or link" in told
