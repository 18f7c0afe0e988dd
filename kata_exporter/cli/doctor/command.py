"""``kata-exporter doctor``: look whether this machine is as the exporter needs it."""

import argparse

from kata_exporter.cli import exit_codes, flags
from kata_exporter.cli.parser import Commands

_DESCRIPTION = """\
Look whether this machine is as the exporter needs it: what it would find, whom it could ask, what is
in its way, and for each of these what to do. Run it as the exporter runs: the same user, container,
flags and environment. Nothing is changed, and no agent is asked for more than its version.
Ends with 0 where nothing is a problem, and with 1 otherwise.
"""


def add_parser(commands: Commands) -> None:
    """Add the command and its flags."""
    parser = commands.add_parser(
        "doctor",
        help="look whether this machine is as the exporter needs it",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    flags.add_settings(parser)
    parser.add_argument(
        "--json", action="store_true", help="print findings and what they rest on, as JSON"
    )
    parser.add_argument(
        "--otel",
        action="store_true",
        help="send one span where OTEL_EXPORTER_OTLP_ENDPOINT says, and tell whether it was taken",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 if one is a problem, 130 if a signal came before the end."""
    # Slow to import, and not needed for --help.
    from kata_exporter.cli.doctor.examination import examine  # noqa: PLC0415  see above
    from kata_exporter.cli.runner import run_until_signal  # noqa: PLC0415  see above

    code = run_until_signal(examine(args))
    return exit_codes.INTERRUPTED if code is None else code
