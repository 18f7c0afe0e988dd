"""The table of methods: what each may cost, and which changes a guest."""

import pytest

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.agent.methods import GET_OOM_EVENT, METHODS, Method
from kata_exporter.ttrpc.frames import MAX_MESSAGE_BYTES

SERVICES = {
    "grpc.AgentService": agent_pb2.DESCRIPTOR.services_by_name["AgentService"],
    "grpc.Health": health_pb2.DESCRIPTOR.services_by_name["Health"],
}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_messages_are_those_of_the_protocol(method: Method) -> None:  # type: ignore[type-arg]  # of any messages
    described = SERVICES[method.service].methods_by_name[method.name]

    assert method.request.DESCRIPTOR is described.input_type
    assert method.response.DESCRIPTOR is described.output_type


def test_table_holds_each_method_once() -> None:
    names = [method.full_name for method in METHODS]

    assert len(set(names)) == len(names)


def test_answers_are_capped_below_what_the_wire_carries() -> None:
    assert all(0 < method.cap_bytes < MAX_MESSAGE_BYTES for method in METHODS)


def test_only_waiting_for_an_oom_event_changes_a_guest_and_has_no_end() -> None:
    assert [method for method in METHODS if method.changes_guest] == [GET_OOM_EVENT]
    assert [method for method in METHODS if method.timeout_seconds is None] == [GET_OOM_EVENT]
