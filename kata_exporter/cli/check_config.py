"""``kata-exporter check-config``: whether serve could use the configuration, and what is odd in it."""

import argparse
import os
from collections import Counter

from kata_exporter.cli import exit_codes, flags, output
from kata_exporter.cli.parser import Commands

NO_FILES = "no configuration file"


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "check-config",
        help="say whether serve could use the configuration",
        description="Load the configuration as serve would, its flags and the environment (OTEL_*"
        " too) included, and end: with 0 if it can be used, with 2 if not.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--strict", action="store_true", help="end with 1 if there is anything to be warned of"
    )
    flags.add_settings(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a line for each file that was read, and the warnings; 0, or 1 for any if strict.

    Raises:
        ConfigError: flags, environment or files are wrong.
    """
    # PyYAML and the rest of the reading aren't needed for --help.
    from kata_exporter.config.load import variable_warnings  # noqa: PLC0415  see above
    from kata_exporter.telemetry.otel import trace_settings  # noqa: PLC0415  as above

    loaded = flags.loader_from(args).load()
    trace_settings(os.environ)
    warnings = [*variable_warnings(os.environ), *loaded.warnings]
    counts = Counter(sandbox.file for sandbox in loaded.settings.sandboxes)
    for file in loaded.files or (NO_FILES,):
        output.say(f"{file}: valid, {_count(counts[file])}")
    for warning in loaded.warnings:
        output.complain(f"warning: {warning}")
    return exit_codes.FAILED if args.strict and warnings else exit_codes.OK


def _count(sandboxes: int) -> str:
    return "1 sandbox" if sandboxes == 1 else f"{sandboxes} sandboxes"
