"""Sandboxes that an administrator wrote into the configuration."""

from collections.abc import Iterable

from kata_exporter.errors import UrlError
from kata_exporter.model import Container, Pod, Runtime, SandboxGone, SandboxSeen, TellDiscovery
from kata_exporter.sockets import AgentUrl

SOURCE = "static"


def static_sandbox(
    sandbox_id: str, agent_url: str, pod: Pod, containers: Iterable[Container]
) -> SandboxSeen:
    """Return the event for one entry of ``sandboxes:``.

    Such a sandbox has no birth that could be seen: it is the same one for as long as its entry says
    the same. Its agent's URL is told in one way of writing it, so that two entries, or an entry and a
    shim, that name one agent are known to; one that can't be read is told as it was written.
    """
    listed = tuple(containers)
    agent_url = _canonical(agent_url)
    return SandboxSeen(
        source=SOURCE,
        id=sandbox_id,
        agent_url=agent_url,
        birth=f"{agent_url} {pod.namespace}/{pod.name} {pod.uid}",
        runtime=Runtime.NONE,
        pod=pod,
        containers=listed,
    )


def _canonical(agent_url: str) -> str:
    try:
        return str(AgentUrl.parse(agent_url))
    except UrlError:
        return agent_url  # the sandbox shows as rejected, with what is wrong with it


class StaticSource:
    """Tells of its sandboxes in the order of the configuration, and then of changes; a `Source`."""

    def __init__(self, sandboxes: Iterable[SandboxSeen]) -> None:
        self._sandboxes = {sandbox.id: sandbox for sandbox in sandboxes}
        self._tell: TellDiscovery | None = None

    def watch(self, tell: TellDiscovery) -> None:
        """Tell of every sandbox, and remember whom to tell of changes."""
        self._tell = tell
        for sandbox in self._sandboxes.values():
            tell(sandbox)

    def replace(self, sandboxes: Iterable[SandboxSeen]) -> None:
        """Have these sandboxes from now on: tell of those that left, then of new and other ones."""
        before = self._sandboxes
        self._sandboxes = {sandbox.id: sandbox for sandbox in sandboxes}
        if self._tell is None:
            return
        for sandbox_id in before:
            if sandbox_id not in self._sandboxes:
                self._tell(SandboxGone(SOURCE, sandbox_id))
        for sandbox_id, sandbox in self._sandboxes.items():
            if before.get(sandbox_id) != sandbox:
                self._tell(sandbox)

    async def aclose(self) -> None:
        """Tell of nothing more; nothing of it runs."""
        self._tell = None
