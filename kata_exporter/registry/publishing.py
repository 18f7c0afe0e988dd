"""When a sandbox is shown, and under which name: between the registry and its other listeners."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from kata_exporter.clock import Clock, TimerHandle
from kata_exporter.model import Pod, Sandbox
from kata_exporter.registry.registry import Listener
from kata_exporter.registry.told import WITHOUT_ADDRESSES


class Awaited(Enum):
    """What a sandbox is held back for, and for how many seconds at most."""

    NAME = 5.0
    ADDRESS = 15.0
    """Longer than the container runtime goes on listing what has lost its shim."""


@dataclass(frozen=True, slots=True)
class _Held:
    sandbox: Sandbox
    awaited: Awaited
    timer: TimerHandle
    shown: Pod
    """What it was published under before it was withdrawn; nameless where it never was."""


class Publisher:
    """Holds a sandbox back until its pod is named, and then keeps that name; a `Listener`.

    A sandbox that was published without a name may be named once; from then on, whatever a source
    says or no longer says, its name stays for its generation. So no series ever changes its labels
    but by that one move.

    One that is seen by no source that could have its agent's address is held back too, or withdrawn
    where it was published: most often it is about to go, and the container runtime lists it a little
    longer. If it stays like that, it is shown as what nobody can reach.

    Args:
        listeners: told of what is published, as by the registry.
        clock: for the wait.
        names_come: whether a name is to be had from any source now; if not, none is waited for.
    """

    def __init__(
        self, listeners: Sequence[Listener], *, clock: Clock, names_come: Callable[[], bool]
    ) -> None:
        self._listeners = tuple(listeners)
        self._clock = clock
        self._names_come = names_come
        self._held: dict[str, _Held] = {}
        self._published: dict[str, Sandbox] = {}
        self._let_go = asyncio.Event()

    def started(self, sandbox: Sandbox) -> None:
        """Publish a sandbox that has a name, and may be reached; hold another one back."""
        self._publish_or_hold(sandbox, Pod())

    def updated(self, sandbox: Sandbox) -> None:
        """Publish a sandbox that has its name now; tell of another change under the name it has."""
        held = self._held.get(sandbox.id)
        if held is not None:
            self._update_held(held, replace(sandbox, pod=_kept(held.shown, sandbox.pod)))
            return
        before = self._published[sandbox.id]
        after = replace(sandbox, pod=_kept(before.pod, sandbox.pod))
        if _is_beyond_reach(after) and not _is_beyond_reach(before):
            self.stopped(before)
            self._hold(after, Awaited.ADDRESS, shown=before.pod)
            return
        if after == before:
            return
        self._published[sandbox.id] = after
        for listener in self._listeners:
            listener.updated(after)

    def stopped(self, sandbox: Sandbox) -> None:
        """Tell of the end of a sandbox that was published."""
        if sandbox.id in self._held:
            self._unhold(sandbox.id)
            return
        published = self._published.pop(sandbox.id)
        for listener in reversed(self._listeners):
            listener.stopped(published)

    def published(self, sandbox_id: str) -> Sandbox | None:
        """Return a sandbox as the listeners know it; None where they don't."""
        return self._published.get(sandbox_id)

    async def all_named(self) -> None:
        """Return when of those sandboxes that wait for a name now none does any more."""
        nameless = {id_: held for id_, held in self._held.items() if held.awaited is Awaited.NAME}
        while any(
            id_ in self._held and self._held[id_].timer is held.timer
            for id_, held in nameless.items()
        ):
            self._let_go.clear()
            await self._let_go.wait()

    def close(self) -> None:
        """Publish nothing more of its own accord."""
        for sandbox_id in tuple(self._held):
            self._unhold(sandbox_id)

    def _awaited(self, sandbox: Sandbox) -> Awaited | None:
        if _is_beyond_reach(sandbox):
            return Awaited.ADDRESS
        if not _is_named(sandbox.pod) and self._names_come():
            return Awaited.NAME
        return None

    def _update_held(self, held: _Held, sandbox: Sandbox) -> None:
        if held.awaited is self._awaited(sandbox):
            self._held[sandbox.id] = replace(held, sandbox=sandbox)
            return
        self._unhold(sandbox.id)
        self._publish_or_hold(sandbox, held.shown)

    def _publish_or_hold(self, sandbox: Sandbox, shown: Pod) -> None:
        awaited = self._awaited(sandbox)
        if awaited is None:
            self._publish(sandbox)
        else:
            self._hold(sandbox, awaited, shown=shown)

    def _hold(self, sandbox: Sandbox, awaited: Awaited, *, shown: Pod) -> None:
        due = self._clock.monotonic() + awaited.value
        timer = self._clock.call_at(due, lambda: self._release(sandbox.id))
        self._held[sandbox.id] = _Held(sandbox, awaited, timer, shown)

    def _release(self, sandbox_id: str) -> None:
        self._publish(self._unhold(sandbox_id))

    def _unhold(self, sandbox_id: str) -> Sandbox:
        held = self._held.pop(sandbox_id)
        held.timer.cancel()
        self._let_go.set()
        return held.sandbox

    def _publish(self, sandbox: Sandbox) -> None:
        self._published[sandbox.id] = sandbox
        for listener in self._listeners:
            listener.started(sandbox)


def _is_beyond_reach(sandbox: Sandbox) -> bool:
    return not sandbox.agent_url and sandbox.sources <= WITHOUT_ADDRESSES


def _is_named(pod: Pod) -> bool:
    return bool(pod.namespace or pod.name)


def _kept(before: Pod, after: Pod) -> Pod:
    """Return the pod to show: the one that is told, unless that takes or changes a name."""
    same_name = (before.namespace, before.name) == (after.namespace, after.name)
    return after if same_name or not _is_named(before) else before
