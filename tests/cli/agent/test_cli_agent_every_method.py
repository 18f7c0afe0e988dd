"""Every method from the shell: what goes over the wire for it, and what is printed."""

import inspect
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_call import EXEC_ID, STARTED_AT, AgentCall
from agent_calls import AGENT_CALLS
from agent_thread import AgentThread, agent_thread
from kata_exporter.agent import KataAgent
from kata_exporter.cli.agent.encode import json_page
from kata_exporter.cli.agent.methods import LEFT_TO_RUNTIMES, METHODS
from kata_exporter.cli.main import main
from kata_exporter.clock import SystemClock
from kata_exporter.model import Container
from rpcs import RPCS

CHANGING = sorted(name for name, method in METHODS.items() if method.changes_guest)
HOST_ONLY = {
    "long_live_conn": "true\n",
    "get_agent_url": '"{url}"\n',
    "capabilities": '[\n  "block_device"\n]\n',
    "save": '{{\n  "url": "{url}"\n}}\n',
}


class Arguments:
    """Takes what a client would be asked, and keeps the arguments by name."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        signature = inspect.signature(getattr(KataAgent, name))

        def keep(*args: Any, **kwargs: Any) -> None:
            self.given = dict(signature.bind(self, *args, **kwargs).arguments)
            del self.given["self"]

        return keep


def as_json(call: AgentCall) -> str:
    """Return the arguments of a call as one writes them on a command line."""
    arguments = Arguments()
    call.call(arguments)  # type: ignore[arg-type]  # it stands for a client
    written = {name: _written(value) for name, value in arguments.given.items()}
    return json.dumps(written)


def _written(value: Any) -> Any:
    match value:
        case Container():
            return value.id
        case Path():
            return str(value)
        case _:
            return json.loads(json_page(value))


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AgentThread]:
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(EXEC_ID))
    monkeypatch.setattr(SystemClock, "time", lambda _: STARTED_AT.timestamp())
    with agent_thread(tmp_path) as running:
        yield running


@pytest.mark.parametrize("call", AGENT_CALLS.values(), ids=AGENT_CALLS)
def test_each_method_sends_what_its_parameters_say_and_prints_what_comes(
    agent: AgentThread, call: AgentCall, capfd: pytest.CaptureFixture[str]
) -> None:
    agent.answers.update({rpc: call.answer(rpc) for rpc in call.rpcs})
    argv = ["agent", agent.url, call.method, "--json", as_json(call), "--yes-change-guest"]

    assert main(argv) == 0

    sent = [
        (name, RPCS[name].request.FromString(request.payload))
        for name, request in zip(agent.methods, agent.asked, strict=True)
    ]
    assert sent == list(call.requests)
    assert capfd.readouterr() == (json_page(call.result).decode(), "")


@pytest.mark.parametrize("method", CHANGING)
def test_each_method_that_changes_a_guest_needs_its_flag_and_connects_to_nothing(
    agent: AgentThread, method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--json", as_json(AGENT_CALLS[method])]):
        assert main(["agent", agent.url, method, *more]) == 3

        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith(f"kata-exporter: {method} changes the guest")
        assert err.count("\n") == 1
        assert "--yes-change-guest" in err
    assert (agent.connections, agent.asked) == (0, [])


@pytest.mark.parametrize("method", HOST_ONLY)
def test_what_is_known_without_the_agent_is_printed_without_asking_it(
    agent: AgentThread, method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["agent", agent.url, method]) == 0

    assert capfd.readouterr() == (HOST_ONLY[method].format(url=agent.url), "")
    assert agent.connections == 0


@pytest.mark.parametrize("method", LEFT_TO_RUNTIMES)
def test_what_makes_no_sense_from_a_shell_is_refused_with_why(
    method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["agent", "unix:///nowhere", method, "--yes-change-guest"]) == 2

    why = LEFT_TO_RUNTIMES[method]
    expected = f"kata-exporter: {method} can't be asked from a shell: {why}\n"
    assert capfd.readouterr() == ("", expected)


def test_each_method_is_asked_told_without_asking_or_left_to_runtimes() -> None:
    assert sorted(METHODS) == sorted([*AGENT_CALLS, *HOST_ONLY, *LEFT_TO_RUNTIMES])
