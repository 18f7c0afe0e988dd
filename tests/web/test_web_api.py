"""The API as it is read: the list, one sandbox, and what isn't there."""

import pytest

from api_site import BOX, ApiSite
from fake_clock import FakeClock
from kata_exporter.model import (
    Container,
    ContainerState,
    Pod,
    Runtime,
    SandboxGone,
    SandboxSeen,
)

LIST = "/api/v1/sandboxes"

SEEN = SandboxSeen(
    "directory:/run/kata",
    "vm-1",
    "hvsock:///run/kata/vm-1/root/clh.sock:1024",
    "first",
    Runtime.RUST,
    Pod("shop", "web-0", "u-1", "kata-clh", {"app": "web"}),
    (Container("ctr-1", "app", "app:1", ContainerState.RUNNING, attempt=2),),
)


async def test_a_sandbox_is_listed_with_all_that_is_known_of_it(
    api: ApiSite, clock: FakeClock
) -> None:
    api.known.registry.apply(SEEN)
    api.known.registry.apply(SandboxSeen("cri", "vm-1", "", "created 7"))
    api.known.silent["vm-1"] = ("timeout", "no answer within 5 s")
    clock.advance(12.34)

    answer = await api.public("GET", LIST)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "sandboxes": [
            {
                "id": "vm-1",
                "generation": 1,
                "runtime": "rust",
                "agent_url": "hvsock:///run/kata/vm-1/root/clh.sock:1024",
                "sources": ["cri", "directory:/run/kata"],
                "pod": {
                    "namespace": "shop",
                    "name": "web-0",
                    "uid": "u-1",
                    "runtime_handler": "kata-clh",
                    "labels": {"app": "web"},
                },
                "containers": [
                    {
                        "id": "ctr-1",
                        "name": "app",
                        "image": "app:1",
                        "state": "running",
                        "attempt": 2,
                    }
                ],
                "up": False,
                "reason": "timeout",
                "detail": "no answer within 5 s",
                "known_seconds": 12.3,
                "published": True,
                "lease_seconds": None,
                "oom": {"guest_kills": None, "reported": {}, "inferred": {}, "refusal": ""},
            }
        ]
    }


async def test_sandboxes_stand_by_namespace_pod_and_id(api: ApiSite) -> None:
    places = [
        ("b", "a", "s5"),
        ("a", "b", "s1"),
        ("a", "a", "s9"),
        ("a", "a", "s2"),
        ("", "", "s7"),
    ]
    for namespace, pod, sandbox_id in places:
        api.known.registry.apply(
            SandboxSeen("cri", sandbox_id, "unix:///a", "x", pod=Pod(namespace, pod))
        )

    sandboxes = (await api.public("GET", LIST)).json()["sandboxes"]

    assert [sandbox["id"] for sandbox in sandboxes] == ["s7", "s2", "s9", "s1", "s5"]


async def test_without_sandboxes_the_list_is_empty(api: ApiSite) -> None:
    assert (await api.public("GET", LIST)).json() == {"sandboxes": []}


async def test_the_public_list_is_made_once_a_second_at_most_and_the_admins_each_time(
    api: ApiSite, clock: FakeClock
) -> None:
    await api.public("GET", LIST)
    api.known.registry.apply(SEEN)

    assert (await api.public("GET", LIST)).json()["sandboxes"] == []
    assert len((await api.admin("GET", LIST)).json()["sandboxes"]) == 1
    clock.advance(1.0)
    assert len((await api.public("GET", LIST)).json()["sandboxes"]) == 1


async def test_one_sandbox_is_what_the_list_has_of_it(api: ApiSite) -> None:
    api.known.registry.apply(SEEN)

    for listener in (api.public, api.admin):
        (listed,) = (await api.admin("GET", LIST)).json()["sandboxes"]
        assert (await listener("GET", f"{LIST}/vm-1")).json() == listed


async def test_texts_of_any_kind_are_ascii_on_the_wire(api: ApiSite) -> None:
    pod = Pod("shop", 'we"b\u202e\n-0')
    api.known.registry.apply(SandboxSeen("cri", "vm-1", "unix:///a", "x", pod=pod))

    answer = await api.public("GET", f"{LIST}/vm-1")

    assert answer.body.isascii()
    assert answer.json()["pod"]["name"] == pod.name


@pytest.mark.parametrize("path", [LIST, f"{LIST}/vm-1", "/api/v1/openapi.json"])
async def test_answers_are_not_to_be_stored_or_taken_for_something_else(
    api: ApiSite, path: str
) -> None:
    api.known.registry.apply(SEEN)

    for listener in (api.public, api.admin):
        answer = await listener("GET", path)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_sandbox_that_is_gone_is_not_found(api: ApiSite) -> None:
    api.known.registry.apply(SEEN)
    api.known.registry.apply(SandboxGone(SEEN.source, SEEN.id))

    answer = await api.public("GET", f"{LIST}/vm-1")

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no sandbox 'vm-1' is known: /api/v1/sandboxes lists them",
    }


