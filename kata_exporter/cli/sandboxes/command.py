"""``kata-exporter sandboxes``: ask a running exporter for its sandboxes, and print them as a table."""

import argparse
from typing import TYPE_CHECKING

from kata_exporter.cli import exit_codes, flags, output
from kata_exporter.cli.parser import Commands
from kata_exporter.errors import ConfigError, Reason

if TYPE_CHECKING:
    from kata_exporter.cli.sandboxes.target import Target

DEFAULT_WATCH_SECONDS = 2.0

_DESCRIPTION = """\
Ask a running exporter which sandboxes it knows, and print a line for each. No agent is asked.
Without --url and --socket it is asked where the configuration, flags aside, says that it listens.
Ends with 0 once it has answered, whatever its sandboxes are like, and with 1 if it has not.
"""


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "sandboxes",
        help="list the sandboxes that a running exporter knows",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--url", metavar="URL", help="of the exporter (default http://127.0.0.1:9823)"
    )
    where.add_argument(
        "--socket", metavar="PATH", help="the exporter's unix socket, its --web.admin-socket"
    )
    flags.add_config_file(parser)
    parser.add_argument(
        "--namespace",
        metavar="NAME",
        action="append",
        default=[],
        help="only sandboxes of pods in this namespace; repeatable",
    )
    parser.add_argument(
        "--reason",
        metavar="REASON",
        type=_reason,
        action="append",
        default=[],
        help=f"only sandboxes in this state, one of {', '.join(Reason)}; repeatable",
    )
    parser.add_argument(
        "--no-trunc", action="store_true", help="print ids, names and URLs in their full length"
    )
    parser.add_argument(
        "--json", action="store_true", help="print all that the exporter says of them, as JSON"
    )
    parser.add_argument(
        "--watch",
        metavar="DURATION",
        nargs="?",
        type=_watch_seconds,
        const=DEFAULT_WATCH_SECONDS,
        help="go on until Ctrl-C, asking every 2s or as often as given: redraw on a terminal, else"
        " print a line for each change",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the sandboxes; 1 if the exporter can't be asked, 130 if a signal came before the end.

    Raises:
        ConfigError: flags, environment or file are wrong.
    """
    # Slow to import, and not needed for --help.
    from kata_exporter.cli.runner import run_until_signal  # noqa: PLC0415  see above
    from kata_exporter.cli.sandboxes.asking import AskError  # noqa: PLC0415  see above
    from kata_exporter.cli.sandboxes.showing import View, show, watch  # noqa: PLC0415  see above
    from kata_exporter.clock import SystemClock  # noqa: PLC0415  see above

    if args.json and args.watch is not None:
        raise ConfigError("--json prints once: leave out --watch")
    target = _target(args)
    view = View(frozenset(args.namespace), frozenset(args.reason), full=args.no_trunc)
    try:
        if args.watch is not None:
            run_until_signal(watch(target, view, SystemClock(), every_seconds=args.watch))
            return exit_codes.OK
        ended = run_until_signal(show(target, view, as_json=args.json))
    except AskError as error:
        output.complain(str(error))
        return exit_codes.FAILED
    return exit_codes.INTERRUPTED if ended is None else exit_codes.OK


def _target(args: argparse.Namespace) -> "Target":
    from kata_exporter.cli.sandboxes.target import (  # noqa: PLC0415  not needed for --help
        at_listener,
        at_socket,
        at_url,
    )

    if args.url is not None:
        return at_url(args.url)
    if args.socket is not None:
        return at_socket(args.socket)
    return at_listener(flags.settings_from(args).web.listen_addresses)


def _reason(text: str) -> Reason:
    from kata_exporter.config.words import parse_choice  # noqa: PLC0415  not needed for --help

    try:
        return parse_choice(Reason, text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _watch_seconds(text: str) -> float:
    from kata_exporter.config.durations import parse_duration  # noqa: PLC0415  not needed for --help

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not 0.1 <= seconds <= 86_400.0:
        raise argparse.ArgumentTypeError("must be from 100ms to 1d")
    return seconds
