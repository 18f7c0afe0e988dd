"""The agent's methods as the command knows them: what they take, and which it leaves to runtimes."""

import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kata_exporter.agent import KataAgent
from kata_exporter.agent.catalog import CATALOG, Entry
from kata_exporter.cli.agent.decode import described
from kata_exporter.config.words import nearest, quoted
from kata_exporter.errors import ConfigError

_ENDS = "it is about a client, and the command's ends with the command"
_RUNTIME = "it is about the runtime's VM and shared files, and the command has neither"

LEFT_TO_RUNTIMES: Mapping[str, str] = {
    "disconnect": _ENDS,
    "set_agent_url": _ENDS,
    "mark_dead": _ENDS,
    "reuse_agent": "it takes over another client's connection, and there is none",
    "load": "it tells a client where the agent is: give the agent's URL instead",
    "init": "it configures a client for later calls: give --timeout for the one of the command",
    "configure": _RUNTIME,
    "configure_from_grpc": _RUNTIME,
    "create_sandbox": f"{_RUNTIME}; start_sandbox is what asks the agent",
    "cleanup": _RUNTIME,
}
"""Methods that make no sense from a shell, and why. The others that send nothing tell what is known
without asking."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a method takes under a name."""

    name: str
    hint: Any
    required: bool

    @property
    def should_be(self) -> str:
        """What is to be given, in words."""
        return described(self.hint)


@dataclass(frozen=True, slots=True)
class ShellMethod:
    """A method, and what the command has to know of it."""

    noun: str
    entry: Entry
    parameters: tuple[Parameter, ...]
    gives: Any
    """The annotation of what it returns."""
    has_deadline: bool

    @property
    def name(self) -> str:
        """As in `KataAgent`."""
        return self.entry.name

    @property
    def changes_guest(self) -> bool:
        """Whether it changes the guest, or takes what another client waits for."""
        return self.entry.changes_guest

    @property
    def left_because(self) -> str:
        """Why it is left to runtimes; empty where it isn't."""
        return LEFT_TO_RUNTIMES.get(self.name, "")

    @property
    def summary(self) -> str:
        """Its first sentence."""
        return summary(self.name)


def method_named(name: str) -> ShellMethod:
    """Return the method of a name.

    Raises:
        ConfigError: there is none, or it makes no sense from a shell.
    """
    method = METHODS.get(name)
    if method is None:
        raise ConfigError(
            f"unknown method {quoted(name)}{nearest(name, METHODS)}"
            " (kata-exporter agent --list has all)"
        )
    if method.left_because:
        raise ConfigError(f"{name} can't be asked from a shell: {method.left_because}")
    return method


def summary(name: str) -> str:
    """Return the first sentence of what a method says of itself."""
    text = inspect.getdoc(getattr(KataAgent, name)) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("``", "`")


def _method(noun: str, entry: Entry) -> ShellMethod:
    function = getattr(KataAgent, entry.name)
    signature = inspect.signature(function)
    hints = typing.get_type_hints(function)
    parameters = tuple(
        Parameter(name, hints[name], parameter.default is parameter.empty)
        for name, parameter in signature.parameters.items()
        if name not in {"self", "deadline"}
    )
    has_deadline = "deadline" in signature.parameters
    return ShellMethod(noun, entry, parameters, hints["return"], has_deadline)


METHODS: Mapping[str, ShellMethod] = {
    entry.name: _method(noun, entry) for noun, entries in CATALOG.items() for entry in entries
}
"""All methods by name."""
