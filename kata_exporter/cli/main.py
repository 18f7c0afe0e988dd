"""The command line: which command was meant, and what each end of it looks like."""

import argparse
import platform
import sys
from collections.abc import Sequence

from kata_exporter import __version__
from kata_exporter.cli import (
    agent,
    check_config,
    demo,
    doctor,
    exit_codes,
    metrics,
    output,
    sandboxes,
    scrape,
    serve,
)
from kata_exporter.cli.parser import Parser, complain_of_unknown
from kata_exporter.errors import ConfigError

PROGRAM = "kata-exporter"
DEFAULT_COMMAND = "serve"
_NOT_OF_A_COMMAND = ("-h", "--help", "--version")

_EPILOG = """\
Without a command, serve is run: its flags may follow kata-exporter directly.
Each setting is taken from its flag, else from KATA_EXPORTER_ and the flag's name
(KATA_EXPORTER_WEB_LISTEN_ADDRESS), else from the file, else it has its default.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own), and return the exit code.

    A user's mistake is told in one line of standard error each, and gives 2. What nobody expected
    is raised, so that Python shows where it came from and ends with 1.
    """
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        output.flush()
    except ConfigError as error:
        output.complain(str(error))
        return exit_codes.MISTAKE
    except output.OutputError as error:
        output.discard()
        if error.reader_gone:
            return exit_codes.OK
        output.complain(str(error))
        return exit_codes.FAILED
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    return code


def _run(argv: Sequence[str]) -> int:
    parser, commands = _parsers()
    try:
        args, unknown = parser.parse_known_args(_with_command(argv, list(commands)))
    except SystemExit:  # --help and --version have printed what they print
        return exit_codes.OK
    command: str = args.command
    if unknown:
        complain_of_unknown(unknown, commands[command], commands)
    code: int = args.run(args)
    return code


def _parsers() -> tuple[Parser, dict[str, Parser]]:
    """Return the parser, and those of the commands by name."""
    parser = Parser(
        prog=PROGRAM,
        description="Prometheus exporter for the VM sandboxes of Kata Containers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"{PROGRAM} {__version__} (Python {platform.python_version()})",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    serve.add_parser(commands)
    demo.add_parser(commands)
    scrape.add_parser(commands)
    sandboxes.add_parser(commands)
    agent.add_parser(commands)
    check_config.add_parser(commands)
    metrics.add_parser(commands)
    doctor.add_parser(commands)
    return parser, commands.choices


def _with_command(argv: Sequence[str], commands: list[str]) -> list[str]:
    """Return `argv` with the default command in front, unless it begins with one.

    Raises:
        ConfigError: it begins with a word that is no command.
    """
    first = argv[0] if argv else ""
    if first in commands or first in _NOT_OF_A_COMMAND:
        return list(argv)
    if first and not first.startswith("-"):
        from kata_exporter.config.words import did_you_mean, quoted  # noqa: PLC0415  needed only here

        raise ConfigError(
            f"unknown command {quoted(first)}{did_you_mean(first, commands)} (see {PROGRAM} --help)"
        )
    return [DEFAULT_COMMAND, *argv]
