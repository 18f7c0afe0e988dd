"""The command: which form of the catalogue is wanted."""

import argparse

from kata_exporter.cli import exit_codes, output
from kata_exporter.cli.parser import Commands

FORMATS = ("md", "json")


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "metrics",
        help="print the catalogue of metrics",
        description="Print every metric that can stand on a page: name, type, labels, unit, help,"
        " source and stability. Nothing is asked and no configuration is read.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help="md is docs/metrics.md, json an array with an object for each metric (default md)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the catalogue."""
    # The records of all parts aren't needed for --help.
    from kata_exporter.cli.metrics import listing, page  # noqa: PLC0415  see above

    output.write(listing.as_json() if args.format == "json" else page.markdown().encode())
    return exit_codes.OK
