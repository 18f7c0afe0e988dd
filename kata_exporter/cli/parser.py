"""An argument parser whose complaints are single lines with a hint."""

import argparse
from collections.abc import Iterable, Sequence
from typing import NoReturn, TypeAlias

from kata_exporter.cli import output
from kata_exporter.errors import ConfigError


class Parser(argparse.ArgumentParser):
    """Raises ConfigError where argparse would print its usage and end the process."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the command line.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{message.removeprefix('argument ')} (see {self.prog} --help)")

    def _print_message(self, message: str, file: object = None) -> None:
        # argparse passes over what goes wrong here, and a full disk would look like success.
        del file
        output.say(message.removesuffix("\n"))


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001  it has no public name
"""Where a command adds its parser."""


def complain_of_unknown(
    unknown: Sequence[str], parser: argparse.ArgumentParser, commands: Iterable[str]
) -> NoReturn:
    """Raise one line for each argument that `parser`, that of a command, doesn't know.

    Raises:
        ConfigError: always.
    """
    # What follows an unknown flag is left over as well, and is most likely the flag's value.
    flags = [argument for argument in unknown if argument.startswith("-")]
    known = _flags_of(parser)
    complaints = [
        f"{argument!r} comes too late: a command stands before its flags"
        if argument in commands
        else _complaint(argument, known)
        for argument in flags or unknown
    ]
    raise ConfigError("\n".join(f"{text} (see {parser.prog} --help)" for text in complaints))


def _complaint(argument: str, known: Sequence[str]) -> str:
    # Not at the top: comparing words is needed only here, and --version starts without it.
    from kata_exporter.config.words import did_you_mean, quoted  # noqa: PLC0415  see above

    if not argument.startswith("-"):
        return f"{quoted(argument)} is one argument too many"
    flag = argument.partition("=")[0]
    return f"unknown flag {quoted(flag)}{did_you_mean(flag, known)}"


def _flags_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the long flags of a parser."""
    return [
        option
        for action in parser._actions  # noqa: SLF001  argparse has no other way to list them
        for option in action.option_strings
        if option.startswith("--")
    ]
