"""``kata-exporter serve``: ask the agents, and serve their metrics until a signal ends it."""

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kata_exporter.cli import exit_codes, flags
from kata_exporter.cli.parser import Commands

if TYPE_CHECKING:
    from kata_exporter.config.reload import Reloader
    from kata_exporter.config.settings import Settings


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "serve",
        help="serve metrics (the default command)",
        description="Ask the agents of the sandboxes, and serve their metrics.",
        allow_abbrev=False,
    )
    flags.add_settings(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT, which end it with 0; SIGHUP reloads the configuration.

    Raises:
        ConfigError: flags, environment or file are wrong, or a port is in use.
    """
    with _hangups_ignored():
        _run(args)
    return exit_codes.OK


def _run(args: argparse.Namespace) -> None:
    # Slow to import, and not needed for --help.
    from kata_exporter.cli.runner import run_until_signal  # noqa: PLC0415  see above
    from kata_exporter.config.reload import Reloader  # noqa: PLC0415  see above
    from kata_exporter.telemetry.logs import configure_logging  # noqa: PLC0415  see above

    loader = flags.loader_from(args)
    loaded = loader.load()
    settings = loaded.settings
    configure_logging(settings.log.level, settings.log.format)
    reloader = Reloader(loader, loaded)
    run_until_signal(_serve(settings, reloader), on_hangup=reloader.request)


@contextmanager
def _hangups_ignored() -> Iterator[None]:
    """Let SIGHUP end neither the start nor the end: who sends it wants a reload.

    None is lost by that: the files are looked at as soon as it runs.
    """
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


async def _serve(settings: "Settings", reloader: "Reloader") -> None:
    """Serve until cancelled."""
    # All of the server is imported here, where a signal already ends the command with 0.
    from kata_exporter.app import Exporter  # noqa: PLC0415  see above
    from kata_exporter.cli.runner import until_cancelled  # noqa: PLC0415  not needed for --help

    exporter = Exporter(settings, reloader=reloader)
    try:
        await exporter.start()
        await until_cancelled()
    finally:
        await exporter.stop()
