"""``kata-exporter agent URL_OR_SANDBOX METHOD``: have an agent do something, and print what it gives."""

import argparse
import re
from collections.abc import Sequence
from typing import Any

from kata_exporter.cli import flags
from kata_exporter.cli.parser import Commands

TRACEPARENT = re.compile(
    "(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
    "(?:-[!-~]{0,200})?",
    re.ASCII,
)
"""https://www.w3.org/TR/trace-context/#traceparent-header; version 00 ends with its flags, later ones
may go on."""

_DESCRIPTION = """\
Have the agent of a sandbox do something, and print what it gives as JSON. Ends with 0 if it did, 1 if
it did not, 2 if something on the command line is wrong, and 3 where a change lacks its flag.
"""

_EPILOG = """\
--param gives text, numbers, true or false, and a container by its id; everything else is given in
--json, an object of parameters. Bytes are UTF-8 text, or {"base64": "…"} where they are none, in what
is given and in what is printed; --param NAME=- takes them from standard input.
"""


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "agent",
        help="have an agent do something, and print what it gives",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    words = (
        parser.add_argument(
            "agent",
            metavar="URL_OR_SANDBOX",
            help="the agent's URL, or the id of a sandbox in the configuration",
        ),
        parser.add_argument("method", metavar="METHOD", help="what it is to do; --list has them"),
    )
    parser.add_argument(
        "--list", action=_ListAction, nargs=0, words=words, help="list all methods and end"
    )
    parser.add_argument(
        "--param",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter of the method; repeatable",
    )
    parser.add_argument(
        "--json",
        metavar="OBJECT",
        nargs="?",
        const="",
        help="parameters as JSON; with --list, and no object, list them as JSON",
    )
    parser.add_argument(
        "--timeout",
        metavar="DURATION",
        type=_timeout,
        help="how long it may take in all, as 5s or 1m30s (default: what the method's calls have)",
    )
    parser.add_argument(
        "--traceparent",
        metavar="CONTEXT",
        type=_traceparent,
        help="have the guest's spans join a trace: its W3C context",
    )
    parser.add_argument(
        "--yes-change-guest",
        action="store_true",
        help="needed for what changes the guest, or takes what another client waits for",
    )
    parser.add_argument(
        "--raw", action="store_true", help="print text or bytes as they are, instead of JSON"
    )
    flags.add_config_file(parser)
    flags.add_discovery(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the method does; 130 if a signal ended it.

    Raises:
        ConfigError: a part of the command line is wrong; nothing was sent.
    """
    # Slow to import, and not needed for --help.
    from kata_exporter.cli.agent.calling import list_methods, run_method  # noqa: PLC0415  see above

    return list_methods(args) if args.list else run_method(args)


class _ListAction(argparse.Action):
    """Asks for the list, which needs none of the words that stand for an agent and a method."""

    def __init__(
        self,
        option_strings: Sequence[str],
        dest: str,
        *,
        words: Sequence[argparse.Action],
        **kwargs: Any,
    ) -> None:
        super().__init__(option_strings, dest, default=False, **kwargs)
        self._words = words

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Note it."""
        del parser, values, option_string
        setattr(namespace, self.dest, True)
        for word in self._words:
            word.required = False


def _timeout(text: str) -> float:
    from kata_exporter.config.durations import parse_duration  # noqa: PLC0415  not needed for --help

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not seconds:
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds


def _traceparent(text: str) -> str:
    if not TRACEPARENT.fullmatch(text):
        raise argparse.ArgumentTypeError(
            "must be a W3C trace context, as"
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        )
    return text
