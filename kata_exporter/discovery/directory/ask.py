"""One question to a shim, its answer held against what its sandbox may announce."""

from typing import Protocol

from kata_exporter.discovery.announced import AnnouncementRules, check_announced
from kata_exporter.discovery.directory.asking import Ask
from kata_exporter.model import Announcement
from kata_exporter.sockets import AgentUrl


class Shims(Protocol):
    """Reaches the shims of a directory."""

    async def agent_url(self, directory: str, sandbox_id: str) -> str:
        """Return what a shim writes as its agent's URL, unchecked.

        Raises:
            AddressError: it can't be had; the reason says why.
        """


def checked_ask(shims: Shims, *, agent_roots: tuple[str, ...], agent_port: int) -> Ask:
    """Return a way to ask that lets nothing through but the address of the sandbox's own agent.

    Args:
        shims: how they are reached.
        agent_roots: folders, beside Kata's usual ones, in which sandboxes have theirs.
        agent_port: where agents listen, over either kind of vsock.
    """

    async def ask(directory: str, sandbox_id: str) -> tuple[AgentUrl, Announcement]:
        text = await shims.agent_url(directory, sandbox_id)
        rules = AnnouncementRules(directory, agent_roots, agent_port)
        return check_announced(text, sandbox_id, rules)

    return ask
