"""A few sandboxes, asked as the exporter asks: their shims for a URL, and their agents for a version."""

import asyncio
import os
import stat
from dataclasses import replace
from itertools import chain

from kata_exporter.agent import AgentError, Observer, observe
from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.directories import look
from kata_exporter.cli.doctor.sandbox_facts import Asked, SandboxFacts, ShimSocket, Step
from kata_exporter.cli.doctor.sandbox_findings import judge
from kata_exporter.config.settings import DiscoverySettings, StaticSandbox
from kata_exporter.discovery.announced import AnnouncementRules, check_announced
from kata_exporter.discovery.shim import SOCKET_NAME, ShimClient
from kata_exporter.errors import AddressError, Reason, UrlError
from kata_exporter.sockets import AgentUrl, Dialer
from kata_exporter.telemetry.hooks import CallTarget

ID = "sandboxes"
MOST_ASKED = 4
"""Of each directory, and of those that are listed."""
SHIM_SECONDS = 2.0
AGENT_SECONDS = 5.0
"""For both calls to an agent, connecting included."""
MAX_VERSION_CHARACTERS = 40


async def probe(node: Node) -> SandboxFacts:
    """Ask the first sandboxes of each origin, all at once."""
    settings = node.settings
    paths = settings.discovery.directories
    directories = await asyncio.gather(*(asyncio.to_thread(look, path) for path in paths))
    asking = _Asking(node)
    asked = await asyncio.gather(
        *chain.from_iterable(
            (asking.found(directory.path, id_) for id_ in directory.sandboxes[:MOST_ASKED])
            for directory in directories
        ),
        *(asking.listed(sandbox) for sandbox in settings.sandboxes[:MOST_ASKED]),
    )
    found = sum(len(directory.sandboxes) for directory in directories)
    return SandboxFacts(tuple(asked), found, len(settings.sandboxes))


class _Asking:
    """Asks one sandbox after the other."""

    def __init__(self, node: Node) -> None:
        self._clock = node.clock
        self._discovery: DiscoverySettings = node.settings.discovery
        uids = frozenset(self._discovery.peer_uids)
        self._shims = ShimClient(peer_uids=uids, timeout_seconds=SHIM_SECONDS)
        self._dialer = Dialer(peer_uids=uids)

    async def listed(self, sandbox: StaticSandbox) -> Asked:
        """Ask the agent of a sandbox that an administrator wrote down."""
        asked = Asked(sandbox.id)
        try:
            url = AgentUrl.parse(sandbox.agent_url)
        except UrlError as error:
            return replace(asked, url=Step(error.reason, str(error)))
        target = CallTarget(url.address, sandbox.id)
        observer = observe(self._dialer.dial_url, str(url), target=target, clock=self._clock)
        return replace(asked, url=Step(Reason.OK, str(url)), agent=await self._agent(observer))

    async def found(self, directory: str, sandbox_id: str) -> Asked:
        """Ask the shim of a sandbox in a directory, and the agent whose URL it tells."""
        asked = Asked(sandbox_id, directory, _shim_socket(directory, sandbox_id))
        try:
            text = await self._shims.agent_url(directory, sandbox_id)
        except AddressError as error:
            return replace(asked, shim=Step(error.reason, str(error)))
        asked = replace(asked, shim=Step(Reason.OK, text))
        rules = AnnouncementRules(
            directory, self._discovery.agent_roots, self._discovery.agent_port
        )
        try:
            url, announcement = check_announced(text, sandbox_id, rules)
        except UrlError as error:
            return replace(asked, url=Step(error.reason, str(error)))
        observer = observe(
            lambda text: self._dialer.dial_announced(AgentUrl.parse(text), announcement.root),
            str(url),
            target=CallTarget(url.address, sandbox_id),
            clock=self._clock,
        )
        return replace(asked, url=Step(Reason.OK, str(url)), agent=await self._agent(observer))

    async def _agent(self, observer: Observer) -> Step:
        """Call Check, then Version: the least that an agent can be asked."""
        deadline = self._clock.monotonic() + AGENT_SECONDS
        try:
            await observer.check(deadline=deadline)
            version = await observer.version(deadline=deadline)
        except AgentError as error:
            return Step(error.reason, error.detail)
        finally:
            await observer.aclose()
        return Step(Reason.OK, version.agent_version[:MAX_VERSION_CHARACTERS])


def _shim_socket(directory: str, sandbox_id: str) -> ShimSocket | None:
    path = f"{directory}/{sandbox_id}/{SOCKET_NAME}"
    try:
        status = os.lstat(path)
    except OSError:
        return None
    may_connect = os.access(path, os.W_OK, effective_ids=True)
    return ShimSocket(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), may_connect)


CHECK = Check(ID, probe, judge, seconds=SHIM_SECONDS + AGENT_SECONDS + 1.0)
