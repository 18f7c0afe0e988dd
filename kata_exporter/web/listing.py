"""The sandboxes as the API lists them, and the commands it passes on; both are injected."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from kata_exporter.model import Registration, Sandbox
from kata_exporter.oom import NO_COUNTS, OomCounts


@dataclass(frozen=True, slots=True)
class ListedSandbox:
    """A sandbox, how it is, and how the exporter came to know it.

    ``reason`` is a value of ``errors.Reason``; ``detail`` says in words why it is silent, escaped and
    cut, and is empty where there is no more to say. ``published`` is whether it is on the page of
    metrics. ``lease_seconds`` is how much of its lease is left; None where it isn't registered.
    ``oom`` is what is counted of its OOMs; ``oom_refusal`` says why its agent isn't asked for them, and
    is empty where it is, or where that isn't wanted.
    """

    sandbox: Sandbox
    up: bool
    reason: str
    detail: str
    known_seconds: float
    published: bool
    lease_seconds: float | None
    oom: OomCounts = NO_COUNTS
    oom_refusal: str = ""


class Listing(Protocol):
    """Who is there."""

    def listed_sandboxes(self) -> Iterable[ListedSandbox]:
        """Return every sandbox, in any order."""

    def listed_sandbox(self, sandbox_id: str) -> ListedSandbox | None:
        """Return one; None where there is none of this id."""


class Registrations(Protocol):
    """Sandboxes that are known for as long as a lease."""

    def register(self, registration: Registration, lease_seconds: float) -> bool:
        """Take a sandbox in, or renew its lease; returns whether its id is new here.

        Raises:
            RegistrationError: there is no room for it.
        """

    def remove(self, sandbox_id: str) -> bool:
        """Let a sandbox go before its lease ends; returns whether it was registered."""


def sandbox_json(listed: ListedSandbox) -> dict[str, Any]:
    """Return what the API says of one sandbox."""
    sandbox, pod = listed.sandbox, listed.sandbox.pod
    lease = listed.lease_seconds
    return {
        "id": sandbox.id,
        "generation": sandbox.generation,
        "runtime": sandbox.runtime,
        "agent_url": sandbox.agent_url,
        "sources": sorted(sandbox.sources),
        "pod": {
            "namespace": pod.namespace,
            "name": pod.name,
            "uid": pod.uid,
            "runtime_handler": pod.runtime_handler,
            "labels": dict(pod.labels),
        },
        "containers": [
            {
                "id": c.id,
                "name": c.name,
                "image": c.image,
                "state": c.state,
                "attempt": c.attempt,
            }
            for c in sandbox.containers
        ],
        "up": listed.up,
        "reason": listed.reason,
        "detail": listed.detail,
        "known_seconds": round(listed.known_seconds, 1),
        "published": listed.published,
        "lease_seconds": None if lease is None else round(lease, 1),
        "oom": {
            "guest_kills": listed.oom.guest_kills,
            "reported": dict(listed.oom.reported),
            "inferred": dict(listed.oom.inferred),
            "refusal": listed.oom_refusal,
        },
    }


def listing_json(listed: Iterable[ListedSandbox]) -> dict[str, Any]:
    """Return what the API says of all, by namespace, pod and id."""
    ordered = sorted(listed, key=_place)
    return {"sandboxes": [sandbox_json(one) for one in ordered]}


def _place(listed: ListedSandbox) -> tuple[str, str, str]:
    pod = listed.sandbox.pod
    return pod.namespace, pod.name, listed.sandbox.id
