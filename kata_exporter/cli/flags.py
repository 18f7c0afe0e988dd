"""Flags that several commands share, and the settings that they make together with the rest."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from kata_exporter.cli.output import complain

if TYPE_CHECKING:
    from kata_exporter.config.settings import Settings

_SETTING_FLAGS = ("web.listen-address", "log.level", "log.format")


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """Add ``--config.file``."""
    parser.add_argument(
        "--config.file",
        dest="config.file",
        metavar="PATH",
        type=_path,
        help="the configuration, YAML; without it no sandboxes are known",
    )


def add_listen_address(parser: argparse.ArgumentParser) -> None:
    """Add ``--web.listen-address``."""
    parser.add_argument(
        "--web.listen-address",
        dest="web.listen-address",
        metavar="HOST:PORT",
        action="append",
        help="where to serve metrics, :PORT for all interfaces; repeatable (default 127.0.0.1:9823)",
    )


def add_log(parser: argparse.ArgumentParser) -> None:
    """Add ``--log.level`` and ``--log.format``."""
    parser.add_argument(
        "--log.level",
        dest="log.level",
        metavar="LEVEL",
        action="append",
        help="debug, info, warn or error (default info)",
    )
    parser.add_argument(
        "--log.format",
        dest="log.format",
        metavar="FORMAT",
        action="append",
        help="logfmt or json (default logfmt)",
    )


def settings_from(args: argparse.Namespace, *, config_file: Path | None = None) -> "Settings":
    """Return the settings of a command line; `config_file` stands above the flag of that name.

    Environment variables that seem to be meant for us and aren't known are warned of.

    Raises:
        ConfigError: flags, environment or file are wrong.
    """
    # PyYAML and the rest of the reading aren't needed for --help and --version.
    from kata_exporter.config.load import (  # noqa: PLC0415  see above
        load_settings,
        variable_warnings,
    )

    given = vars(args)
    for warning in variable_warnings(os.environ):
        complain(f"warning: {warning}")
    return load_settings(
        config_file=config_file or given.get("config.file"),
        environ=os.environ,
        flags={name: given[name] for name in _SETTING_FLAGS if given.get(name)},
    )


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("is empty: name a file, or leave the flag out")
    return Path(text)
