"""The source of containerd's events: subscribes, again and again.

containerd keeps nothing for who isn't subscribed. So each time that a subscription begins, and each
time that one breaks, `EventsMissed` is told: what happened in between has to be found by looking.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

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
from kata_exporter.discovery.runtime import Backoff, Endpoint, OutageLog, RuntimeChannel
from kata_exporter.errors import RuntimeAbsentError, RuntimeCallError
from kata_exporter.model import EventsMissed, TellRuntimeEvent

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
    ) -> None:
        self.hears = False
        self._endpoint = endpoint
        self._clock = clock
        self._is_sandbox = is_sandbox
        self._namespace = namespace
        self._request = events_pb2.SubscribeRequest(filters=[task_filter(namespace)])
        self._hook = hook or NoContainerdHook()
        self._has_answered = False
        self._backoff = Backoff()
        self._log = OutageLog(
            logger,
            clock,
            away="containerd's events aren't heard; a listing finds what happens now, but no OOM",
            none="no containerd was found, so its events aren't heard; mount its socket, or set"
            " --containerd.endpoint, to none where another runtime runs the pods",
            back="subscribed to containerd's events",
        )
        self._task: asyncio.Task[None] | None = None

    def watch(self, tell: TellRuntimeEvent) -> None:
        """Begin to subscribe; nothing is told before this returns, nor where the endpoint is none."""
        if self._endpoint.paths:
            self._task = asyncio.get_running_loop().create_task(self._run(tell))

    async def aclose(self) -> None:
        """Tell nothing more; returns when nothing of it is left running."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, tell: TellRuntimeEvent) -> None:
        while True:
            try:
                await self._subscribe(tell)
            except RuntimeAbsentError as error:
                self._absent(error)
            except RuntimeCallError as error:
                self._failed(error)
            except Exception as error:  # noqa: BLE001  whatever is wrong, the next has to be heard
                self._failed(RuntimeCallError("INTERNAL", "an error of our own"), cause=error)
            await self._clock.sleep(self._backoff.pause_seconds())

    async def _subscribe(self, tell: TellRuntimeEvent) -> None:
        """Subscribe, and tell until that breaks; raises what broke it."""
        path = await self._path()
        async with RuntimeChannel(
            path, clock=self._clock, max_message_bytes=MAX_EVENT_BYTES
        ) as channel:
            version = await channel.call(
                _VERSION, Empty(), version_pb2.VersionResponse, seconds=CALL_SECONDS
            )
            self._has_answered = True
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
        return await answering_path(self._endpoint, self._clock)

    def _hear(self, envelope: events_pb2.Envelope, tell: TellRuntimeEvent) -> None:
        self._backoff.succeeded()
        try:
            event = read_event(envelope, self._namespace, self._is_sandbox)
        except EventIgnored as ignored:
            self._hook.ignored(ignored.reason)
            return
        self._hook.heard(envelope.topic)
        tell(event)

    def _absent(self, error: RuntimeAbsentError) -> None:
        if self._has_answered:
            self._failed(error)
        else:
            self._log.absent(error)

    def _failed(self, error: RuntimeCallError, cause: Exception | None = None) -> None:
        self._hook.failed(error.code)
        self._log.failed(error, cause)
