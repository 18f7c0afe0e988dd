"""What ``kata-exporter doctor`` runs."""

import argparse
import logging

from kata_exporter.cli import flags, output
from kata_exporter.cli.doctor import collector, configuration, vsock
from kata_exporter.cli.doctor.check import Node, findings
from kata_exporter.cli.doctor.checks import CHECKS
from kata_exporter.cli.doctor.configuration import ConfigurationFacts
from kata_exporter.cli.doctor.finding import Finding
from kata_exporter.cli.doctor.report import as_json, as_lines, exit_code, total
from kata_exporter.cli.terminal import encoded, wants_color
from kata_exporter.clock import SystemClock
from kata_exporter.config.settings import Settings
from kata_exporter.errors import ConfigError


async def examine(args: argparse.Namespace) -> int:
    """Run every check, print what is found, and return what the command ends with."""
    # What parts of the exporter would log of a problem is told by its finding.
    logging.getLogger().addHandler(logging.NullHandler())
    settings, facts = _settings(args)
    found: list[Finding] = []

    def take(finding: Finding) -> None:
        found.append(finding)
        if not args.json:
            _print(as_lines(finding, color=wants_color()))

    for finding in configuration.judge(facts):
        take(finding)
    node = Node(settings, SystemClock(), vsock.open_and_close)
    checks = (*CHECKS, collector.CHECK) if args.otel else CHECKS
    async for finding in findings(checks, node):
        take(finding)
    if args.json:
        output.write(as_json(found))
    else:
        _print(["", total(found)])
    return exit_code(found)


def _settings(args: argparse.Namespace) -> tuple[Settings, ConfigurationFacts]:
    """Return the settings, those without any configuration where it can't be used."""
    try:
        loaded = flags.loader_from(args).load()
    except ConfigError as error:
        return Settings(), ConfigurationFacts((), 0, tuple(str(error).splitlines()), ())
    facts = ConfigurationFacts(loaded.files, len(loaded.settings.sandboxes), (), loaded.warnings)
    return loaded.settings, facts


def _print(lines: list[str]) -> None:
    output.write(encoded("".join(f"{line}\n" for line in lines)))
