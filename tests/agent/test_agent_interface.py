"""The interface: 45 methods under their names, all of them real in client and mock."""

import inspect
from pathlib import Path
from typing import Any

import pytest

from agent_calls import AGENT_CALLS
from fake_clock import FakeClock
from kata_exporter.agent import Agent, KataAgent, MockAgent
from kata_exporter.agent.catalog import CATALOG
from kata_exporter.agent.methods import METHODS
from scripted_agent import scripted_agent

NAMES = """
    init capabilities check long_live_conn disconnect get_agent_url set_agent_url reuse_agent
    create_sandbox exec start_sandbox stop_sandbox create_container start_container stop_container
    signal_process winsize_process write_process_stdin close_process_stdin read_process_stdout
    read_process_stderr process_list_container update_container wait_process online_cpu_mem
    mem_hotplug_by_probe stats_container pause_container resume_container configure
    configure_from_grpc reseed_rng update_interface list_interfaces update_routes list_routes
    get_guest_details set_guest_date_time copy_file mark_dead cleanup save load get_oom_event
    get_agent_metrics
""".split()
ENTRIES = [entry for entries in CATALOG.values() for entry in entries]


def members(of: type) -> dict[str, Any]:
    return {
        name: member
        for name, member in inspect.getmembers(of, inspect.isfunction)
        if not name.startswith("_")
    }


def declaring_module(of: type, name: str) -> str:
    return next(base.__module__ for base in of.__mro__ if name in vars(base))


def test_interface_is_the_45_methods_of_katas_runtime() -> None:
    assert len(NAMES) == 45
    assert set(members(Agent)) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_method_says_what_it_does(name: str) -> None:
    assert inspect.getdoc(getattr(Agent, name))
    assert inspect.getdoc(getattr(KataAgent, name)) == inspect.getdoc(getattr(Agent, name))


@pytest.mark.parametrize("agent", [KataAgent, MockAgent])
@pytest.mark.parametrize("name", NAMES)
def test_each_method_is_real(agent: type, name: str) -> None:
    """A method that is only declared would do nothing, and say nothing."""
    assert not declaring_module(agent, name).startswith("kata_exporter.agent.interface")


@pytest.mark.parametrize("agent", [KataAgent, MockAgent])
@pytest.mark.parametrize("name", NAMES)
def test_each_method_takes_what_the_interface_says(agent: type, name: str) -> None:
    assert inspect.signature(getattr(agent, name)) == inspect.signature(getattr(Agent, name))


async def test_both_are_agents_to_the_type_checker(clock: FakeClock) -> None:
    async with scripted_agent(clock) as scripted:
        agents: list[Agent] = [KataAgent(scripted.dial_url), MockAgent()]

    assert [agent.long_live_conn() for agent in agents] == [True, True]


def test_what_asks_takes_a_deadline_and_the_rest_takes_none() -> None:
    asking = {entry.name for entry in ENTRIES if entry.rpcs}
    with_deadline = {
        name
        for name, member in members(KataAgent).items()
        if "deadline" in inspect.signature(member).parameters
    }

    assert with_deadline == asking


def test_catalog_holds_every_method_of_the_client_once() -> None:
    names = [entry.name for entry in ENTRIES]

    assert sorted(names) == sorted(set(members(KataAgent)) - {"aclose"})
    assert {entry.name for entry in ENTRIES if entry.in_interface} == set(NAMES)


def test_catalog_names_the_rpcs_that_are_sent() -> None:
    """Those of a call that does all it can do, in order; start_sandbox leaves some out here."""
    for entry in ENTRIES:
        if entry.rpcs:
            named = [method.full_name for method in entry.rpcs]
            sent = AGENT_CALLS[entry.name].rpcs
            assert sent == [name for name in named if name in sent]
            assert entry.name == "start_sandbox" or sent == named


def test_every_rpc_is_in_the_catalog() -> None:
    assert {method for entry in ENTRIES for method in entry.rpcs} == set(METHODS)


def test_files_of_the_interface_are_one_noun_each() -> None:
    folder = Path(inspect.getfile(Agent)).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "agent"}

    assert files == set(CATALOG)
