"""What an exporter says of its sandboxes: from the bytes of its answer to what is shown."""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from kata_exporter.cli.agent.decode import parse_json
from kata_exporter.model import ContainerState
from kata_exporter.ttrpc import printable

_T = TypeVar("_T")
_SHOWN_CHARACTERS = 60


class AnswerError(Exception):
    """The answer isn't an exporter's; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class KnownSandbox:
    """One sandbox. Texts are as they came, so they may hold anything.

    ``lease_seconds`` is how long a registered one has left, None for others. ``running`` of its
    ``containers`` run. ``oom_reported`` are OOMs that were reported of its containers, and
    ``oom_kills`` what its guest's kernel counted, None where it hasn't told.
    """

    id: str
    generation: int
    runtime: str
    agent_url: str
    sources: tuple[str, ...]
    namespace: str
    pod: str
    containers: int
    running: int
    up: bool
    reason: str
    known_seconds: float
    published: bool
    lease_seconds: float | None
    oom_reported: int = 0
    oom_kills: int | None = None


def parse_answer(body: bytes) -> Sequence[Mapping[str, Any]]:
    """Return the objects of sandboxes in an answer, not yet looked into.

    Raises:
        AnswerError: there is no list of objects.
    """
    try:
        answer = parse_json(body.decode())
    except ValueError as error:
        raise AnswerError(f"not JSON: {printable(str(error), _SHOWN_CHARACTERS)}") from None
    sandboxes = answer.get("sandboxes") if isinstance(answer, dict) else None
    if not isinstance(sandboxes, list):
        raise AnswerError("no list of sandboxes in it")
    for index, entry in enumerate(sandboxes):
        if not isinstance(entry, dict):
            raise AnswerError(f"sandboxes[{index}] is no object")
    return sandboxes


def known_sandbox(entry: Mapping[str, Any]) -> KnownSandbox:
    """Return a sandbox from its object; what isn't there has its default.

    Raises:
        AnswerError: a part of it is of a wrong kind, or its id or state is missing.
    """
    pod = _part(entry, "pod", dict, {})
    containers = [
        _part(_of_kind(each, "containers", dict), "state", str, "")
        for each in _part(entry, "containers", list, [])
    ]
    lease = entry.get("lease_seconds")
    oom = _part(entry, "oom", dict, {})
    reported = _part(oom, "reported", dict, {}).values()
    kills = oom.get("guest_kills")
    return KnownSandbox(
        id=_part(entry, "id", str),
        generation=_part(entry, "generation", int, 0),
        runtime=_part(entry, "runtime", str, ""),
        agent_url=_part(entry, "agent_url", str, ""),
        sources=tuple(_of_kind(each, "sources", str) for each in _part(entry, "sources", list, [])),
        namespace=_part(pod, "namespace", str, ""),
        pod=_part(pod, "name", str, ""),
        containers=len(containers),
        running=containers.count(ContainerState.RUNNING),
        up=_part(entry, "up", bool),
        reason=_part(entry, "reason", str),
        known_seconds=_seconds(entry, "known_seconds"),
        published=_part(entry, "published", bool, default=True),
        lease_seconds=None if lease is None else _seconds(entry, "lease_seconds"),
        oom_reported=sum(_of_kind(each, "reported", int) for each in reported),
        oom_kills=None if kills is None else _of_kind(kills, "guest_kills", int),
    )


def _part(entry: Mapping[str, Any], key: str, kind: type[_T], default: _T | None = None) -> _T:
    return _of_kind(entry.get(key, default), key, kind)


def _of_kind(value: Any, key: str, kind: type[_T]) -> _T:
    # True is an int to Python.
    if type(value) is not kind:
        _wrong(key, value)
    return value


def _seconds(entry: Mapping[str, Any], key: str) -> float:
    value = entry.get(key, 0.0)
    if type(value) not in {int, float}:
        _wrong(key, value)
    try:
        return float(value)
    except OverflowError:
        _wrong(key, value)


def _wrong(key: str, value: object) -> NoReturn:
    raise AnswerError(f"{key} of a sandbox is {printable(reprlib.repr(value), _SHOWN_CHARACTERS)}")
