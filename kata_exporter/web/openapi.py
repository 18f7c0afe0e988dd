"""The API's description: OpenAPI 3.1, made of the bounds that the code holds."""

from collections.abc import Sequence
from typing import Any

from kata_exporter import __version__
from kata_exporter.config.decode_oom import AUTO, OFF, SOURCES
from kata_exporter.errors import Reason
from kata_exporter.model import (
    MAX_IMAGE_CHARACTERS,
    MAX_LEASE_SECONDS,
    MAX_NAME_CHARACTERS,
    MIN_LEASE_SECONDS,
    SANDBOX_ID,
    ContainerState,
    OomKind,
    Runtime,
)
from kata_exporter.oom.journal import MAX_RECORDS
from kata_exporter.sockets import MAX_URL_CHARACTERS
from kata_exporter.web.json_body import JSON_TYPE, MAX_BODY_BYTES
from kata_exporter.web.oom_events import MAX_SINCE, OOM_EVENTS_PATH, TEXTS
from kata_exporter.web.problem import MAX_FAULTS_LISTED, PROBLEM_TYPE
from kata_exporter.web.registration_body import (
    DEFAULT_LEASE_SECONDS,
    MAX_CONTAINERS,
)

SANDBOXES_PATH = "/api/v1/sandboxes"
SANDBOX_PATH = "/api/v1/sandboxes/{id}"
OPENAPI_PATH = "/api/v1/openapi.json"

Schema = dict[str, Any]

_INTRODUCTION = """\
The sandboxes that kata-exporter knows, and how they are.

Reading is open to whoever reaches the metrics. POST and DELETE are for the admin socket alone, a \
unix socket (`--web.admin-socket`) that takes requests of root and of the exporter's own user."""


