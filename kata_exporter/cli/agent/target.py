"""Which agent is meant: by its URL, or by the id of a sandbox that is configured or has a shim here."""

import argparse
import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kata_exporter.cli import flags
from kata_exporter.config.settings import DiscoverySettings, StaticSandbox
from kata_exporter.config.words import nearest, quoted
from kata_exporter.discovery.directory import checked_ask
from kata_exporter.discovery.shim import SOCKET_NAME, ShimClient
from kata_exporter.errors import ConfigError, UrlError
from kata_exporter.model import SANDBOX_ID
from kata_exporter.sockets import AgentUrl, Dial, Dialer
from kata_exporter.telemetry.hooks import CallTarget

_SHOWN_IDS = 5


@dataclass(frozen=True, slots=True)
class Target:
    """Where an agent is, whom calls to it are about, and how it is dialled."""

    url: str
    about: CallTarget
    dial_url: Callable[[str], Dial]


def target_of(args: argparse.Namespace) -> Target:
    """Return the target of a command line; a word with ``://`` is a URL.

    Raises:
        ConfigError: it is no URL, or there is no such sandbox, or flags, environment or file are
            wrong.
        AddressError: the sandbox's shim didn't say where its agent is.
    """
    word: str = args.agent
    if "://" in word:
        return Target(word, CallTarget(_parsed(word).address), Dialer().dial_url)
    settings = flags.settings_from(args)
    listed = next((sandbox for sandbox in settings.sandboxes if sandbox.id == word), None)
    if listed is not None:
        address = _parsed(listed.agent_url, f"sandbox {listed.id}: ").address
        about = CallTarget(address, listed.id, listed.pod.namespace, listed.pod.name)
        return Target(listed.agent_url, about, Dialer().dial_url)
    found = _found(word, settings.discovery)
    if found is None:
        raise ConfigError(_unknown(word, settings.sandboxes, settings.discovery.directories))
    return found


def _found(sandbox_id: str, settings: DiscoverySettings) -> Target | None:
    """Return the target of a sandbox that has a shim on this machine; None where none has."""
    if not SANDBOX_ID.fullmatch(sandbox_id):
        return None
    for directory in settings.directories:
        if os.path.lexists(Path(directory, sandbox_id, SOCKET_NAME)):
            return asyncio.run(_announced(directory, sandbox_id, settings))
    return None


async def _announced(directory: str, sandbox_id: str, settings: DiscoverySettings) -> Target:
    uids = frozenset(settings.peer_uids)
    ask = checked_ask(
        ShimClient(peer_uids=uids),
        agent_roots=settings.agent_roots,
        agent_port=settings.agent_port,
    )
    url, announcement = await ask(directory, sandbox_id)
    dialer = Dialer(peer_uids=uids)
    return Target(
        str(url),
        CallTarget(url.address, sandbox_id),
        lambda text: dialer.dial_announced(AgentUrl.parse(text), announcement.root),
    )


def _parsed(url: str, where: str = "") -> AgentUrl:
    try:
        return AgentUrl.parse(url)
    except UrlError as error:
        raise ConfigError(f"{where}{error}") from error


def _unknown(word: str, sandboxes: Sequence[StaticSandbox], directories: Sequence[str]) -> str:
    nor = f"; nor has it a shim in {' or '.join(directories)}" if directories else ""
    if not sandboxes:
        return (
            f"{quoted(word)} is no URL, and no sandboxes are configured{nor}: write SCHEME://…, or"
            " list some under sandboxes: in --config.file"
        )
    ids = [sandbox.id for sandbox in sandboxes]
    return f"no sandbox {quoted(word)} in the configuration{nearest(word, ids) or _some(ids)}{nor}"


def _some(ids: Sequence[str]) -> str:
    more = ", …" if len(ids) > _SHOWN_IDS else ""
    return f"; there are {', '.join(ids[:_SHOWN_IDS])}{more}"
