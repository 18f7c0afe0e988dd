"""The seam between what the exporter does and whoever watches it.

The client tells a `CallHook` that a call started; the hook gives a `CallWatch` that is told of the
call's events and its end, and may add metadata to the request. Rounds of a sandbox and scrapes have
hooks of the same shape. Neither side knows of the other: spans, histograms and logs are hooks, and
a hook that fails never fails what it watches.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from kata_exporter.errors import Reason
from kata_exporter.model import OomRecord

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallTarget:
    """Whom a call is about; all of it is the host's knowledge, never the guest's."""

    address: str
    """Socket path or CID, as a span's ``server.address``."""
    sandbox_id: str = ""
    namespace: str = ""
    pod: str = ""


@dataclass(frozen=True, slots=True)
class CallInfo:
    """One call, as it starts."""

    method: str
    """Service and method, as ``grpc.AgentService/GetMetrics``."""
    target: CallTarget
    container_id: str = ""
    container_name: str = ""
    system: str = "ttrpc"
    """The protocol, as a span's ``rpc.system.name``."""
    waits: bool = False
    """It waits for something to happen: that nothing did within its deadline is no failure."""


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended."""

    reason: Reason
    code: str
    """Status in upper case as gRPC spells it: ``OK``, ``INTERNAL``, ``DEADLINE_EXCEEDED``; a call
    that got no status has the one that a gRPC client would give it."""
    message: str = ""
    """Escaped and cut; empty on success."""
    request_bytes: int = 0
    response_bytes: int = 0


class CallWatch(Protocol):
    """Watches one call. Every method returns at once."""

    def metadata(self) -> Sequence[tuple[str, str]]:
        """Return what to add to the request's metadata, as the trace context."""

    def event(self, name: str) -> None:
        """Take note of a step: ``dial``, ``connected``, ``sent``."""

    def ended(self, outcome: CallOutcome) -> None:
        """Take note of the end; called once."""


class CallHook(Protocol):
    """Is told of each call as it starts."""

    def started(self, info: CallInfo) -> CallWatch:
        """Return a watch for this call."""


class NoWatch:
    """Watches nothing; a base for watches that care for part of a call only."""

    def metadata(self) -> Sequence[tuple[str, str]]:
        """Return nothing to add."""
        return ()

    def event(self, name: str) -> None:
        """Pass the step over."""
        del name

    def ended(self, outcome: CallOutcome) -> None:
        """Pass the end over."""
        del outcome


NO_WATCH = NoWatch()
"""The one that costs nothing."""


class NoHook:
    """Watches no call; costs nothing."""

    def started(self, info: CallInfo) -> CallWatch:
        """Return the one watch that does nothing."""
        del info
        return NO_WATCH


@dataclass(frozen=True, slots=True)
class RoundInfo:
    """One round of one sandbox, as it starts."""

    sandbox_id: str
    namespace: str = ""
    pod: str = ""
    attempt: int = 1
    """One more than the rounds without an answer that came just before."""
    waited_seconds: float = 0.0
    """How long it was due before it had a place among those that run at a time."""


@dataclass(frozen=True, slots=True)
class RoundOutcome:
    """How a round ended."""

    reason: Reason
    detail: str = ""
    """Escaped and cut; empty on success."""


class RoundWatch(Protocol):
    """Watches one round, from within the task that runs it. Every method returns at once."""

    def ended(self, outcome: RoundOutcome) -> None:
        """Take note of what came of it; lines that are logged from here to `left` are about it."""

    def left(self) -> None:
        """Take note that the task goes on to something else; called once, `ended` or not."""


class RoundHook(Protocol):
    """Is told of each round as it starts; calls that its task makes are part of it."""

    def started(self, info: RoundInfo) -> RoundWatch:
        """Return a watch for this round."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request to the web server, as it starts. All of it but the route is the caller's word."""

    method: str
    route: str
    """As ``/metrics``."""
    scheme: str
    headers: Mapping[str, str]
    """Whatever the case of their names."""


class RequestWatch(Protocol):
    """Watches one request. Every method returns at once."""

    def ended(self, status: int, body_bytes: int) -> None:
        """Take note of the answer; called once."""


class RequestHook(Protocol):
    """Is told of each scrape as it starts."""

    def started(self, info: RequestInfo) -> RequestWatch:
        """Return a watch for this request."""


class OomHook(Protocol):
    """Is told of each OOM that is accounted for. Returns at once."""

    def oom(self, record: OomRecord) -> None:
        """Take note of an OOM."""


