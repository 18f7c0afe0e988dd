"""Flags that several commands share, and the settings that they make together with the rest."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kata_exporter.cli.output import complain
from kata_exporter.config.keys import BY_FLAG

if TYPE_CHECKING:
    from kata_exporter.config.load import Loader
    from kata_exporter.config.settings import Settings

COLLECTORS = {
    "guest_metrics": "their guest's metrics",
    "container_stats": "their containers' statistics",
}
"""What each collector asks agents for, by its name."""


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add ``--config.file`` and every flag that is a setting: those of serve."""
    add_config_file(parser)
    add_sandboxes_directory(parser)
    add_collectors(parser)
    add_discovery(parser)
    add_runtime(parser)
    add_listen_address(parser)
    add_lifecycle(parser)
    add_admin_socket(parser)
    add_log(parser)
    add_tracing(parser)


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """Add ``--config.file``."""
    parser.add_argument(
        "--config.file",
        dest="config.file",
        metavar="PATH",
        type=_path,
        help="the configuration, YAML (none by default)",
    )


def add_sandboxes_directory(parser: argparse.ArgumentParser) -> None:
    """Add ``--config.sandboxes-directory``."""
    _add(
        parser,
        "config.sandboxes-directory",
        metavar="DIR",
        help="a folder of files with more sandboxes (default sandboxes.d beside the configuration)",
    )


def add_collectors(parser: argparse.ArgumentParser) -> None:
    """Add ``--collector.NAME`` and ``--no-collector.NAME`` for each; of two the last one counts."""
    for name, what in COLLECTORS.items():
        flag = f"collector.{name}"
        for given, value, text in (
            (f"--{flag}", "true", f"ask agents for {what} (the default)"),
            (f"--no-{flag}", "false", f"don't ask agents for {what}"),
        ):
            parser.add_argument(given, dest=flag, action="append_const", const=value, help=text)


def add_discovery(parser: argparse.ArgumentParser) -> None:
    """Add ``--discovery.directory`` and ``--discovery.agent-root``."""
    _add(
        parser,
        "discovery.directory",
        metavar="PATH",
        help="where shims keep a folder for each sandbox; repeatable, the word none for nowhere"
        " (default /run/vc/sbs and /run/kata)",
    )
    _add(
        parser,
        "discovery.agent-root",
        metavar="PATH",
        help="where agents' sockets may be, beside Kata's usual places; repeatable",
    )


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """Add ``--cri.endpoint`` and ``--containerd.endpoint``."""
    _add(
        parser,
        "cri.endpoint",
        metavar="URL",
        help="where CRI names the pods: unix:///PATH, auto, or none (default auto)",
    )
    _add(
        parser,
        "containerd.endpoint",
        metavar="URL",
        help="which containerd's events are heard: unix:///PATH, auto, or none (default auto)",
    )


def add_listen_address(parser: argparse.ArgumentParser) -> None:
    """Add ``--web.listen-address``."""
    _add(
        parser,
        "web.listen-address",
        metavar="HOST:PORT",
        help="where to serve metrics, :PORT for all interfaces; repeatable (default 127.0.0.1:9823)",
    )


def add_lifecycle(parser: argparse.ArgumentParser) -> None:
    """Add ``--web.enable-lifecycle``."""
    parser.add_argument(
        "--web.enable-lifecycle",
        dest="web.enable-lifecycle",
        action="append_const",
        const="true",
        help="let whoever can reach the server reload the configuration: POST /-/reload",
    )


def add_admin_socket(parser: argparse.ArgumentParser) -> None:
    """Add ``--web.admin-socket``."""
    _add(
        parser,
        "web.admin-socket",
        metavar="PATH",
        help="a unix socket for root and our own user, to register sandboxes and to reload"
        " (default none)",
    )


def add_log(parser: argparse.ArgumentParser) -> None:
    """Add ``--log.level`` and ``--log.format``."""
    _add(
        parser,
        "log.level",
        metavar="LEVEL",
        help="debug, info, warn or error (default info)",
    )
    _add(parser, "log.format", metavar="FORMAT", help="logfmt or json (default logfmt)")


def add_tracing(parser: argparse.ArgumentParser) -> None:
    """Add ``--trace.console``."""
    parser.add_argument(
        "--trace.console",
        dest="trace.console",
        action="append_const",
        const="true",
        help="print the spans of calls on standard output; OTEL_EXPORTER_OTLP_ENDPOINT sends them",
    )


def settings_from(args: argparse.Namespace, *, config_file: Path | None = None) -> "Settings":
    """Return the settings of a command line; `config_file` stands above the flag of that name.

    A command with a file of its own takes from the environment only what its flags could say.
    Environment variables that seem to be meant for us and aren't known are warned of.

    Raises:
        ConfigError: flags, environment or file are wrong.
    """
    _complain_of_variables()
    environ = os.environ if config_file is None else _environ_of(args)
    return _loader(args, config_file or vars(args).get("config.file"), environ).load().settings


def loader_from(args: argparse.Namespace) -> "Loader":
    """Return what loads the settings of a command line, as often as one likes.

    Environment variables that seem to be meant for us and aren't known are warned of.
    """
    _complain_of_variables()
    return _loader(args, vars(args).get("config.file"), os.environ)


def _complain_of_variables() -> None:
    # PyYAML and the rest of the reading aren't needed for --help and --version.
    from kata_exporter.config.load import variable_warnings  # noqa: PLC0415  see above

    for warning in variable_warnings(os.environ):
        complain(f"warning: {warning}")


def _loader(
    args: argparse.Namespace, config_file: Path | None, environ: Mapping[str, str]
) -> "Loader":
    from kata_exporter.config.load import Loader  # noqa: PLC0415  slow, not needed for --help

    given = vars(args)
    return Loader(
        config_file=config_file,
        environ=environ,
        flags={name: given[name] for name in BY_FLAG if given.get(name)},
    )


def _environ_of(args: argparse.Namespace) -> dict[str, str]:
    from kata_exporter.config.environment import variable_name  # noqa: PLC0415  as above

    ours = {variable_name(flag) for flag in BY_FLAG if flag in vars(args)}
    return {name: value for name, value in os.environ.items() if name in ours}


def _add(parser: argparse.ArgumentParser, flag: str, **arguments: Any) -> None:
    parser.add_argument(f"--{flag}", dest=flag, action="append", **arguments)


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("is empty: name a file, or leave the flag out")
    return Path(text)
