"""The source ``cri``: lists what the runtime has, again and again.

What happens in between is only a reason to list at once. So an event that is lost, told twice or out
of order costs nothing but time, and a listing that fails changes nothing: what was told stays told,
however long, and is reported as stale.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial

from kata_exporter.clock import Clock
from kata_exporter.discovery.cri.endings import Endings, TellFinished
from kata_exporter.discovery.cri.hook import CriHook, NoCriHook
from kata_exporter.discovery.cri.runtime import CriRuntime, connect
from kata_exporter.discovery.cri.selection import SOURCE, Selection, selected, sightings
from kata_exporter.discovery.runtime import Endpoint, OutageLog, Sessions
from kata_exporter.errors import RuntimeCallError
from kata_exporter.model import SandboxGone, SandboxSeen, TellDiscovery
from kata_exporter.telemetry.hooks import CallHook

__all__ = ["SOURCE", "CriSource"]

logger = logging.getLogger(__name__)

LIST_SECONDS = 10.0
"""How often CRI is asked when nothing happens."""
LOOK_GAP_SECONDS = 1.0
"""How often at most. A runtime may tell that a pod has started before it lists it, so what happens
is followed by a second listing after this time."""

_UNIMPLEMENTED = "UNIMPLEMENTED"
_BROKEN = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL"})
"""What is answered with a new connection; anything else is an answer of a runtime that is there."""


class CriSource:
    """Tells of the sandboxes that CRI has ready, with their pods and containers; a `Source`.

    Args:
        endpoint: where the runtime is.
        clock: for deadlines and pauses.
        selection: which pods are told, and what of them.
        hook: is told how it fares.
        tell_finished: is told how containers ended; unless given, that isn't asked for.
        calls: is told of each call.

    Attributes:
        answers: whether the runtime answered the last time.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        selection: Selection | None = None,
        hook: CriHook | None = None,
        tell_finished: TellFinished | None = None,
        calls: CallHook | None = None,
    ) -> None:
        self.answers = False
        self._endings = None if tell_finished is None else Endings(tell_finished)
        self._endpoint = endpoint
        self._clock = clock
        self._selection = selection or Selection()
        self._hook = hook or NoCriHook()
        self._calls = calls
        self._told: dict[str, SandboxSeen] = {}
        self._wake = asyncio.Event()
        self._log = OutageLog(
            logger,
            clock,
            away="CRI can't be asked; pods' names stay as they were",
            none="no container runtime was found, so sandboxes have no names; mount its socket, or"
            " set --cri.endpoint",
            back="CRI answers",
        )
        self._sessions = Sessions(clock, on_absent=self._log.absent, on_failed=self._failed)

    def watch(self, tell: TellDiscovery) -> None:
        """Begin to ask; what CRI has is told once it has answered, so nothing before this returns.

        Nothing begins where the endpoint is none.
        """
        if self._endpoint.paths:
            self._sessions.start(partial(self._session, tell))

    def look(self) -> None:
        """Ask CRI again, soon: something happened, or another source saw a sandbox.

        Returns at once. A runtime that is away isn't dialled any sooner.
        """
        self._wake.set()

    async def aclose(self) -> None:
        """Stop asking; what was told stays told."""
        await self._sessions.aclose()

    async def _session(self, tell: TellDiscovery) -> None:
        """Ask over one connection until it breaks; raises what broke it."""
        runtime, version = await connect(self._endpoint, self._clock, hook=self._calls)
        async with runtime, self._listening(runtime, to_events=version.tells_events_to_all):
            happened = False
            while True:
                self._wake.clear()
                try:
                    await self._list(runtime, tell)
                except RuntimeCallError as error:
                    if error.code in _BROKEN:
                        raise
                    self._failed(error)
                await self._clock.sleep(LOOK_GAP_SECONDS)
                happened = self._wake.is_set() if happened else await self._happens()

    async def _list(self, runtime: CriRuntime, tell: TellDiscovery) -> None:
        pods, rejected = selected(await runtime.pods(), self._selection)
        containers = await runtime.containers() if pods else ()
        found, more_rejected = sightings(pods, containers, self._selection)
        for reason, n in (rejected + more_rejected).items():
            self._hook.rejected(reason, n)
        self._sessions.succeeded()
        self.answers = True
        self._hook.listed(self._clock.time())
        self._log.succeeded(socket=runtime.path, sandboxes=len(found))
        self._tell_changes(found, tell)
        if self._endings is not None:
            own = [one for one in containers if one.pod_sandbox_id in found]
            if await self._endings.look(runtime, own):
                self.look()

    def _tell_changes(self, found: Mapping[str, SandboxSeen], tell: TellDiscovery) -> None:
        for id_ in self._told.keys() - found.keys():
            del self._told[id_]
            tell(SandboxGone(SOURCE, id_))
        for id_, seen in found.items():
            if self._told.get(id_) != seen:
                self._told[id_] = seen
                tell(seen)

    async def _happens(self) -> bool:
        """Wait for something to happen, or for the time to list again; say which it was."""
        due = self._clock.monotonic() + LIST_SECONDS - LOOK_GAP_SECONDS
        happened = True

        def end() -> None:
            nonlocal happened
            happened = self._wake.is_set()
            self._wake.set()

        timer = self._clock.call_at(due, end)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
        return happened

    @asynccontextmanager
    async def _listening(self, runtime: CriRuntime, *, to_events: bool) -> AsyncIterator[None]:
        """Have what happens looked at meanwhile, if the runtime tells."""
        if not to_events:
            yield
            return
        task = asyncio.get_running_loop().create_task(self._listen(runtime))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _listen(self, runtime: CriRuntime) -> None:
        while True:
            # What happened before the runtime has taken the request is told to nobody.
            self.look()
            try:
                async with aclosing(runtime.events()) as events:
                    async for _ in events:
                        self.look()
            except RuntimeCallError as error:
                if error.code == _UNIMPLEMENTED:
                    return
                self._hook.failed(error.code)
            # If it is the connection that broke, listing finds that out.
            self.look()
            await self._clock.sleep(LIST_SECONDS)

    def _failed(self, error: RuntimeCallError, cause: Exception | None = None) -> None:
        self.answers = False
        self._hook.failed(error.code)
        self._hook.stale()
        self._log.failed(error, cause, sandboxes=len(self._told))