@pytest.mark.parametrize(
    "path",
    [
        b"/api/v1/sandboxes/..",
        b"/api/v1/sandboxes/../../metrics",
        b"/api/v1/sandboxes/%2e%2e",
        b"/api/v1/sandboxes/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        b"/api/v1/sandboxes/vm-1%00",
        b"/api/v1/sandboxes/vm-1%0a",
        b"/api/v1/sandboxes/vm-1/",
        b"/api/v1/sandboxes/vm-1%2f",
        b"/api/v1/sandboxes/vm-1%20",
        b"/api/v1/sandboxes/VM-1",
        b"/api/v1/sandboxes/%76m-2",
        b"/api/v1/sandboxes/" + b"a" * 4096,
        b"/api/v1/sandboxes/%ff%fe",
        b"/api/v1/sandboxes/%e2%80%ae",
        b"/api/v1/sandboxes/{id}",
        b"/api/v1/sandboxes/*",
        b"/api/v1/sandboxes/",
        b"/api/v2/sandboxes",
        b"/api/",
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"DELETE"])
async def test_an_id_that_is_not_known_as_it_stands_is_not_found(
    api: ApiSite, method: bytes, path: bytes
) -> None:
    """Nothing is normalised into an id, and nothing but the table of ids is looked at."""
    api.known.registry.apply(SEEN)

    answer = await api.raw(
        method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"application/problem+json" in head
    assert body.isascii()
    assert len(body) < 400
    assert len(api.known.registry.sandboxes()) == 1


async def test_a_nul_in_the_path_is_no_request_at_all(api: ApiSite) -> None:
    answer = await api.raw(b"GET /api/v1/sandboxes/\0 HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.startswith(b"HTTP/1.0 400 ")


async def test_another_method_is_told_which_there_are(api: ApiSite) -> None:
    answer = await api.admin("PUT", LIST)

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert answer.json()["detail"] == "PUT is not for this path: it takes GET, HEAD, POST"


@pytest.mark.parametrize(("method", "path"), [("POST", LIST), ("DELETE", f"{LIST}/box-1")])
async def test_the_public_listener_only_reads(api: ApiSite, method: str, path: str) -> None:
    await api.register()

    answer = await api.public(method, path, json=BOX)

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == (
        f"{method} is only for the admin socket: see --web.admin-socket"
    )
    assert len(api.known.registry.sandboxes()) == 1


@pytest.mark.parametrize("path", [LIST, f"{LIST}/box-1"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE"])
async def test_the_public_listener_names_no_method_that_it_refuses(
    api: ApiSite, method: str, path: str
) -> None:
    answer = await api.public(method, path)

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.json()["detail"] == f"{method} is not for this path: it takes GET, HEAD"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_error_of_our_own_is_a_problem_too_and_tells_nothing(
    api: ApiSite,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_sandbox_id: str) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(api.known, "listed_sandbox", fail)

    answer = await api.admin(method, f"{LIST}/box-1")

    assert answer.status == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json()["detail"] == "this is an error of the exporter's own: its log says more"
    assert api.requests == [("/api/v1/sandboxes/{id}", 500)]
    assert [record.getMessage() for record in caplog.records] == ["request failed"]
    assert "the inside" in caplog.text


async def test_requests_are_counted_under_a_closed_set_of_paths(api: ApiSite) -> None:
    await api.register()
    for path in (LIST, f"{LIST}/box-1", f"{LIST}/none", "/api/v1/openapi.json", "/api/nothing"):
        await api.public("GET", path)
    await api.public("POST", LIST)
    await api.admin("DELETE", f"{LIST}/box-1")

    assert api.requests == [
        ("/api/v1/sandboxes", 201),
        ("/api/v1/sandboxes", 200),
        ("/api/v1/sandboxes/{id}", 200),
        ("/api/v1/sandboxes/{id}", 404),
        ("/api/v1/openapi.json", 200),
        ("unknown", 404),
        ("/api/v1/sandboxes", 405),
        ("/api/v1/sandboxes/{id}", 204),
    ]


async def test_the_configuration_is_reloaded_over_the_admin_socket_without_any_flag(
    api: ApiSite,
) -> None:
    assert (await api.public("POST", "/-/reload")).status == 403
    assert api.reloads == 0

    answer = await api.admin("POST", "/-/reload")

    assert (answer.status, answer.body) == (200, b"reloaded\n")
    assert api.reloads == 1


async def test_the_admin_socket_has_every_page_of_the_public_listener(api: ApiSite) -> None:
    for path in ("/metrics", "/", "/-/healthy", "/-/ready", LIST, "/api/v1/openapi.json"):
        assert (await api.admin("GET", path)).status == 200, path
