"""What goes along with a call from the shell: bytes of standard input, and a trace context."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_thread import AgentThread, agent_thread
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.cli.main import main

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentThread]:
    with agent_thread(tmp_path) as running:
        yield running


def run_program(
    agent: AgentThread, *argv: str, stdin: bytes
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "kata_exporter", "agent", agent.url, *argv],
        check=False,
        input=stdin,
        capture_output=True,
        timeout=30,
    )


WRITE = (
    "write_process_stdin --yes-change-guest --param container=ctr-one --param exec_id=ctr-one --param"
).split()


def test_bytes_come_from_standard_input(agent: AgentThread) -> None:
    agent.answers["grpc.AgentService/WriteStdin"] = pb.WriteStreamResponse(len=3)

    done = run_program(agent, *WRITE, "data=-", stdin=b"\x00\xff\n")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"3\n", b"")
    assert pb.WriteStreamRequest.FromString(agent.asked[0].payload).data == b"\x00\xff\n"


def test_bytes_of_a_command_line_are_those_that_the_shell_gave(agent: AgentThread) -> None:
    done = run_program(agent, *WRITE, os.fsdecode(b"data=a=\xff"), stdin=b"")

    assert done.returncode == 0, done.stderr
    assert pb.WriteStreamRequest.FromString(agent.asked[0].payload).data == b"a=\xff"


def test_standard_input_without_end_is_refused(agent: AgentThread) -> None:
    with Path("/dev/zero").open("rb") as zeros:
        done = subprocess.run(
            [sys.executable, "-m", "kata_exporter", "agent", agent.url, *WRITE, "data=-"],
            check=False,
            stdin=zeros,
            capture_output=True,
            timeout=30,
        )

    expected = b"kata-exporter: data is more than 4194304 bytes: give it in parts\n"
    assert (done.returncode, done.stderr) == (2, expected)
    assert agent.connections == 0


def test_standard_input_that_is_closed_is_told(agent: AgentThread) -> None:
    argv = [sys.executable, "-m", "kata_exporter", "agent", agent.url, *WRITE, "data=-"]

    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *argv],
        check=False,
        capture_output=True,
        timeout=30,
    )

    expected = b"kata-exporter: data can't be read from standard input: it is closed\n"
    assert (done.returncode, done.stderr) == (2, expected)
    assert agent.connections == 0


@pytest.mark.parametrize(
    "context",
    [
        TRACEPARENT,
        TRACEPARENT.replace("-01", "-00"),
        f"01{TRACEPARENT[2:]}",
        f"cc{TRACEPARENT[2:]}-what-the-future-will-be-like",
    ],
)
def test_trace_context_goes_along(agent: AgentThread, context: str) -> None:
    assert main(["agent", agent.url, "check", "--traceparent", context]) == 0

    assert agent.asked[0].metadata == (("traceparent", context),)


def test_without_a_trace_context_nothing_goes_along(agent: AgentThread) -> None:
    assert main(["agent", agent.url, "check"]) == 0

    assert agent.asked[0].metadata == ()


@pytest.mark.parametrize(
    "context",
    [
        "",
        "00",
        TRACEPARENT[:-1],
        TRACEPARENT.upper(),
        f"ff{TRACEPARENT[2:]}",
        f"{TRACEPARENT}-",
        f"{TRACEPARENT}-more",
        f"01{TRACEPARENT[2:]}x",
        f"01{TRACEPARENT[2:]}-\n",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        f"{TRACEPARENT}\n",
        f" {TRACEPARENT}",
    ],
)
def test_trace_context_that_is_none_is_a_mistake(
    agent: AgentThread, context: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["agent", agent.url, "check", f"--traceparent={context}"]) == 2

    told = capfd.readouterr().err
    assert told.startswith("kata-exporter: --traceparent: must be a W3C trace context, as 00-")
    assert agent.connections == 0
