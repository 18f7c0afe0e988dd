"""From a command to the process that the agent is to start."""

import re

from kata_exporter.agent.arguments import MAX_U32
from kata_exporter.agent.types import Command, oci
from kata_exporter.errors import ArgumentError

_DECIMAL = re.compile(r"0*([0-9]{1,10})", re.ASCII)
_NAME_FORBIDDEN = re.compile(r"[=\0]")


def process_of(command: Command) -> oci.Process:
    """Return the process of a command.

    Raises:
        ArgumentError: its user, a group, an argument or a variable isn't as it should be.
    """
    if not command.args:
        raise ArgumentError("command.args", command.args, "should hold what to run")
    return oci.Process(
        args=tuple(_text("command.args", arg) for arg in command.args),
        env=tuple(_variable(name, value) for name, value in command.env.items()),
        cwd=command.cwd,
        user=user_of(command),
        terminal=command.terminal,
    )


def user_of(command: Command) -> oci.User:
    """Return whom a command runs as.

    Raises:
        ArgumentError: a part of it is no decimal number of 32 bits.
    """
    parts = command.user.split(":")
    if len(parts) > 2:
        raise ArgumentError("command.user", command.user, "should be UID or UID:GID")
    uid = _number("command.user", parts[0])
    gid = _number("command.user", parts[1]) if len(parts) == 2 else 0
    if command.primary_group:
        gid = _number("command.primary_group", command.primary_group)
    groups = (
        _number("command.supplementary_groups", group) for group in command.supplementary_groups
    )
    return oci.User(uid, gid, tuple(groups))


def _number(argument: str, text: str) -> int:
    match = _DECIMAL.fullmatch(text)
    if match is None or int(match[1]) > MAX_U32:
        raise ArgumentError(
            argument, text, f"should be a decimal number up to {MAX_U32}; names aren't looked up"
        )
    return int(match[1])


def _variable(name: str, value: str) -> str:
    if not name or _NAME_FORBIDDEN.search(name):
        raise ArgumentError(
            "command.env", name, "a variable's name isn't empty and has no '=' or NUL"
        )
    return f"{name}={_text(f'command.env[{name}]', value)}"


def _text(argument: str, text: str) -> str:
    if "\0" in text:
        raise ArgumentError(argument, text, "can't hold a NUL")
    return text
