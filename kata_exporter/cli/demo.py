"""``kata-exporter demo``: a fleet of simulated sandboxes, and the exporter on it."""

import argparse
import resource
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kata_exporter.cli import exit_codes, flags, output
from kata_exporter.cli.parser import Commands
from kata_exporter.errors import ConfigError

if TYPE_CHECKING:
    from kata_exporter.app import Exporter
    from kata_exporter.clock import Clock

MAX_SANDBOXES = 1000
STATUS_EVERY_SECONDS = 10.0

# A simulated agent's listener, and both ends of the connection to it.
_FILES_PER_SANDBOX = 3
_OTHER_FILES = 128


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "demo",
        help="serve metrics of a simulated fleet; needs no Kata",
        description="Start simulated sandboxes and the exporter on them, until Ctrl-C.",
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
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="the same seed gives the same fleet (default 0)",
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
    from kata_exporter.clock import SystemClock  # noqa: PLC0415  see above

    _allow_files(_OTHER_FILES + _FILES_PER_SANDBOX * args.sandboxes)
    run_until_signal(_demo(args, SystemClock()))
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


async def _demo(args: argparse.Namespace, clock: "Clock") -> None:
    """Start the fleet, in a folder that goes with it, and show it until cancelled."""
    from kata_exporter.simulator import Fleet  # noqa: PLC0415  not needed for --help

    with tempfile.TemporaryDirectory(prefix="kata-exporter-demo-") as folder:
        fleet = Fleet(Path(folder), sandboxes=args.sandboxes, seed=args.seed)
        try:
            await fleet.start()
            config_file = Path(folder, "config.yaml")
            fleet.write_config(config_file, interval=args.interval)
            await _show(args, config_file, clock)
        finally:
            await fleet.stop()


async def _show(args: argparse.Namespace, config_file: Path, clock: "Clock") -> None:
    """Run the exporter on the fleet, and print where it is and how it fares until cancelled."""
    from kata_exporter.app import Exporter  # noqa: PLC0415  not needed for --help
    from kata_exporter.telemetry.logs import configure_logging  # noqa: PLC0415  not needed for --help

    settings = flags.settings_from(args, config_file=config_file)
    configure_logging(settings.log.level, settings.log.format)
    exporter = Exporter(settings)
    try:
        await exporter.start()
        where = ", ".join(f"http://{_reachable(a)}/metrics" for a in exporter.addresses)
        output.say(
            f"kata-exporter demo: {len(settings.sandboxes)} simulated sandboxes,"
            f" metrics at {where} (Ctrl-C ends it)"
        )
        while True:
            await clock.sleep(STATUS_EVERY_SECONDS)
            output.say(_status(exporter))
    finally:
        await exporter.stop()


def _status(exporter: "Exporter") -> str:
    summary = exporter.summary()
    size = len(exporter.render())
    return (
        f"kata-exporter demo: {summary.up} of {summary.sandboxes} sandboxes up,"
        f" {summary.series} series, a page of {size} bytes"
    )


def _reachable(address: str) -> str:
    """Return an address that a browser can open: of all interfaces, the loopback one."""
    host, _, port = address.rpartition(":")
    return {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host) + f":{port}"  # noqa: S104  read, not bound


def _sandbox_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_SANDBOXES):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MAX_SANDBOXES}")
    return int(text)


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
