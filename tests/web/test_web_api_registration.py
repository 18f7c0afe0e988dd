"""Registering over the admin socket: leases, renewals, removals, and bodies of every kind."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from api_site import BOX, ApiSite
from fake_clock import FakeClock
from kata_exporter.discovery.registration import MAX_REGISTRATIONS
from kata_exporter.model import Registration, SandboxSeen
from kata_exporter.web.json_body import MAX_BODY_BYTES
from waiting import soon

LIST = "/api/v1/sandboxes"
ONE = "/api/v1/sandboxes/box-1"


async def test_a_sandbox_is_registered_and_then_renewed(api: ApiSite, clock: FakeClock) -> None:
    created = await api.register()

    assert (created.status, created.headers["Location"]) == (201, ONE)
    assert created.json() == (await api.admin("GET", ONE)).json()
    assert created.json()["sources"] == ["registration"]
    assert created.json()["lease_seconds"] == 45.0
    assert created.json()["containers"] == [
        {"id": "ctr-1", "name": "app", "image": "app:1", "state": "unknown", "attempt": 0}
    ]

    clock.advance(40.0)
    assert (await api.admin("GET", ONE)).json()["lease_seconds"] == 5.0
    renewed = await api.register(lease_seconds=30.5)

    assert renewed.status == 200
    assert "Location" not in renewed.headers
    assert renewed.json()["lease_seconds"] == 30.5
    assert renewed.json()["generation"] == created.json()["generation"]
    assert renewed.json()["known_seconds"] == 40.0


async def test_a_sandbox_goes_with_its_lease(api: ApiSite, clock: FakeClock) -> None:
    await api.register()
    clock.advance(44.9)
    assert (await api.admin("GET", ONE)).status == 200

    clock.advance(0.1)

    assert (await api.admin("GET", ONE)).status == 404


async def test_id_and_url_are_enough_and_the_lease_is_a_minute(api: ApiSite) -> None:
    body = {"id": "box-1", "agent_url": "vsock://007:1024"}

    answer = await api.admin("POST", LIST, json=body)

    assert answer.status == 201
    assert answer.json()["agent_url"] == "vsock://7:1024"
    assert answer.json()["lease_seconds"] == 60.0
    assert answer.json()["pod"]["name"] == ""


async def test_another_agent_url_is_another_generation(api: ApiSite) -> None:
    await api.register()

    answer = await api.register(agent_url="unix:///run/other.sock")

    assert (answer.status, answer.json()["generation"]) == (200, 2)


async def test_removing_is_done_once(api: ApiSite, clock: FakeClock) -> None:
    await api.register()

    answer = await api.admin("DELETE", ONE)
    assert (answer.status, answer.body) == (204, b"")
    assert (await api.admin("DELETE", ONE)).status == 404
    assert clock.pending == 0


async def test_what_only_others_see_is_not_removed(api: ApiSite) -> None:
    for source in ("cri", "directory:/run/kata"):
        api.known.registry.apply(SandboxSeen(source, "box-1", "unix:///a", "x"))

    answer = await api.admin("DELETE", ONE)

    assert answer.status == 409
    assert answer.json()["detail"] == (
        "sandbox box-1 is not registered; it is known from: cri, directory:/run/kata"
    )


async def test_what_others_see_too_stays_when_its_registration_is_removed(api: ApiSite) -> None:
    api.known.registry.apply(SandboxSeen("cri", "box-1", "", "x"))
    await api.register()

    assert (await api.admin("DELETE", ONE)).status == 204

    left = (await api.admin("GET", ONE)).json()
    assert (left["sources"], left["lease_seconds"]) == (["cri"], None)


async def test_no_more_are_taken_than_there_may_be(api: ApiSite) -> None:
    for number in range(MAX_REGISTRATIONS):
        registration = Registration(f"full-{number}", f"unix:///{number}")
        api.known.registrations.register(registration, 60.0)

    answer = await api.register()

    assert answer.status == 409
    assert "1000 sandboxes are registered" in answer.json()["detail"]
    assert (await api.register(id="full-7")).status == 200


async def test_all_that_is_wrong_is_in_one_answer(api: ApiSite) -> None:
    answer = await api.admin(
        "POST",
        LIST,
        json={
            "id": "../etc",
            "agent_url": "tcp://10.0.0.1:1",
            "pod": {"namespace": 7, "name": "n" * 254, "labels": {}},
            "containers": [{"id": "ok-1"}, {"name": "x"}, "c2", {"id": "ok-1", "image": None}],
            "lease_seconds": True,
            "agent~/url": 1,
        },
    )

    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["title"] == "Unprocessable Entity"
    assert {fault["pointer"]: fault["detail"] for fault in problem["errors"]} == {
        "#/id": "'../etc' is no id: 2 to 128 ASCII letters, digits, '_', '.' or '-',"
        " a letter or digit first",
        "#/agent_url": "agent URL 'tcp://10.0.0.1:1': unknown scheme 'tcp';"
        " known: unix, remote, mock, hvsock, vsock",
        "#/pod/namespace": "must be text; here is a number",
        "#/pod/name": "has 254 characters, where 0 to 253 are allowed",
        "#/pod/labels": "unknown key; it is one of namespace, name, uid",
        "#/containers/1/id": "is missing: add it",
        "#/containers/2": "must be an object with the keys id, name, image; here is text",
        "#/containers/3/id": "is the id of another container too: give each an id of its own",
        "#/containers/3/image": "must be text; here is null",
        "#/lease_seconds": "must be a number from 5 to 3600; here is true or false",
        "#/agent~0~1url": "unknown key; did you mean 'agent_url'?",
    }
    assert api.known.registry.sandboxes() == ()


async def test_faults_without_end_are_counted_and_not_all_listed(api: ApiSite) -> None:
    body = json.dumps({**BOX, **{f"k{number}": 1 for number in range(5000)}})

    answer = await api.admin("POST", LIST, data=body, headers={"Content-Type": "application/json"})

    assert answer.status == 422
    assert len(answer.json()["errors"]) == 100
    assert answer.json()["detail"].endswith("; 4900 more faults are not listed")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"{} {}", "the body is not JSON"),
        (b"\xef\xbb\xbf{}", "the body is not JSON"),
        (b'{"id": "\xff"}', "the body is not JSON"),
        (b'{"lease_seconds": NaN}', "NaN is no number of JSON"),
        (b'{"lease_seconds": -Infinity}', "-Infinity is no number of JSON"),
        (b'{"lease_seconds": ' + b"9" * 5000 + b"}", "more than 18 digits"),
        (b'{"id": "a1", "id": "b1"}', "the key 'id' stands twice in one object"),
        (b'{"pod": {"uid": "", "uid": ""}}', "the key 'uid' stands twice in one object"),
        (b"[" * 60_000, "nested too deeply"),
        (b'{"a":' * 10_000, "nested too deeply"),
    ],
)
async def test_a_body_that_is_no_json_is_refused_whole(
    api: ApiSite, body: bytes, detail: str
) -> None:
    answer = await api.admin("POST", LIST, data=body, headers={"Content-Type": "application/json"})

    assert answer.status == 400
    assert detail in answer.json()["detail"]
    assert len(answer.body) < 400


@pytest.mark.parametrize("value", [None, 7, "text", [], True])
async def test_a_body_that_is_no_object_is_refused(api: ApiSite, value: Any) -> None:
    body = json.dumps(value).encode()

    answer = await api.admin("POST", LIST, data=body, headers={"Content-Type": "application/json"})

    assert answer.status == 422
    pointers = [fault["pointer"] for fault in answer.json()["errors"]]
    assert pointers == ["#"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_of_another_kind_is_not_read(api: ApiSite, headers: dict[str, str]) -> None:
    answer = await api.admin("POST", LIST, data=json.dumps(BOX).encode(), headers=headers)

    assert answer.status == 415
    assert answer.json()["title"] == "Unsupported Media Type"
    assert api.known.registry.sandboxes() == ()


async def test_a_body_may_be_64_kib_long_and_no_longer(api: ApiSite) -> None:
    text = json.dumps(BOX)
    headers = {"Content-Type": "application/json"}

    fits = text.ljust(MAX_BODY_BYTES).encode()
    assert (await api.admin("POST", LIST, data=fits, headers=headers)).status == 201
    answer = await api.admin("POST", LIST, data=fits + b" ", headers=headers)

    assert answer.status == 413
    assert answer.json()["detail"] == "the body is longer than 65536 bytes"


async def test_a_body_without_end_is_cut_off(api: ApiSite) -> None:
    head = b"POST /api/v1/sandboxes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    answer = await api.raw(
        head
        + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + 3 * chunk
        + b"0\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_does_not_come_is_given_up(clock: FakeClock, tmp_path: Path) -> None:
    api = ApiSite(clock, tmp_path, body_seconds=0.05)
    await api.start()
    reader, writer = await asyncio.open_unix_connection(str(api.socket))
    writer.write(
        b"POST /api/v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b'Content-Length: 100\r\n\r\n{"id":'
    )

    head = await reader.readuntil(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in head
    assert api.known.registry.sandboxes() == ()
    writer.close()
    await writer.wait_closed()
    await api.aclose()


async def test_who_hangs_up_in_mid_body_registers_nothing_and_leaves_nothing(api: ApiSite) -> None:
    _, writer = await asyncio.open_unix_connection(str(api.socket))
    writer.write(
        b"POST /api/v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b'Content-Length: 100\r\n\r\n{"id":'
    )
    await writer.drain()

    writer.close()
    await writer.wait_closed()

    await soon(lambda: api.requests)
    assert api.known.registry.sandboxes() == ()


async def test_a_server_that_knows_nobody_yet_says_so(api: ApiSite) -> None:
    """Before discovery has begun, a registration is kept and not listed."""
    api.known.registrations.watch(lambda _event: None)

    answer = await api.register()

    assert answer.status == 503
    assert "register the sandbox again" in answer.json()["detail"]
