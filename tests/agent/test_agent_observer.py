"""What the observer can put on the wire is a closed list, seen on the wire."""

import inspect
from collections.abc import Awaitable, Callable

import pytest

from fake_clock import FakeClock
from kata_exporter.agent import OBSERVED_METHODS, AgentError, KataAgent, Observer
from kata_exporter.agent.methods import METHODS
from kata_exporter.errors import Reason
from kata_exporter.model import Container
from kata_exporter.telemetry.hooks import CallTarget
from kata_exporter.ttrpc import Code, StatusError
from scripted_agent import ScriptedAgent, scripted_agent

ARGUMENTS = {"container": Container("ctr-one"), "deadline": 1e9}


def observer_of(scripted: ScriptedAgent, clock: FakeClock) -> Observer:
    return Observer(KataAgent(scripted.dial_url, target=CallTarget("/run/a.sock"), clock=clock))


def public_calls(observer: Observer) -> dict[str, Callable[..., Awaitable[object]]]:
    """Every public coroutine of it but aclose, whatever is added later."""
    return {
        name: member
        for name, member in inspect.getmembers(observer, inspect.iscoroutinefunction)
        if not name.startswith("_") and name != "aclose"
    }


async def call_with_what_it_takes(call: Callable[..., Awaitable[object]]) -> object:
    names = inspect.signature(call).parameters
    return await call(**{name: ARGUMENTS[name] for name in names})


async def test_all_that_it_can_do_is_on_the_list_and_all_on_the_list_it_can_do(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers = {method.full_name: b"" for method in METHODS}
        observer = observer_of(scripted, clock)
        for call in public_calls(observer).values():
            await call_with_what_it_takes(call)
        await observer.aclose()

        assert set(scripted.methods) == OBSERVED_METHODS
        assert len(scripted.methods) == len(OBSERVED_METHODS)


def test_list_is_written_out_here_too() -> None:
    """So that adding to it is seen twice."""
    assert set(OBSERVED_METHODS) == {
        "grpc.Health/Check",
        "grpc.Health/Version",
        "grpc.AgentService/GetMetrics",
        "grpc.AgentService/StatsContainer",
        "grpc.AgentService/GetGuestDetails",
    }


def test_nothing_on_the_list_changes_a_guest() -> None:
    changing = {method.full_name for method in METHODS if method.changes_guest}

    assert changing
    assert not OBSERVED_METHODS & changing


def test_its_other_public_members_send_nothing() -> None:
    public = {name for name in dir(Observer) if not name.startswith("_")}
    calls = {
        name
        for name in public
        if inspect.iscoroutinefunction(inspect.getattr_static(Observer, name))
    }

    assert public - calls == {"alive", "connecting"}


async def test_calls_end_at_the_deadline_that_is_given(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers = {method.full_name: b"" for method in METHODS}
        observer = observer_of(scripted, clock)
        for call in public_calls(observer).values():
            arguments = {name: ARGUMENTS[name] for name in inspect.signature(call).parameters}
            await call(**{**arguments, "deadline": clock.monotonic() + 2})
        await observer.aclose()

        timeouts = [request.timeout_ns for request in scripted.asked]
        assert timeouts == [pytest.approx(1.9e9)] * len(OBSERVED_METHODS)


async def test_error_of_a_call_is_an_agent_error_and_the_connection_stays(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.AgentService/GetMetrics"] = StatusError(
            Code.PERMISSION_DENIED, "GetMetricsRequest is blocked by policy: "
        )
        observer = observer_of(scripted, clock)
        with pytest.raises(AgentError) as caught:
            await observer.guest_metrics(deadline=1e9)

        assert caught.value.reason is Reason.POLICY_BLOCKED
        assert observer.alive
        await observer.aclose()
        assert not observer.alive
