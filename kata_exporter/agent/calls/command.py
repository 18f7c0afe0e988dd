"""From a command to the process that the agent is to start."""

import re
from collections.abc import Iterator, Mapping

from kata_exporter.agent.arguments import (
    MAX_U32,
    checked_flag,
    checked_texts,
    checked_type,
    sendable,
)
from kata_exporter.agent.types import Command, oci
from kata_exporter.errors import ArgumentError

_DECIMAL = re.compile(r"0*([0-9]{1,10})", re.ASCII)
_NAME_FORBIDDEN = re.compile(r"[=\0]")


def process_of(command: Command) -> oci.Process:
    """Return the process of a command.

    Raises:
        ArgumentError: its user, a group, an argument or a variable isn't as it should be.
    """
    checked_type("command", command, Command)
    args = checked_texts("command.args", command.args)
    if not args:
        raise ArgumentError("command.args", args, "should hold what to run")
    return oci.Process(
        args=tuple(_without_nul(f"command.args[{i}]", arg) for i, arg in enumerate(args)),
        env=tuple(_variables(command.env)),
        cwd=_text("command.cwd", command.cwd),
        user=user_of(command),
        terminal=checked_flag("command.terminal", command.terminal),
    )


def user_of(command: Command) -> oci.User:
    """Return whom a command runs as.

    Raises:
        ArgumentError: a part of it is no decimal number of 32 bits.
    """
    parts = sendable("command.user", command.user).split(":")
    if len(parts) > 2:
        raise ArgumentError("command.user", command.user, "should be UID or UID:GID")
    uid = _number("command.user", parts[0])
    gid = _number("command.user", parts[1]) if len(parts) == 2 else 0
    if command.primary_group:
        gid = _number("command.primary_group", command.primary_group)
    groups = checked_texts("command.supplementary_groups", command.supplementary_groups)
    gids = (_number(f"command.supplementary_groups[{i}]", gid) for i, gid in enumerate(groups))
    return oci.User(uid, gid, tuple(gids))


def _number(argument: str, text: str) -> int:
    match = _DECIMAL.fullmatch(sendable(argument, text))
    if match is None or int(match[1]) > MAX_U32:
        raise ArgumentError(
            argument, text, f"should be a decimal number up to {MAX_U32}; names aren't looked up"
        )
    return int(match[1])


def _variables(env: Mapping[str, str]) -> Iterator[str]:
    if not isinstance(env, Mapping):
        raise ArgumentError("command.env", env, "should be a mapping of names to values")
    for name, value in env.items():
        yield _variable(sendable("command.env", name), value)


def _variable(name: str, value: str) -> str:
    if not name or _NAME_FORBIDDEN.search(name):
        raise ArgumentError(
            "command.env", name, "a variable's name isn't empty and has no '=' or NUL"
        )
    return f"{name}={_text(f'command.env[{name}]', value)}"


def _text(argument: str, text: str) -> str:
    return _without_nul(argument, sendable(argument, text))


def _without_nul(argument: str, text: str) -> str:
    if "\0" in text:
        raise ArgumentError(argument, text, "can't hold a NUL")
    return text
