"""The table of methods: what each may cost, which changes a guest, which agents have it."""

import pytest

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.agent import methods
from kata_exporter.agent.methods import METHOD_OF, METHODS, About, Method, offered
from kata_exporter.agent.releases import Release, release_of
from kata_exporter.simulator.agent import versions
from kata_exporter.ttrpc.frames import MAX_MESSAGE_BYTES

SERVICES = {
    "grpc.AgentService": agent_pb2.DESCRIPTOR.services_by_name["AgentService"],
    "grpc.Health": health_pb2.DESCRIPTOR.services_by_name["Health"],
}
EACH = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
READ_ONLY = {
    *("Check", "Version", "GetMetrics", "StatsContainer", "GetGuestDetails"),
    *("ListInterfaces", "ListRoutes", "GetIPTables", "ListProcesses"),
    *("GetVolumeStats", "GetDiagnosticData"),
}


@EACH
def test_messages_are_those_of_the_protocol(method: Method) -> None:  # type: ignore[type-arg]  # of any messages
    described = SERVICES[method.service].methods_by_name[method.name]

    assert method.request.DESCRIPTOR is described.input_type
    assert method.response.DESCRIPTOR is described.output_type


def test_table_holds_every_method_of_the_protocol_once() -> None:
    described = [
        f"{service.full_name}/{method.name}"
        for service in SERVICES.values()
        for method in service.methods
    ]

    assert sorted(METHOD_OF) == sorted(described)
    assert len(METHODS) == len(METHOD_OF)


def test_answers_are_capped_below_what_the_wire_carries() -> None:
    assert all(0 < method.cap_bytes < MAX_MESSAGE_BYTES for method in METHODS)


def test_answers_without_content_have_the_lowest_cap() -> None:
    empty = [method for method in METHODS if not method.response.DESCRIPTOR.fields]

    assert len(empty) > 20
    assert {method.cap_bytes for method in empty} == {4 << 10}


def test_all_change_the_guest_but_those_written_out_here_too() -> None:
    """So that calling one harmless is seen twice."""
    assert {method.name for method in METHODS if not method.changes_guest} == READ_ONLY


@EACH
def test_what_a_request_names_is_in_it(method: Method) -> None:  # type: ignore[type-arg]  # of any messages
    names = set(method.request.DESCRIPTOR.fields_by_name)

    if method.about is About.PROCESS:
        assert {"container_id", "exec_id"} <= names
    if method.about is About.CONTAINER:
        assert "container_id" in names


@EACH
def test_releases_are_those_that_the_simulator_knows(method: Method) -> None:  # type: ignore[type-arg]  # of any messages
    """Two tables of the same facts, made apart."""
    if method.service != "grpc.AgentService":
        return
    for minor in range(60):
        for major in (2, 3, 4):
            release = versions.Release(major, minor)
            if versions.OLDEST <= release <= versions.NEWEST:
                assert offered(method, str(release)) == release.serves(method.name), release


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("4.1.0", (4, 1)),
        ("2.1.0-rc0", (2, 1)),
        ("3.32", (3, 32)),
        ("4.1.0-23-g7c6ba40c54", (4, 1)),
        ("2.0.0+dirty", (2, 0)),
        ("", None),
        ("4", None),
        ("v4.1.0", None),
        ("4.1x", None),
        ("99999.1.0", None),
        ("٤.1.0", None),
    ],
)
def test_release_is_read_from_a_version(version: str, release: tuple[int, int] | None) -> None:
    assert release_of(version) == release


def test_release_is_written_as_one_writes_it() -> None:
    assert str(Release(3, 32)) == "3.32"
    assert Release(3, 4) < Release(3, 32)


def test_version_that_cannot_be_read_is_given_credit() -> None:
    assert offered(methods.LIST_PROCESSES, "of my own")
    assert offered(methods.SET_POLICY, "")