class Hooks:
    """Several hooks as one. One that raises is passed over, and logged once per step."""

    def __init__(self, hooks: Iterable[CallHook]) -> None:
        self._hooks = tuple(hooks)
        self._faults = _Faults()

    def started(self, info: CallInfo) -> CallWatch:
        """Tell each hook, and join their watches."""
        watches: list[CallWatch] = []
        for hook in self._hooks:
            try:
                watches.append(hook.started(info))
            except Exception as error:  # noqa: BLE001  no hook may fail a call
                self._faults.add(hook, "started", error)
        return _Watches(watches, self._faults)


class _Watches:
    """The watches of one call."""

    def __init__(self, watches: Sequence[CallWatch], faults: "_Faults") -> None:
        self._watches = watches
        self._faults = faults

    def metadata(self) -> Sequence[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        for watch in self._watches:
            try:
                pairs.extend(watch.metadata())
            except Exception as error:  # noqa: BLE001  no hook may fail a call
                self._faults.add(watch, "metadata", error)
        return pairs

    def event(self, name: str) -> None:
        for watch in self._watches:
            try:
                watch.event(name)
            except Exception as error:  # noqa: BLE001  no hook may fail a call
                self._faults.add(watch, "event", error)

    def ended(self, outcome: CallOutcome) -> None:
        for watch in self._watches:
            try:
                watch.ended(outcome)
            except Exception as error:  # noqa: BLE001  no hook may fail a call
                self._faults.add(watch, "ended", error)


class RoundGuard:
    """A hook of rounds that fails none, or no hook; faults are logged once per step."""

    def __init__(self, hook: RoundHook | None = None) -> None:
        self._hook = hook
        self._faults = _Faults()

    @contextmanager
    def watched(self, info: RoundInfo) -> Iterator["RoundEnd"]:
        """Have a round watched; who runs it says how it ended."""
        watch: RoundWatch | None = None
        if self._hook is not None:
            try:
                watch = self._hook.started(info)
            except Exception as error:  # noqa: BLE001  no hook may fail a round
                self._faults.add(self._hook, "started", error)
        try:
            yield RoundEnd(watch, self._faults)
        finally:
            if watch is not None:
                try:
                    watch.left()
                except Exception as error:  # noqa: BLE001  no hook may fail a round
                    self._faults.add(watch, "left", error)


class RoundEnd:
    """Says how a round ended."""

    def __init__(self, watch: RoundWatch | None, faults: "_Faults") -> None:
        self._watch = watch
        self._faults = faults

    def ended(self, outcome: RoundOutcome) -> None:
        """Tell the watch."""
        if self._watch is None:
            return
        try:
            self._watch.ended(outcome)
        except Exception as error:  # noqa: BLE001  no hook may fail a round
            self._faults.add(self._watch, "ended", error)


class RequestGuard:
    """A hook of requests that fails none, or no hook; faults are logged once per step."""

    def __init__(self, hook: RequestHook | None = None) -> None:
        self._hook = hook
        self._faults = _Faults()

    def started(self, info: RequestInfo) -> "RequestEnd":
        """Have a request watched; who answers it says how it ended."""
        watch: RequestWatch | None = None
        if self._hook is not None:
            try:
                watch = self._hook.started(info)
            except Exception as error:  # noqa: BLE001  no hook may fail a request
                self._faults.add(self._hook, "started", error)
        return RequestEnd(watch, self._faults)


class RequestEnd:
    """Says how a request ended."""

    def __init__(self, watch: RequestWatch | None, faults: "_Faults") -> None:
        self._watch = watch
        self._faults = faults

    def ended(self, status: int, body_bytes: int = 0) -> None:
        """Tell the watch."""
        if self._watch is None:
            return
        try:
            self._watch.ended(status, body_bytes)
        except Exception as error:  # noqa: BLE001  no hook may fail a request
            self._faults.add(self._watch, "ended", error)


class OomGuard:
    """A hook of OOMs that fails nobody; faults are logged once."""

    def __init__(self, hook: OomHook) -> None:
        self._hook = hook
        self._faults = _Faults()

    def oom(self, record: OomRecord) -> None:
        """Tell the hook."""
        try:
            self._hook.oom(record)
        except Exception as error:  # noqa: BLE001  no hook may fail the accounting
            self._faults.add(self._hook, "oom", error)


class _Faults:
    """What hooks did wrong; a hook that always fails would fill the log with every call."""

    def __init__(self) -> None:
        self._logged: set[tuple[type, str]] = set()

    def add(self, who: object, step: str, error: Exception) -> None:
        key = (type(who), step)
        if key not in self._logged:
            self._logged.add(key)
            logger.error("%s.%s failed, said once", type(who).__name__, step, exc_info=error)
