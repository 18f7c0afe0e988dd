"""``kata-exporter demo``: a fleet of simulated sandboxes, and the exporter on it or another one."""

import argparse
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from kata_exporter.cli import exit_codes, flags
from kata_exporter.cli.parser import Commands
from kata_exporter.errors import ConfigError

if TYPE_CHECKING:
    from kata_exporter.simulator import Scenario

MAX_SANDBOXES = 1000


# Listeners of a simulated agent and its shim, and both ends of a connection to either.
_FILES_PER_SANDBOX = 6
_OTHER_FILES = 128


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "demo",
        help="serve metrics of a simulated fleet; needs no Kata",
        description="Start simulated sandboxes and the exporter on them, until Ctrl-C."
        " What each scenario and each fault does stands in docs/simulator.md.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--sandboxes",
        metavar="N",
        type=_sandbox_count,
        default=20,
        help="how many sandboxes to simulate (default 20)",
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        type=_scenario,
        default="calm",
        help="what goes on: calm, busy, oom, faults or churn (default calm)",
    )
    parser.add_argument(
        "--agents-only",
        metavar="DIR",
        type=_folder,
        help="start no exporter: make DIR the root of a host with agents, shims, CRI and containerd's"
        " events, for another exporter, and write its configuration to DIR/kata-exporter.yaml",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="the same seed gives the same fleet, and lets the same happen (default 0)",
    )
    parser.add_argument(
        "--interval",
        metavar="DURATION",
        type=_interval,
        default="2s",
        help="how often each sandbox is asked, 1s and up (default 2s)",
    )
    flags.add_listen_address(parser)
    flags.add_log(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo until SIGTERM or SIGINT, which end it with 0 and leave nothing behind.

    Raises:
        ConfigError: flags or environment are wrong, a port is in use, or the process may not open
            the files that so many sandboxes need.
    """
    # Slow to import, and not needed for --help.
    from kata_exporter.cli.runner import run_until_signal  # noqa: PLC0415  see above
    from kata_exporter.cli.simulation import demonstrate  # noqa: PLC0415  see above
    from kata_exporter.clock import SystemClock  # noqa: PLC0415  see above

    _allow_files(_OTHER_FILES + _FILES_PER_SANDBOX * args.sandboxes)
    run_until_signal(demonstrate(args, SystemClock()))
    return exit_codes.OK


def _allow_files(needed: int) -> None:
    """Raise this process's limit of open files to `needed`, unless it is that high already."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != soft < needed:
        if resource.RLIM_INFINITY != hard < needed:
            raise ConfigError(
                f"--sandboxes: so many need {needed} open files, and the limit is {hard}:"
                " simulate fewer, or raise it with ulimit -n"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _sandbox_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_SANDBOXES):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MAX_SANDBOXES}")
    return int(text)


def _folder(text: str) -> Path:
    if not text or not text.isprintable():
        raise argparse.ArgumentTypeError("must be a folder's name, of printable characters")
    return Path(text)


def _scenario(text: str) -> "Scenario":
    from kata_exporter.config.words import parse_choice  # noqa: PLC0415  not needed for --help
    from kata_exporter.simulator import Scenario  # noqa: PLC0415  not needed for --help

    try:
        return parse_choice(Scenario, text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise argparse.ArgumentTypeError("must be a whole number of 18 digits at most")
    return int(text)


def _interval(text: str) -> str:
    from kata_exporter.config.decode import (  # noqa: PLC0415  not needed for --help
        MAX_INTERVAL_SECONDS,
        MIN_INTERVAL_SECONDS,
    )
    from kata_exporter.config.durations import parse_duration  # noqa: PLC0415  not needed for --help

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not MIN_INTERVAL_SECONDS <= seconds <= MAX_INTERVAL_SECONDS:
        raise argparse.ArgumentTypeError("must be from 1s to 1d")
    return text
