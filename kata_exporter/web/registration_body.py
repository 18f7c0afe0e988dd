"""What may be registered: the body of ``POST /api/v1/sandboxes``."""

from dataclasses import dataclass
from http import HTTPStatus

from kata_exporter.config.decode_oom import SOURCES, parse_source, parse_sources_word
from kata_exporter.config.words import quoted
from kata_exporter.errors import UrlError
from kata_exporter.model import (
    AS_FOR_ALL,
    MAX_IMAGE_CHARACTERS,
    MAX_LEASE_SECONDS,
    MAX_NAME_CHARACTERS,
    MIN_LEASE_SECONDS,
    SANDBOX_ID,
    SANDBOX_ID_RULE,
    Container,
    OwnOomRules,
    Pod,
    Registration,
)
from kata_exporter.sockets import MAX_URL_CHARACTERS, AgentUrl
from kata_exporter.web.json_body import Place
from kata_exporter.web.problem import Fault, Problem

DEFAULT_LEASE_SECONDS = 60.0

MAX_ID_CHARACTERS = 128
MAX_CONTAINERS = 256
MAX_SOURCE_CHARACTERS = 32
"""More than any has, so that one that is misspelt is told with those there are."""


@dataclass(frozen=True, slots=True)
class RegistrationBody:
    """A sandbox, and for how long it is to be known."""

    registration: Registration
    lease_seconds: float


def decode_registration(body: object) -> RegistrationBody:
    """Return what a body asks for.

    Raises:
        Problem: names everything in it that can't be (422).
    """
    faults: list[Fault] = []
    root = Place(body, faults)
    members = root.members(
        ("id", "agent_url", "pod", "containers", "oom", "lease_seconds"),
        required=("id", "agent_url"),
    )
    sandbox_id, agent_url = members.get("id"), members.get("agent_url")
    pod, containers = members.get("pod"), members.get("containers")
    oom, lease = members.get("oom"), members.get("lease_seconds")
    found = Registration(
        (sandbox_id.parsed(_id, max_length=MAX_ID_CHARACTERS) if sandbox_id else "") or "",
        (agent_url.parsed(_url, max_length=MAX_URL_CHARACTERS) if agent_url else "") or "",
        _pod(pod) if pod else Pod(),
        _containers(containers) if containers else (),
        _oom(oom) if oom else AS_FOR_ALL,
    )
    seconds: float | None = DEFAULT_LEASE_SECONDS
    if lease:
        seconds = lease.number(at_least=MIN_LEASE_SECONDS, at_most=MAX_LEASE_SECONDS)
    if faults or seconds is None:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "the sandbox is not registered: see errors",
            faults=faults,
        )
    return RegistrationBody(found, seconds)


def _pod(place: Place) -> Pod:
    members = place.members(("namespace", "name", "uid"))
    return Pod(
        namespace=_name(members.get("namespace")),
        name=_name(members.get("name")),
        uid=_name(members.get("uid")),
    )


def _containers(place: Place) -> tuple[Container, ...]:
    found: dict[str, Container] = {}
    for entry in place.items(at_most=MAX_CONTAINERS):
        members = entry.members(("id", "name", "image"), required=("id",))
        id_place = members.get("id")
        container_id = id_place.parsed(_id, max_length=MAX_ID_CHARACTERS) if id_place else None
        name = _name(members.get("name"))
        image = _name(members.get("image"), max_length=MAX_IMAGE_CHARACTERS)
        if id_place is None or container_id is None:
            continue
        if container_id in found:
            id_place.fail("is the id of another container too: give each an id of its own")
        found[container_id] = Container(container_id, name, image)
    return tuple(found.values())


def _oom(place: Place) -> OwnOomRules:
    members = place.members(("source", "only_consumer"))
    source, switch = members.get("source"), members.get("only_consumer")
    return OwnOomRules(
        _oom_sources(source) if source else None, switch.switch() if switch else None
    )


def _oom_sources(place: Place) -> tuple[str, ...] | None:
    if not isinstance(place.value, list):
        return place.parsed(parse_sources_word, max_length=MAX_SOURCE_CHARACTERS)
    entries = place.items(at_most=len(SOURCES))
    parsed = [one.parsed(parse_source, max_length=MAX_SOURCE_CHARACTERS) for one in entries]
    return tuple(dict.fromkeys(source for source in parsed if source is not None))


def _name(place: Place | None, *, max_length: int = MAX_NAME_CHARACTERS) -> str:
    return (place.text(max_length=max_length) if place else None) or ""


def _id(text: str) -> str:
    if not SANDBOX_ID.fullmatch(text):
        raise ValueError(f"{quoted(text)} is no id: {SANDBOX_ID_RULE}")
    return text


def _url(text: str) -> str:
    try:
        return str(AgentUrl.parse(text))
    except UrlError as error:
        raise ValueError(str(error)) from error
