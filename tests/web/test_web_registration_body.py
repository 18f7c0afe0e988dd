"""What a registration's body may hold, to the last character."""

from typing import Any

import pytest

from api_site import BOX
from kata_exporter.model import Container, OwnOomRules, Pod, Registration
from kata_exporter.web.problem import Problem
from kata_exporter.web.registration_body import MAX_CONTAINERS, decode_registration


def faults(**changes: Any) -> dict[str, str]:
    with pytest.raises(Problem) as caught:
        decode_registration({**BOX, **changes})
    return {fault.pointer: fault.detail for fault in caught.value.faults}


def test_a_body_becomes_a_registration() -> None:
    found = decode_registration(BOX)

    assert found.lease_seconds == 45.0
    assert found.registration == Registration(
        "box-1",
        "unix:///run/box-1.sock",
        Pod("shop", "web-0", "u-1"),
        (Container("ctr-1", "app", "app:1"),),
    )


@pytest.mark.parametrize(
    ("oom", "rules"),
    [
        ({}, OwnOomRules()),
        ({"source": "auto"}, OwnOomRules(("auto",))),
        ({"source": "off"}, OwnOomRules(())),
        ({"source": "agent", "only_consumer": True}, OwnOomRules(("agent",), only_consumer=True)),
        ({"source": ["agent", "vmstat", "agent"]}, OwnOomRules(("agent", "vmstat"))),
        ({"only_consumer": False}, OwnOomRules(only_consumer=False)),
    ],
)
def test_rules_for_ooms_are_those_that_are_told(oom: dict[str, Any], rules: OwnOomRules) -> None:
    assert decode_registration({**BOX, "oom": oom}).registration.oom == rules


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "a1"},
        {"id": "a" * 128},
        {"pod": {}},
        {"pod": {"name": "n" * 253}},
        {"pod": {"name": "имя-0"}},
        {"containers": []},
        {"containers": [{"id": "box-1"}]},
        {"containers": [{"id": f"c-{number}"} for number in range(MAX_CONTAINERS)]},
        {"containers": [{"id": "c1", "image": "i" * 512}]},
        {"lease_seconds": 5},
        {"lease_seconds": 3600.0},
        {"agent_url": "mock:///a"},
    ],
)
def test_what_is_within_the_bounds_is_taken(changes: dict[str, Any]) -> None:
    decode_registration({**BOX, **changes})


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"id": "a"}, "#/id", "is no id"),
        ({"id": ""}, "#/id", "is no id"),
        ({"id": "a" * 129}, "#/id", "has 129 characters"),
        ({"id": "-a"}, "#/id", "is no id"),
        ({"id": "a\n"}, "#/id", "U+000A"),
        ({"id": "bóx"}, "#/id", "is no id"),
        ({"id": 7}, "#/id", "must be text"),
        ({"id": None}, "#/id", "must be text; here is null"),
        ({"agent_url": ""}, "#/agent_url", "no scheme"),
        ({"agent_url": "unix://relative"}, "#/agent_url", "not absolute"),
        ({"agent_url": "unix:///a\0b"}, "#/agent_url", "U+0000"),
        ({"agent_url": "unix:///\ud800"}, "#/agent_url", "U+D800"),
        ({"agent_url": "unix:///" + "a" * 4089}, "#/agent_url", "has 4097 characters"),
        ({"agent_url": ["unix:///a"]}, "#/agent_url", "must be text; here is a list"),
        ({"pod": None}, "#/pod", "must be an object with the keys namespace, name, uid"),
        ({"pod": {"uid": "\x1b[31m"}}, "#/pod/uid", "U+001B"),
        ({"pod": {"runtime_handler": "kata"}}, "#/pod/runtime_handler", "unknown key"),
        ({"containers": {}}, "#/containers", "must be a list; here is an object"),
        ({"containers": [{"id": "c1"}] * 257}, "#/containers", "has 257 entries"),
        ({"containers": [{"id": "c1", "state": "running"}]}, "#/containers/0/state", "unknown"),
        ({"containers": [{"id": "c1", "image": "i" * 513}]}, "#/containers/0/image", "513"),
        ({"oom": None}, "#/oom", "must be an object with the keys source, only_consumer"),
        ({"oom": {"source": "cri"}}, "#/oom/source", "is no source of OOMs"),
        ({"oom": {"source": ["auto"]}}, "#/oom/source/0", "is no source of OOMs"),
        ({"oom": {"source": ["agent"] * 5}}, "#/oom/source", "has 5 entries"),
        ({"oom": {"only_consumer": 1}}, "#/oom/only_consumer", "must be true or false"),
        ({"lease_seconds": 4.99}, "#/lease_seconds", "from 5 to 3600, not 4.99"),
        ({"lease_seconds": 3601}, "#/lease_seconds", "from 5 to 3600, not 3601"),
        ({"lease_seconds": 1e999}, "#/lease_seconds", "not one beyond all bounds"),
        ({"lease_seconds": "60"}, "#/lease_seconds", "must be a number from 5 to 3600"),
        ({"lease_seconds": None}, "#/lease_seconds", "here is null"),
        ({"generation": 1}, "#/generation", "unknown key"),
        ({"a/b%\ud800" + "x" * 5000: 1}, "#/a~1b%25%3F" + "x" * 59, "unknown key"),
    ],
)
def test_what_is_not_is_named_and_alone(changes: dict[str, Any], pointer: str, detail: str) -> None:
    found = faults(**changes)

    assert list(found) == [pointer]
    assert detail in found[pointer]
    assert len(found[pointer]) < 9000
    assert pointer.isascii()


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Problem) as caught:
        decode_registration({})

    assert [fault.pointer for fault in caught.value.faults] == ["#/id", "#/agent_url"]
