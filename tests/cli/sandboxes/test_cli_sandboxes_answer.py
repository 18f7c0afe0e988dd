"""An exporter's answer: what is read of it, and what is told of one that isn't an exporter's."""

import json
from typing import Any

import pytest

from kata_exporter.cli.sandboxes.known import AnswerError, known_sandbox, parse_answer

WHOLE: dict[str, Any] = {
    "id": "demo-1",
    "generation": 2,
    "runtime": "go",
    "agent_url": "unix:///a",
    "sources": ["cri", "directory"],
    "pod": {
        "namespace": "shop",
        "name": "web-0",
        "uid": "u",
        "runtime_handler": "kata",
        "labels": {},
    },
    "containers": [
        {"id": "c1", "name": "app", "image": "i", "state": "running"},
        {"id": "c2", "name": "old", "image": "i", "state": "exited"},
    ],
    "up": True,
    "reason": "ok",
    "detail": "",
    "known_seconds": 12,
    "published": True,
    "lease_seconds": None,
}


def test_all_that_is_shown_is_read() -> None:
    (entry,) = parse_answer(json.dumps({"sandboxes": [WHOLE]}).encode())
    sandbox = known_sandbox(entry)

    assert (sandbox.id, sandbox.generation, sandbox.namespace, sandbox.pod) == (
        "demo-1",
        2,
        "shop",
        "web-0",
    )
    assert (sandbox.running, sandbox.containers, sandbox.known_seconds) == (1, 2, 12.0)
    assert sandbox.sources == ("cri", "directory")
    assert sandbox.lease_seconds is None


def test_what_a_newer_exporter_adds_is_passed_over_and_what_an_older_one_lacks_has_a_default() -> (
    None
):
    sandbox = known_sandbox({"id": "a1", "up": False, "reason": "new_reason", "color": "red"})

    assert (sandbox.reason, sandbox.published, sandbox.containers) == ("new_reason", True, 0)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "not JSON: Expecting value"),
        (b"\xff", "not JSON: 'utf-8' codec"),
        (b"[]", "no list of sandboxes in it"),
        (b'{"sandboxes": {}}', "no list of sandboxes in it"),
        (b'{"sandboxes": [1]}', r"sandboxes\[0\] is no object"),
        (b'{"sandboxes": [NaN]}', "not JSON: NaN is no number"),
        (b"[" * 100_000, "not JSON: it is nested too deeply"),
        (b'{"sandboxes": ' + b"9" * 5000 + b"}", "not JSON: Exceeds the limit"),
    ],
)
def test_an_answer_without_a_list_of_objects_is_refused(body: bytes, text: str) -> None:
    with pytest.raises(AnswerError, match=text):
        parse_answer(body)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", None),
        ("id", 7),
        ("up", 1),
        ("up", None),
        ("reason", []),
        ("generation", True),
        ("known_seconds", "x"),
        ("known_seconds", 10**400),
        ("lease_seconds", "x"),
        ("sources", "cri"),
        ("sources", [{}]),
        ("containers", [[]]),
        ("pod", "web-0"),
        ("runtime", b"\x1b[2J"),
    ],
)
def test_a_part_of_a_wrong_kind_is_named(key: str, value: object) -> None:
    with pytest.raises(AnswerError, match=f"^{key} of a sandbox is ") as caught:
        known_sandbox({**WHOLE, key: value})

    assert len(str(caught.value)) < 120
