"""Connections to agents: an observer or a waiter for a sandbox, as it may be reached.

A part of the composition root, beside `app`.
"""

from collections.abc import Callable

from kata_exporter.agent import Observer, OomWaiter, observe, wait_for_oom
from kata_exporter.clock import Clock
from kata_exporter.errors import AddressError, Reason
from kata_exporter.model import Announcement, Sandbox
from kata_exporter.sockets import AgentUrl, Dial, Dialer
from kata_exporter.telemetry.hooks import CallHook, CallTarget


class Connecting:
    """Makes what asks agents; nothing connects before it is first used.

    Args:
        dialer: connects.
        clock: for deadlines.
        hook: is told of each call.
        on_protocol_event: is told of broken rules, and of answers that nobody waited for.
    """

    def __init__(
        self,
        dialer: Dialer,
        *,
        clock: Clock,
        hook: CallHook,
        on_protocol_event: Callable[[str], None],
    ) -> None:
        self._dialer = dialer
        self._clock = clock
        self._hook = hook
        self._on_protocol_event = on_protocol_event

    def observer(self, sandbox: Sandbox) -> Observer:
        """Make an observer; raises `AddressError` where the sandbox has no address to be used."""
        return observe(
            self._dial_url(sandbox.announced),
            sandbox.agent_url,
            target=_target(sandbox),
            clock=self._clock,
            hook=self._hook,
            on_protocol_event=self._on_protocol_event,
        )

    def waiter(self, sandbox: Sandbox) -> OomWaiter:
        """Make a waiter for OOM events; raises as `observer` does."""
        return wait_for_oom(
            self._dial_url(sandbox.announced),
            sandbox.agent_url,
            target=_target(sandbox),
            clock=self._clock,
            hook=self._hook,
            on_protocol_event=self._on_protocol_event,
        )

    def _dial_url(self, announced: Announcement | None) -> Callable[[str], Dial]:
        if announced is None:
            return self._dialer.dial_url
        return lambda text: self._dialer.dial_announced(AgentUrl.parse(text), announced.root)


def _target(sandbox: Sandbox) -> CallTarget:
    if sandbox.refusal is not None:
        raise AddressError(sandbox.refusal.detail, Reason(sandbox.refusal.reason))
    url = AgentUrl.parse(sandbox.agent_url)
    return CallTarget(url.address, sandbox.id, sandbox.pod.namespace, sandbox.pod.name)
