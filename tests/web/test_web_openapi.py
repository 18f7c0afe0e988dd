"""The API's description is valid, and what the server takes and gives is what it says."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from api_site import BOX, ApiSite
from kata_exporter.model import Container, ContainerState, Pod, Runtime, SandboxSeen
from kata_exporter.web.openapi import description
from kata_exporter.web.problem import Problem
from kata_exporter.web.registration_body import decode_registration

LIST = "/api/v1/sandboxes"
DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


def validator(name: str) -> Draft202012Validator:
    """Validates against one of the description's schemas."""
    schema = {"$ref": f"#/components/schemas/{name}"}
    return Draft202012Validator({**schema, "components": description()["components"]})


def undocumented(value: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    """Return the keys of a value that its schema doesn't name."""
    if "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [found for one in value for found in undocumented(one, schema["items"], where)]
    if not isinstance(value, dict) or "additionalProperties" in schema:
        return []
    properties = schema["properties"]
    found = [f"{where}/{key}" for key in value if key not in properties]
    for key in value.keys() & properties.keys():
        found += undocumented(value[key], properties[key], f"{where}/{key}")
    return found


def response_schema(path: str, method: str, status: int, content_type: str) -> dict[str, Any]:
    responses = description()["paths"][path][method]["responses"]
    schema: dict[str, Any] = responses[str(status)]["content"][content_type]["schema"]
    return schema


def check(value: Any, schema: dict[str, Any]) -> None:
    name = schema["$ref"].rpartition("/")[2]
    validator(name).validate(value)
    assert undocumented(value, schema) == []


def test_the_description_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(description()).validate()


def test_the_committed_document_is_the_description() -> None:
    assert json.loads(DOCUMENT.read_text()) == description()


async def test_it_is_served_on_both_listeners(api: ApiSite) -> None:
    for listener in (api.public, api.admin):
        assert (await listener("GET", "/api/v1/openapi.json")).json() == description()


async def test_every_path_and_method_of_it_is_there_and_no_other(api: ApiSite) -> None:
    for path, operations in description()["paths"].items():
        real = path.replace("{id}", "box-1")
        for method in ("get", "put", "post", "delete", "patch"):
            status = (await api.admin(method.upper(), real)).status
            assert (status == 405) == (method not in operations), (method, path)


async def test_answers_are_as_described(api: ApiSite) -> None:
    api.known.registry.apply(
        SandboxSeen(
            "cri",
            "vm-1",
            "vsock://3:1024",
            "x",
            Runtime.GO,
            Pod("shop", "web-0", "u-1", "kata", {"app": "web"}),
            (Container("c1", "app", "app:1", ContainerState.EXITED), Container("vm-1")),
        )
    )
    created = await api.register()
    answers = [
        (LIST, "post", created),
        (LIST, "post", await api.register()),
        (LIST, "get", await api.public("GET", LIST)),
        ("/api/v1/sandboxes/{id}", "get", await api.public("GET", f"{LIST}/vm-1")),
    ]

    for path, method, answer in answers:
        schema = response_schema(path, method, answer.status, answer.headers["Content-Type"])
        check(answer.json(), schema)
    assert [answer.status for _, _, answer in answers] == [201, 200, 200, 200]


async def test_problems_are_as_described(api: ApiSite) -> None:
    api.known.registry.apply(SandboxSeen("cri", "vm-1", "vsock://3:1024", "x"))
    text = {"Content-Type": "text/plain"}
    one = "/api/v1/sandboxes/{id}"
    answers = [
        (400, LIST, "post", await api.admin("POST", LIST, data="{", headers={**text, **JSON})),
        (405, LIST, "post", await api.public("POST", LIST)),
        (413, LIST, "post", await api.admin("POST", LIST, data=b" " * 70_000, headers=JSON)),
        (415, LIST, "post", await api.admin("POST", LIST, data="{}", headers=text)),
        (422, LIST, "post", await api.admin("POST", LIST, json={"id": 1})),
        (404, one, "get", await api.public("GET", f"{LIST}/none")),
        (404, one, "delete", await api.admin("DELETE", f"{LIST}/none")),
        (405, one, "delete", await api.public("DELETE", f"{LIST}/vm-1")),
        (409, one, "delete", await api.admin("DELETE", f"{LIST}/vm-1")),
    ]

    for status, path, method, answer in answers:
        assert answer.status == answer.json()["status"] == status
        check(answer.json(), response_schema(path, method, status, answer.headers["Content-Type"]))


JSON = {"Content-Type": "application/json"}

BODIES: list[Any] = [
    BOX,
    {"id": "a1", "agent_url": "unix:///a"},
    {"id": "a1"},
    {"agent_url": "unix:///a"},
    {},
    [],
    "text",
    None,
    {**BOX, "more": 1},
    {**BOX, "oom": {}},
    {**BOX, "oom": {"source": "off", "only_consumer": True}},
    {**BOX, "oom": {"source": ["agent", "vmstat"]}},
    {**BOX, "oom": {"source": ["auto"]}},
    {**BOX, "oom": {"source": "cri"}},
    {**BOX, "oom": {"only_consumer": "true"}},
    {**BOX, "id": "a"},
    {**BOX, "id": "a" * 128},
    {**BOX, "id": "a" * 129},
    {**BOX, "id": "../a"},
    {**BOX, "id": 1},
    {**BOX, "agent_url": "unix:///" + "a" * 4088},
    {**BOX, "agent_url": "unix:///" + "a" * 4089},
    {**BOX, "agent_url": ""},
    {**BOX, "pod": {}},
    {**BOX, "pod": None},
    {**BOX, "pod": {"labels": {}}},
    {**BOX, "pod": {"uid": 1}},
    {**BOX, "pod": {"uid": "u" * 253}},
    {**BOX, "pod": {"uid": "u" * 254}},
    {**BOX, "containers": []},
    {**BOX, "containers": {}},
    {**BOX, "containers": ["c1"]},
    {**BOX, "containers": [{"name": "c1"}]},
    {**BOX, "containers": [{"id": "c1", "state": "running"}]},
    {**BOX, "containers": [{"id": "c1", "image": "i" * 512}]},
    {**BOX, "containers": [{"id": "c1", "image": "i" * 513}]},
    {**BOX, "containers": [{"id": f"c-{number}"} for number in range(256)]},
    {**BOX, "containers": [{"id": f"c-{number}"} for number in range(257)]},
    {**BOX, "lease_seconds": 5},
    {**BOX, "lease_seconds": 4.9},
    {**BOX, "lease_seconds": 3600},
    {**BOX, "lease_seconds": 3600.1},
    {**BOX, "lease_seconds": True},
    {**BOX, "lease_seconds": "60"},
    {**BOX, "lease_seconds": None},
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_what_is_taken_is_what_the_schema_takes(body: Any) -> None:
    try:
        decode_registration(body)
    except Problem:
        is_taken = False
    else:
        is_taken = True

    assert validator("Registration").is_valid(body) is is_taken
