"""``kata-exporter scrape --once``: ask every agent once, and print the page."""

import argparse
from typing import TYPE_CHECKING

from kata_exporter.cli import exit_codes, flags, output
from kata_exporter.cli.parser import Commands
from kata_exporter.cli.summary import why_down
from kata_exporter.errors import ConfigError

if TYPE_CHECKING:
    from kata_exporter.app import Summary
    from kata_exporter.config.settings import Settings


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "scrape",
        help="ask every agent once, and print the page",
        description="Ask every agent once, print the page of metrics, and end: with 0 if every"
        " sandbox is up, with 1 if not.",
        allow_abbrev=False,
    )
    parser.add_argument("--once", action="store_true", help="ask once; needed, other ways may come")
    flags.add_config_file(parser)
    flags.add_sandboxes_directory(parser)
    flags.add_collectors(parser)
    flags.add_discovery(parser)
    flags.add_runtime(parser)
    flags.add_log(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a page; 0 if every sandbox is up, 1 if not, 130 if a signal came before the end.

    Raises:
        ConfigError: ``--once`` is missing, or flags, environment or file are wrong.
    """
    if not args.once:
        raise ConfigError("scrape asks once and ends: add --once (for more, run serve)")
    # Slow to import, and not needed for --help.
    from kata_exporter.cli.runner import run_until_signal  # noqa: PLC0415  see above
    from kata_exporter.config.settings import LogLevel  # noqa: PLC0415  see above
    from kata_exporter.telemetry.logs import configure_logging  # noqa: PLC0415  see above

    settings = flags.settings_from(args)
    level = settings.log.level
    if level == "info" and not vars(args).get("log.level"):
        level = LogLevel.WARN  # what a server tells of its start is nothing to tell here
    configure_logging(level, settings.log.format)
    scraped = run_until_signal(_scrape(settings))
    if scraped is None:
        return exit_codes.INTERRUPTED
    page, summary = scraped
    if not summary.sandboxes:
        output.complain("no sandboxes: none are configured, and none were found")
    elif summary.up < summary.sandboxes:
        down = summary.sandboxes - summary.up
        output.complain(f"{down} of {summary.sandboxes} sandboxes are not up: {why_down(summary)}")
    output.write(page)
    return exit_codes.OK if summary.up == summary.sandboxes else exit_codes.FAILED


async def _scrape(settings: "Settings") -> "tuple[bytes, Summary]":
    from kata_exporter.app import Exporter  # noqa: PLC0415  slow, and not needed for --help

    exporter = Exporter(settings)
    try:
        await exporter.collect_once()
        return exporter.render(), exporter.summary()
    finally:
        await exporter.stop()
