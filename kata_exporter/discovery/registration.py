"""Sandboxes that somebody registers, each for as long as its lease."""

import json
import logging
from dataclasses import dataclass

from kata_exporter.clock import Clock, TimerHandle
from kata_exporter.errors import ArgumentError, RegistrationError
from kata_exporter.model import (
    MAX_LEASE_SECONDS,
    MIN_LEASE_SECONDS,
    OwnOomRules,
    Registration,
    Runtime,
    SandboxGone,
    SandboxSeen,
    TellDiscovery,
)
from kata_exporter.sockets import AgentUrl
from kata_exporter.telemetry.logs import fields

logger = logging.getLogger(__name__)

SOURCE = "registration"
MAX_REGISTRATIONS = 1000


@dataclass(frozen=True, slots=True)
class _Lease:
    seen: SandboxSeen
    oom: OwnOomRules
    ends: float
    timer: TimerHandle


class RegistrationSource:
    """Tells of what is registered with it; a `Source`.

    Nothing is registered any more once it is closed.

    Args:
        clock: leases end by it.
        max_registrations: how many there may be at a time.
    """

    def __init__(self, clock: Clock, *, max_registrations: int = MAX_REGISTRATIONS) -> None:
        self._clock = clock
        self._max_registrations = max_registrations
        self._leases: dict[str, _Lease] = {}
        self._tell: TellDiscovery = _tell_nobody

    def watch(self, tell: TellDiscovery) -> None:
        """Tell of what was registered before, and then of each that comes and goes."""
        self._tell = tell
        for lease in self._leases.values():
            tell(lease.seen)

    async def aclose(self) -> None:
        """Let every lease go, and tell of nothing more."""
        self._tell = _tell_nobody
        for lease in self._leases.values():
            lease.timer.cancel()
        self._leases.clear()

    def register(self, registration: Registration, lease_seconds: float) -> bool:
        """Take a sandbox in, or renew its lease; returns whether its id is new here.

        A registration that says the same as before is the same sandbox. With another agent URL or
        another pod's uid it is another one of that id.

        Raises:
            UrlError: its agent URL can't be read.
            ArgumentError: the lease is shorter than 5 s or longer than an hour.
            RegistrationError: there are as many as there may be, and it is none of them.
        """
        if not MIN_LEASE_SECONDS <= lease_seconds <= MAX_LEASE_SECONDS:
            wanted = f"must be from {MIN_LEASE_SECONDS:g} to {MAX_LEASE_SECONDS:g}"
            raise ArgumentError("lease_seconds", lease_seconds, wanted)
        seen = _seen(registration)
        before = self._leases.get(seen.id)
        if before is not None:
            before.timer.cancel()
        elif len(self._leases) >= self._max_registrations:
            raise RegistrationError(
                f"{self._max_registrations} sandboxes are registered, as many as there may be: "
                "remove one, or let a lease end"
            )
        ends = self._clock.monotonic() + lease_seconds
        timer = self._clock.call_at(ends, lambda: self._end(seen.id))
        self._leases[seen.id] = _Lease(seen, registration.oom, ends, timer)
        if before is None or before.seen != seen:
            # A lease is renewed often, and what is told has the container runtime listed anew.
            self._tell(seen)
        return before is None

    def remove(self, sandbox_id: str) -> bool:
        """Let a sandbox go before its lease ends; returns whether it was registered."""
        lease = self._leases.pop(sandbox_id, None)
        if lease is None:
            return False
        lease.timer.cancel()
        self._tell(SandboxGone(SOURCE, sandbox_id))
        return True

    def lease_seconds(self, sandbox_id: str) -> float | None:
        """Return how much of its lease is left; None where it isn't registered."""
        lease = self._leases.get(sandbox_id)
        return None if lease is None else max(0.0, lease.ends - self._clock.monotonic())

    def oom_rules(self, sandbox_id: str) -> OwnOomRules | None:
        """Return its rules for OOMs, as last registered; None where it isn't."""
        lease = self._leases.get(sandbox_id)
        return None if lease is None else lease.oom

    def _end(self, sandbox_id: str) -> None:
        self.remove(sandbox_id)
        logger.info("registration's lease ended", extra=fields(sandbox_id=sandbox_id))


def _seen(registration: Registration) -> SandboxSeen:
    agent_url = str(AgentUrl.parse(registration.agent_url))
    return SandboxSeen(
        source=SOURCE,
        id=registration.id,
        agent_url=agent_url,
        birth=json.dumps([agent_url, registration.pod.uid]),
        runtime=Runtime.NONE,
        pod=registration.pod,
        containers=registration.containers,
    )


def _tell_nobody(_event: object) -> None:
    """Take what is told while nobody watches."""
