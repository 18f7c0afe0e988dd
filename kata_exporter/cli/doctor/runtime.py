"""The node's container runtime: who pods are (CRI), and what happens to them (containerd's events)."""

import asyncio
import os
import stat
from collections import Counter
from pathlib import Path

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.runtime_facts import (
    EventFacts,
    NodeRuntime,
    RuntimeFacts,
    RuntimeSocket,
)
from kata_exporter.cli.doctor.runtime_findings import judge
from kata_exporter.discovery.containerd import (
    ContainerdEvents,
    NoContainerdHook,
    containerd_endpoint,
)
from kata_exporter.discovery.cri import Selection, cri_endpoint
from kata_exporter.discovery.cri.runtime import connect
from kata_exporter.discovery.runtime import Endpoint
from kata_exporter.errors import RuntimeCallError

ID = "runtime"
CRI_SECONDS = 5.0
"""For all that is asked of CRI, connecting included."""
EVENTS_SECONDS = 5.0
_REFUSAL_SECONDS = 0.3
"""How soon a subscription is refused, if it is: one that holds says nothing."""
_LATE = "DEADLINE_EXCEEDED"


async def probe(node: Node) -> NodeRuntime:
    """Ask CRI for its version and pods, and subscribe to containerd's events for a moment."""
    cri, events = await asyncio.gather(_ask_cri(node), _ask_for_events(node))
    return NodeRuntime(cri, events)


async def _ask_cri(node: Node) -> RuntimeFacts:
    endpoint = cri_endpoint(node.settings.cri.endpoint)
    sockets = tuple(map(_socket, endpoint.paths))
    if not sockets:
        return RuntimeFacts(sockets)
    try:
        async with asyncio.timeout(CRI_SECONDS):
            return await _describe(node, endpoint, sockets)
    except RuntimeCallError as error:
        return RuntimeFacts(sockets, error.code, error.detail)
    except TimeoutError:
        return RuntimeFacts(sockets, _LATE, f"no answer within {CRI_SECONDS:g} s")


async def _describe(
    node: Node, endpoint: Endpoint, sockets: tuple[RuntimeSocket, ...]
) -> RuntimeFacts:
    runtime, version = await connect(endpoint, node.clock)
    selection = Selection(node.settings.cri.runtime_handlers)
    async with runtime:
        pods = await runtime.pods()
    return RuntimeFacts(
        sockets,
        path=runtime.path,
        name=version.name,
        version=version.version,
        tells_events=version.tells_events_to_all,
        handlers=Counter(pod.runtime_handler for pod in pods),
        kata_pods=sum(selection.selects(pod) for pod in pods),
    )


async def _ask_for_events(node: Node) -> EventFacts:
    settings = node.settings.containerd
    endpoint = containerd_endpoint(settings.endpoint)
    sockets = tuple(map(_socket, endpoint.paths))
    if not any(socket.is_there for socket in sockets):
        return EventFacts(sockets)
    hook = _Listening()
    events = ContainerdEvents(
        endpoint,
        clock=node.clock,
        is_sandbox=lambda _: False,
        namespace=settings.namespace,
        hook=hook,
    )
    events.watch(lambda _: None)
    try:
        async with asyncio.timeout(EVENTS_SECONDS):
            await hook.begun.wait()
            await node.clock.sleep(0.0 if hook.code else _REFUSAL_SECONDS)
    except TimeoutError:
        return EventFacts(sockets, _LATE)
    finally:
        await events.aclose()
    return EventFacts(sockets, hook.code)


class _Listening(NoContainerdHook):
    """Notes how the first subscription fares."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.code = ""

    def subscribed(self) -> None:
        """Take note that containerd is there."""
        self.begun.set()

    def failed(self, code: str) -> None:
        """Take note that it is not, or refuses."""
        self.code = self.code or code
        self.begun.set()


def _socket(path: str) -> RuntimeSocket:
    try:
        is_socket = stat.S_ISSOCK(Path(path).stat().st_mode)
    except PermissionError:
        return RuntimeSocket(path, is_there=True, may_connect=False)
    except OSError:
        return RuntimeSocket(path, is_there=False, may_connect=False)
    may_connect = is_socket and os.access(path, os.W_OK, effective_ids=True)
    return RuntimeSocket(path, is_socket, may_connect)


CHECK = Check(ID, probe, judge, seconds=max(CRI_SECONDS, EVENTS_SECONDS) + 1.0)
