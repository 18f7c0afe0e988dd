"""The source of containerd's events: subscribes, again and again.

containerd keeps nothing for who isn't subscribed. So each time that a subscription begins, and each
time that one breaks, `EventsMissed` is told: what happened in between has to be found by looking.
"""

import logging
from collections.abc import Callable
from contextlib import aclosing
from functools import partial

from google.protobuf.empty_pb2 import Empty

from kata_exporter._pb import containerd_events_pb2 as events_pb2
from kata_exporter._pb import containerd_version_pb2 as version_pb2
from kata_exporter.clock import Clock
from kata_exporter.discovery.containerd.events import (
    SOURCE,
    EventIgnored,
    read_event,
    task_filter,
)
from kata_exporter.discovery.containerd.hook import ContainerdHook, NoContainerdHook
from kata_exporter.discovery.cri import answering_path
from kata_exporter.discovery.runtime import Endpoint, OutageLog, RuntimeChannel, Sessions
from kata_exporter.errors import RuntimeCallError
from kata_exporter.model import EventsMissed, TellRuntimeEvent
from kata_exporter.telemetry.hooks import CallHook

logger = logging.getLogger(__name__)

KUBERNETES_NAMESPACE = "k8s.io"
"""containerd's namespace for what CRI runs; not one of Kubernetes' own."""
MAX_EVENT_BYTES = 64 << 10
"""An event of a task has some 300."""

CALL_SECONDS = 10.0
"""What the call that finds containerd there may take."""

_VERSION = "containerd.services.version.v1.Version/Version"
_SUBSCRIBE = "containerd.services.events.v1.Events/Subscribe"
_VERSION_CHARACTERS = 128


class ContainerdEvents:
    """Tells what happens to containers, in the order in which containerd does.

    Args:
        endpoint: where containerd is.
        clock: for pauses.
        is_sandbox: whether an id is a sandbox's own: then an event is about no container.
        namespace: of containerd.
        hook: is told how it fares.
        calls: is told of each call.

    Attributes:
        hears: whether events are heard now.

    Raises:
        ConfigError: the namespace can't be one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Clock,
        is_sandbox: Callable[[str], bool],
        namespace: str = KUBERNETES_NAMESPACE,
        hook: ContainerdHook | None = None,
        calls: CallHook | None = None,
    ) -> None:
        self.hears = False
        self._endpoint = endpoint
        self._clock = clock
        self._is_sandbox = is_sandbox
        self._namespace = namespace
        self._request = events_pb2.SubscribeRequest(filters=[task_filter(namespace)])
        self._hook = hook or NoContainerdHook()
        self._calls = calls
        self._log = OutageLog(
            logger,
            clock,
            away="containerd's events aren't heard; a listing finds what happens now, but no OOM",
            none="no containerd was found, so its events aren't heard; mount its socket, or set"
            " --containerd.endpoint, to none where another runtime runs the pods",
            back="subscribed to containerd's events",
        )
        self._sessions = Sessions(clock, on_absent=self._log.absent, on_failed=self._failed)

    def watch(self, tell: TellRuntimeEvent) -> None:
        """Begin to subscribe; nothing is told before this returns, nor where the endpoint is none."""
        if self._endpoint.paths:
            self._sessions.start(partial(self._subscribe, tell))

    async def aclose(self) -> None:
        """Tell nothing more; returns when nothing of it is left running."""
        await self._sessions.aclose()

    async def _subscribe(self, tell: TellRuntimeEvent) -> None:
        """Subscribe, and tell until that breaks; raises what broke it."""
        path = await self._path()
        async with RuntimeChannel(
            path, clock=self._clock, max_message_bytes=MAX_EVENT_BYTES, hook=self._calls
        ) as channel:
            version = await channel.call(
                _VERSION, Empty(), version_pb2.VersionResponse, seconds=CALL_SECONDS
            )
            self._sessions.answered()
            self.hears = True
            self._hook.subscribed()
            self._log.succeeded(socket=path, version=version.version[:_VERSION_CHARACTERS])
            try:
                await self._hear_all(channel, tell)
            except RuntimeCallError:
                tell(EventsMissed(SOURCE))
                raise
            finally:
                self.hears = False
                self._hook.interrupted()

    async def _hear_all(self, channel: RuntimeChannel, tell: TellRuntimeEvent) -> None:
        envelopes = channel.stream(_SUBSCRIBE, self._request, events_pb2.Envelope)
        async with aclosing(envelopes):
            tell(EventsMissed(SOURCE))
            async for envelope in envelopes:
                self._hear(envelope, tell)

    async def _path(self) -> str:
        if not self._endpoint.is_auto:
            return self._endpoint.paths[0]
        # Another containerd may be on the node, as Docker's. The one of the kubelet answers CRI.
        return await answering_path(self._endpoint, self._clock, hook=self._calls)

    def _hear(self, envelope: events_pb2.Envelope, tell: TellRuntimeEvent) -> None:
        self._sessions.succeeded()
        try:
            event = read_event(envelope, self._namespace, self._is_sandbox)
        except EventIgnored as ignored:
            self._hook.ignored(ignored.reason)
            return
        self._hook.heard(envelope.topic)
        tell(event)

    def _failed(self, error: RuntimeCallError, cause: Exception | None) -> None:
        self._hook.failed(error.code)
        self._log.failed(error, cause)
