"""The mock: records, answers from a script, and succeeds where there is none."""

import asyncio
import inspect
from typing import Any

import pytest

from agent_call import CONTAINER
from fake_clock import settle
from filled_value import filled
from kata_exporter.agent import Agent, AgentError, MockAgent, Reason
from kata_exporter.agent.errors import dead_agent
from kata_exporter.agent.mock import EXEC_ID, STARTED_AT
from kata_exporter.agent.scripted import MockCall
from kata_exporter.agent.types import Command, Interface, Process, Route
from kata_exporter.errors import ArgumentError

NAMES = [name for name, _ in inspect.getmembers(Agent, inspect.isfunction) if name[0] != "_"]


def arguments_of(method: Any) -> dict[str, Any]:
    """An object for each argument: the mock keeps what it is given, whatever it is."""
    names = inspect.signature(method).parameters
    made: dict[str, Any] = {name: object() for name in names}
    if "data" in made:
        made["data"] = b"abc"
    if "routes" in made:
        made["routes"] = [Route()]
    if "container" in made:
        made["container"] = CONTAINER
    return made


WAITS = ["get_oom_event", "wait_process", "read_process_stdout", "read_process_stderr"]


@pytest.mark.parametrize("name", NAMES)
async def test_each_call_is_recorded_with_its_arguments(name: str) -> None:
    agent = MockAgent()
    if name in WAITS:
        agent.script(name, None)
    method = getattr(agent, name)
    arguments = arguments_of(method)
    answer = method(**arguments)
    if inspect.isawaitable(answer):
        await answer

    assert agent.calls == [MockCall(name, arguments)]
    assert agent.methods == [name]


@pytest.mark.parametrize("name", NAMES)
async def test_each_method_gives_what_its_script_says(name: str) -> None:
    agent = MockAgent()
    scripted = object()
    agent.script(name, scripted)
    answer = getattr(agent, name)(**arguments_of(getattr(agent, name)))
    given = await answer if inspect.isawaitable(answer) else answer

    nothing = inspect.signature(getattr(Agent, name)).return_annotation in {None, "None"}
    assert given is (None if nothing else scripted)


async def test_answers_come_in_order_and_the_last_one_stays() -> None:
    agent = MockAgent()
    agent.script("wait_process", 1, 2)

    codes = [await agent.wait_process(CONTAINER, "exec-one") for _ in range(4)]
    assert codes == [1, 2, 2, 2]


async def test_exception_of_a_script_is_raised() -> None:
    agent = MockAgent()
    agent.script("check", dead_agent("grpc.Health/Check"))

    with pytest.raises(type(dead_agent("x")), match="Dead agent"):
        await agent.check()


async def test_function_of_a_script_is_called_and_awaited() -> None:
    agent = MockAgent()
    events: asyncio.Queue[str | Exception] = asyncio.Queue()
    agent.script("get_oom_event", events.get)
    agent.script("save", lambda: KeyError("gone"))
    wait = asyncio.create_task(agent.get_oom_event())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not wait.done()
    events.put_nowait("ctr-one")
    assert await wait == "ctr-one"

    events.put_nowait(ValueError("as told"))
    with pytest.raises(ValueError, match="as told"):
        await agent.get_oom_event()
    with pytest.raises(KeyError):
        agent.save()


async def test_without_a_script_what_was_given_comes_back() -> None:
    agent = MockAgent()
    interface = filled(Interface)

    assert await agent.update_interface(interface) is interface
    assert await agent.update_routes(None) is None
    assert await agent.update_routes([Route()]) == (Route(),)
    assert await agent.write_process_stdin(CONTAINER, "exec-one", b"abc") == 3
    assert await agent.exec(CONTAINER, Command(("ls",))) == Process(EXEC_ID, STARTED_AT)


@pytest.mark.parametrize(
    ("method", "answers"),
    [("chek", (1,)), ("_play", (1,)), ("mro", (1,)), ("add_swap", (1,)), ("check", ())],
)
def test_script_of_nothing_is_refused(method: str, answers: tuple[object, ...]) -> None:
    with pytest.raises(ArgumentError):
        MockAgent().script(method, *answers)


@pytest.mark.parametrize("name", WAITS)
async def test_wait_without_a_script_waits_until_it_has_one(name: str) -> None:
    agent = MockAgent()
    method = getattr(agent, name)
    waits = [asyncio.create_task(method(**arguments_of(method))) for _ in range(2)]
    await settle()
    assert agent.methods == [name, name]
    assert not any(wait.done() for wait in waits)

    agent.script(name, first := object(), second := object())
    assert await asyncio.gather(*waits) in ([first, second], [second, first])


@pytest.mark.parametrize("name", WAITS)
async def test_wait_without_a_script_can_be_cancelled(name: str) -> None:
    agent = MockAgent()
    method = getattr(agent, name)
    wait = asyncio.create_task(method(**arguments_of(method)))
    await settle()
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wait

    agent.script(name, scripted := object())
    assert await method(**arguments_of(method)) is scripted


async def test_closing_ends_what_waits_as_a_client_does() -> None:
    async with MockAgent() as agent:
        wait = asyncio.create_task(agent.get_oom_event())
        await settle()

    with pytest.raises(AgentError) as caught:
        await wait
    assert (caught.value.reason, caught.value.method) == (
        Reason.CLOSED,
        "grpc.AgentService/GetOOMEvent",
    )


async def test_every_awaited_call_lets_others_have_their_turn() -> None:
    """So that a loop over a mock ends when it is cancelled."""
    agent = MockAgent()
    agent.script("get_oom_event", "ctr-one")

    async def watch() -> None:
        while True:
            await agent.get_oom_event()

    watching = asyncio.create_task(watch())
    await settle()
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert 1 < len(agent.calls) < 30
