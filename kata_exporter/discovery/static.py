"""Sandboxes that an administrator wrote into the configuration."""

from collections.abc import Iterable

from kata_exporter.model import Container, Pod, Runtime, SandboxSeen, TellDiscovery

SOURCE = "static"


def static_sandbox(
    sandbox_id: str, agent_url: str, pod: Pod, containers: Iterable[Container]
) -> SandboxSeen:
    """Return the event for one entry of ``sandboxes:``.

    Such a sandbox has no birth that could be seen: it is the same one for as long as its entry says
    the same.
    """
    listed = tuple(containers)
    return SandboxSeen(
        source=SOURCE,
        id=sandbox_id,
        agent_url=agent_url,
        birth=f"{agent_url} {pod.namespace}/{pod.name} {pod.uid}",
        runtime=Runtime.NONE,
        pod=pod,
        containers=listed,
    )


class StaticSource:
    """Tells of its sandboxes once, in the order of the configuration; a `Source`."""

    def __init__(self, sandboxes: Iterable[SandboxSeen]) -> None:
        self._sandboxes = tuple(sandboxes)

    def watch(self, tell: TellDiscovery) -> None:
        """Tell of every sandbox; nothing changes later."""
        for sandbox in self._sandboxes:
            tell(sandbox)

    async def aclose(self) -> None:
        """Do nothing: nothing of it runs."""