def description() -> dict[str, Any]:
    """Return the description, as JSON has it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kata-exporter",
            "version": __version__,
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Relative to where this document is: one server, on whatever address it listens.
        "servers": [{"url": "/"}],
        "paths": {
            SANDBOXES_PATH: {"get": _list(), "post": _register()},
            SANDBOX_PATH: {"parameters": [_id_parameter()], "get": _get(), "delete": _remove()},
            OOM_EVENTS_PATH: {"get": _list_oom_events()},
            OPENAPI_PATH: {"get": _describe()},
        },
        "components": {
            "schemas": {
                "SandboxList": _sandbox_list(),
                "Sandbox": _sandbox(),
                "OomEventList": _oom_event_list(),
                "OomEvent": _oom_event(),
                "Registration": _registration(),
                "Problem": _problem(),
            }
        },
    }


def _list() -> Schema:
    return {
        "operationId": "listSandboxes",
        "summary": "List all sandboxes, by namespace, pod and id; up to 1 s old",
        "responses": {"200": _answer("All sandboxes.", "SandboxList")},
    }


def _register() -> Schema:
    return {
        "operationId": "registerSandbox",
        "summary": "Register a sandbox, or renew its lease",
        "description": "Admin socket only. A registration that says the same as before keeps the"
        " sandbox's generation; with another agent URL or another pod's uid it is another sandbox."
        f" The body has at most {MAX_BODY_BYTES} bytes.",
        "requestBody": {"required": True, "content": {JSON_TYPE: {"schema": _ref("Registration")}}},
        "responses": {
            "200": _answer("The lease is renewed.", "Sandbox"),
            "201": {
                **_answer("The sandbox is registered.", "Sandbox"),
                "headers": {
                    "Location": {
                        "description": "Where the sandbox is.",
                        "schema": {"type": "string"},
                    }
                },
            },
            "400": _refusal("The body is not JSON."),
            "403": _refusal("The peer is neither root nor the exporter's own user."),
            "405": _refusal("This is not the admin socket."),
            "408": _refusal("The body took too long to come."),
            "409": _refusal("As many sandboxes are registered as there may be."),
            "413": _refusal("The body is too long."),
            "415": _refusal("The body is not sent as JSON."),
            "422": _refusal("The body holds what can't be; `errors` lists all of it."),
            "503": _refusal("The exporter is starting or stopping."),
        },
    }


def _get() -> Schema:
    return {
        "operationId": "getSandbox",
        "summary": "Get one sandbox",
        "responses": {
            "200": _answer("The sandbox.", "Sandbox"),
            "404": _refusal("No sandbox of this id is known."),
        },
    }


def _remove() -> Schema:
    return {
        "operationId": "removeSandbox",
        "summary": "Remove a registration before its lease ends",
        "description": "Admin socket only. A sandbox that another source sees as well stays.",
        "responses": {
            "204": {"description": "It is no longer registered."},
            "403": _refusal("The peer is neither root nor the exporter's own user."),
            "404": _refusal("No sandbox of this id is known."),
            "405": _refusal("This is not the admin socket."),
            "409": _refusal("The sandbox is known from other sources only."),
        },
    }


def _list_oom_events() -> Schema:
    text = {"type": "string"}
    about = {
        "namespace": "Of this namespace.",
        "pod": "Of pods of this name.",
        "container": "Of containers of this name; empty for those of no container.",
        "sandbox_id": "Of this sandbox.",
        "source": "That this source told.",
    }
    parameters = [_query(name, text, about[name]) for name in TEXTS]
    parameters.append(_query("kind", _one_of(OomKind, "What is known."), "Of this kind."))
    parameters.append(_query("since", _whole(0, MAX_SINCE), "Not older; seconds since 1970."))
    parameters.append(_query("limit", _whole(1, MAX_RECORDS), "No more than so many."))
    return {
        "operationId": "listOomEvents",
        "summary": f"List the last OOMs, the newest first; {MAX_RECORDS} are kept, none over a"
        " restart",
        "parameters": parameters,
        "responses": {
            "200": _answer("Those that are asked for.", "OomEventList"),
            "400": _refusal("A parameter isn't known, or has a value that can't be."),
        },
    }


def _query(name: str, schema: Schema, what: str) -> Schema:
    return {"name": name, "in": "query", "description": what, "schema": schema}


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _oom_event_list() -> Schema:
    return _object({"oom_events": {"type": "array", "items": _ref("OomEvent")}})


def _oom_event() -> Schema:
    text = {"type": "string"}
    maybe_bytes = {"type": ["integer", "null"], "minimum": 0}
    return _object(
        {
            "time": {"type": "string", "format": "date-time"},
            "kind": _one_of(OomKind, "What is known of it; kinds are never to be added."),
            "source": text,
            "sandbox_id": text,
            "namespace": text,
            "pod": text,
            "container": _text("Empty where no container is known."),
            "container_id": text,
            "kills": {"type": "integer", "minimum": 1},
            "working_set_bytes": {
                **maybe_bytes,
                "description": "Of the container, at the last collection before.",
            },
            "limit_bytes": {**maybe_bytes, "description": "Of its memory; null for none."},
        }
    )


def _describe() -> Schema:
    return {
        "operationId": "describe",
        "summary": "Get this document",
        "responses": {
            "200": {
                "description": "This document.",
                "content": {JSON_TYPE: {"schema": {"type": "object"}}},
            }
        },
    }


def _id_parameter() -> Schema:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The sandbox's id.",
        "schema": _id(),
    }


def _sandbox_list() -> Schema:
    return _object({"sandboxes": {"type": "array", "items": _ref("Sandbox")}})


def _sandbox() -> Schema:
    text = {"type": "string"}
    return _object(
        {
            "id": _id(),
            "generation": {
                "type": "integer",
                "minimum": 1,
                "description": "Another sandbox under the same id has another number.",
            },
            "runtime": _one_of(Runtime, "Which of Kata's runtimes runs its shim."),
            "agent_url": _text("Where its agent is asked; empty where that isn't known."),
            "sources": {"type": "array", "items": text, "description": "Who sees it, sorted."},
            "pod": _object(
                {
                    "namespace": text,
                    "name": text,
                    "uid": text,
                    "runtime_handler": text,
                    "labels": {"type": "object", "additionalProperties": text},
                }
            ),
            "containers": {
                "type": "array",
                "items": _object(
                    {
                        "id": text,
                        "name": text,
                        "image": text,
                        "state": _one_of(ContainerState, "As its source tells it."),
                        "attempt": {
                            "type": "integer",
                            "minimum": 0,
                            "description": "How often its pod has restarted it; those of one name"
                            " are told apart by their ids.",
                        },
                    }
                ),
            },
            "up": {"type": "boolean", "description": "Whether its agent answered the last time."},
            "reason": _one_of(Reason, "Why it is in the state that it is in."),
            "detail": _text("Why, in words; empty where there is no more to say."),
            "known_seconds": {
                "type": "number",
                "minimum": 0,
                "description": "For how long this generation has been known.",
            },
            "published": {
                "type": "boolean",
                "description": "Whether it is on the page of metrics.",
            },
            "lease_seconds": {
                "type": ["number", "null"],
                "minimum": 0,
                "description": "How much of its lease is left; null where it isn't registered.",
            },
            "oom": _object(
                {
                    "guest_kills": {
                        "type": ["integer", "null"],
                        "minimum": 0,
                        "description": "The guest kernel's own count; null until it was read.",
                    },
                    "reported": _counts("OOMs that were reported, by container's name."),
                    "inferred": _counts("Kills that can only have been of it; never to be added."),
                    "refusal": _text("Why its agent isn't asked for events; empty otherwise."),
                }
            ),
        }
    )


def _counts(what: str) -> Schema:
    count = {"type": "integer", "minimum": 0}
    return {"type": "object", "additionalProperties": count, "description": what}


def _registration() -> Schema:
    name = {"type": "string", "maxLength": MAX_NAME_CHARACTERS}
    image = {"type": "string", "maxLength": MAX_IMAGE_CHARACTERS}
    return _closed(
        {
            "id": _id(),
            "agent_url": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_URL_CHARACTERS,
                "description": "`hvsock://PATH:PORT`, `vsock://CID:PORT`, `unix://PATH`,"
                " `remote://PATH` or `mock://PATH`.",
            },
            "pod": _closed({"namespace": name, "name": name, "uid": name}),
            "containers": {
                "type": "array",
                "maxItems": MAX_CONTAINERS,
                "items": _closed({"id": _id(), "name": name, "image": image}, required=("id",)),
            },
            "oom": _closed(
                {
                    "source": {
                        "description": "By which its OOMs are seen; `oom.source` unless given.",
                        "oneOf": [
                            {"enum": [AUTO, OFF, *SOURCES]},
                            {
                                "type": "array",
                                "maxItems": len(SOURCES),
                                "items": {"enum": list(SOURCES)},
                            },
                        ],
                    },
                    "only_consumer": {
                        "type": "boolean",
                        "description": "Whether nobody else takes its agent's events.",
                    },
                }
            ),
            "lease_seconds": {
                "type": "number",
                "minimum": MIN_LEASE_SECONDS,
                "maximum": MAX_LEASE_SECONDS,
                "default": DEFAULT_LEASE_SECONDS,
                "description": "How long the sandbox is known, unless it is registered again.",
            },
        },
        required=("id", "agent_url"),
    )


def _problem() -> Schema:
    return _object(
        {
            "type": _text("A URI; `about:blank` where the status says it all."),
            "title": _text("The status, in words."),
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": _text("What is wrong and what to do."),
            "errors": {
                "type": "array",
                "maxItems": MAX_FAULTS_LISTED,
                "description": "All that is wrong with the body.",
                "items": _object(
                    {
                        "pointer": _text("A JSON pointer, as a fragment: `#/containers/0/id`."),
                        "detail": _text("What is wrong there."),
                    }
                ),
            },
        },
        required=("type", "title", "status", "detail"),
    )


def _id() -> Schema:
    return {"type": "string", "pattern": f"^{SANDBOX_ID.pattern}$"}


def _text(what: str) -> Schema:
    return {"type": "string", "description": what}


def _one_of(words: type[Runtime | ContainerState | Reason | OomKind], what: str) -> Schema:
    return {"type": "string", "enum": [str(word) for word in words], "description": what}


def _object(properties: Schema, *, required: Sequence[str] | None = None) -> Schema:
    """Return an object of an answer: all its keys are there unless said, and more may come."""
    names = list(properties) if required is None else list(required)
    return {"type": "object", "properties": properties, "required": names}


def _closed(properties: Schema, *, required: Sequence[str] = ()) -> Schema:
    """Return an object of a request: no other keys are taken."""
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(what: str, schema: str) -> Schema:
    return {"description": what, "content": {JSON_TYPE: {"schema": _ref(schema)}}}


def _refusal(what: str) -> Schema:
    return {"description": what, "content": {PROBLEM_TYPE: {"schema": _ref("Problem")}}}
