"""Which agent is meant: by its URL, or by the id of a sandbox in the configuration."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from kata_exporter.cli import flags
from kata_exporter.config.settings import StaticSandbox
from kata_exporter.config.words import nearest, quoted
from kata_exporter.errors import ConfigError, UrlError
from kata_exporter.sockets import AgentUrl
from kata_exporter.telemetry.hooks import CallTarget

_SHOWN_IDS = 5


@dataclass(frozen=True, slots=True)
class Target:
    """Where an agent is, and whom calls to it are about."""

    url: str
    about: CallTarget


def target_of(args: argparse.Namespace) -> Target:
    """Return the target of a command line; a word with ``://`` is a URL.

    Raises:
        ConfigError: it is no URL, or there is no such sandbox, or flags, environment or file are
            wrong.
    """
    word: str = args.agent
    if "://" in word:
        return Target(word, CallTarget(_parsed(word).address))
    sandboxes = flags.settings_from(args).sandboxes
    found = next((sandbox for sandbox in sandboxes if sandbox.id == word), None)
    if found is None:
        raise ConfigError(_unknown(word, sandboxes))
    address = _parsed(found.agent_url, f"sandbox {found.id}: ").address
    about = CallTarget(address, found.id, found.pod.namespace, found.pod.name)
    return Target(found.agent_url, about)


def _parsed(url: str, where: str = "") -> AgentUrl:
    try:
        return AgentUrl.parse(url)
    except UrlError as error:
        raise ConfigError(f"{where}{error}") from error


def _unknown(word: str, sandboxes: Sequence[StaticSandbox]) -> str:
    if not sandboxes:
        return (
            f"{quoted(word)} is no URL, and no sandboxes are configured: write SCHEME://…, or list"
            " some under sandboxes: in --config.file"
        )
    ids = [sandbox.id for sandbox in sandboxes]
    return f"no sandbox {quoted(word)} in the configuration{nearest(word, ids) or _some(ids)}"


def _some(ids: Sequence[str]) -> str:
    more = ", …" if len(ids) > _SHOWN_IDS else ""
    return f"; there are {', '.join(ids[:_SHOWN_IDS])}{more}"
