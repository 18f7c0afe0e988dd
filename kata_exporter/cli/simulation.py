"""What ``kata-exporter demo`` runs: a simulated fleet, and the exporter on it or none."""

import argparse
import asyncio
import errno
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from kata_exporter.app import Exporter
from kata_exporter.cli import flags, output
from kata_exporter.cli.runner import until_cancelled
from kata_exporter.cli.summary import why_down
from kata_exporter.clock import Clock
from kata_exporter.config.settings import ListenAddress, Settings
from kata_exporter.errors import ConfigError
from kata_exporter.simulator import KINDS, Director, Fleet
from kata_exporter.telemetry.logs import configure_logging

STATUS_EVERY_SECONDS = 10.0
CONFIG_NAME = "kata-exporter.yaml"


async def demonstrate(args: argparse.Namespace, clock: Clock) -> None:
    """Start the fleet, let things happen, and show it until cancelled.

    Raises:
        ConfigError: flags or environment are wrong, a port is in use, or a socket can't be bound.
    """
    if args.agents_only is None:
        with tempfile.TemporaryDirectory(prefix="kata-exporter-demo-") as folder:
            async with _fleet(args, Path(folder), clock) as fleet:
                await _show(args, fleet, clock)
        return
    if getattr(args, "web.listen-address", None):
        raise ConfigError("--agents-only starts no exporter: leave out --web.listen-address")
    with _own_folder(args.agents_only) as folder:
        async with _fleet(args, folder, clock) as fleet:
            await _offer(args, fleet, clock)


@contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """Make a folder and those above it, or take an empty one; in the end remove what was made.

    Raises:
        ConfigError: it isn't empty, or can't be made.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"--agents-only: {folder} is not empty: name a new folder")
    except OSError as error:
        raise ConfigError(f"--agents-only: {folder}: {error.strerror}") from error
    try:
        yield folder
    finally:
        for path in missing:
            with suppress(OSError):  # somebody has put something there, or taken it away
                path.rmdir()


@contextmanager
def _kept_config(fleet: Fleet, path: Path, interval: str) -> Iterator[None]:
    """Have the fleet's configuration in a file as long as the block lasts."""
    with _no_sockets_as_mistake(path):
        fleet.write_config(path, interval=interval)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@asynccontextmanager
async def _fleet(args: argparse.Namespace, folder: Path, clock: Clock) -> AsyncIterator[Fleet]:
    """Run the scenario's fleet in a folder.

    Raises:
        ConfigError: a socket can't be bound.
    """
    fleet = Fleet(
        folder,
        sandboxes=args.sandboxes,
        seed=args.seed,
        kinds=KINDS[args.scenario],
        clock=clock,
        serves_runtime=True,
    )
    try:
        with _no_sockets_as_mistake(folder):
            await fleet.start()
        yield fleet
    finally:
        await fleet.stop()


async def _happen(args: argparse.Namespace, fleet: Fleet, clock: Clock) -> None:
    """Let the scenario happen, and print what does."""
    director = Director(
        fleet, args.scenario, clock=clock, seed=args.seed, tell=lambda line: _say(f"  {line}")
    )
    with _no_sockets_as_mistake(fleet.host.root):
        await director.run()


@contextmanager
def _no_sockets_as_mistake(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        how = ": name a shorter folder, or set TMPDIR" if error.errno == errno.ENAMETOOLONG else ""
        raise ConfigError(f"can't simulate a sandbox: {error.strerror}: {where}{how}") from error


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something beside the block; whichever of the two fails ends both."""
    try:
        async with asyncio.TaskGroup() as both:
            task = both.create_task(work)
            yield
            task.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _show(args: argparse.Namespace, fleet: Fleet, clock: Clock) -> None:
    """Run the exporter on the fleet, and print where it is and how it fares until cancelled."""
    config_file = fleet.host.root / CONFIG_NAME
    fleet.write_config(config_file, interval=args.interval)
    exporter = Exporter(_settings(args, config_file))
    try:
        await exporter.start()
        addresses = [ListenAddress.parse(text).reachable() for text in exporter.addresses]
        where = ", ".join(f"http://{address}/metrics" for address in addresses)
        _say(f"{_what(args)}, metrics at {where} (Ctrl-C ends it)")
        async with _meanwhile(_happen(args, fleet, clock)):
            while True:
                await clock.sleep(STATUS_EVERY_SECONDS)
                _say(_status(exporter))
    finally:
        await exporter.stop()


async def _offer(args: argparse.Namespace, fleet: Fleet, clock: Clock) -> None:
    """Print where another exporter finds the fleet, and let things happen until cancelled."""
    root = fleet.host.root
    config_file = root / CONFIG_NAME
    with _kept_config(fleet, config_file, args.interval):
        _settings(args, config_file)
        _say(f"{_what(args)} in {root}, for another exporter (Ctrl-C ends it)")
        _say(f"  shims: {root}/run/vc/sbs and {root}/run/kata")
        _say(f"  CRI and containerd's events: unix://{root}/run/containerd/containerd.sock")
        _say(f"  kata-exporter serve --config.file {config_file}")
        async with _meanwhile(_happen(args, fleet, clock)):
            await until_cancelled()


def _settings(args: argparse.Namespace, config_file: Path) -> Settings:
    """Return the settings, and have the process log as they say."""
    settings = flags.settings_from(args, config_file=config_file)
    configure_logging(settings.log.level, settings.log.format)
    return settings


def _say(text: str) -> None:
    output.say(f"kata-exporter demo: {text}")


def _what(args: argparse.Namespace) -> str:
    return f"{args.sandboxes} simulated sandboxes ({args.scenario})"


def _status(exporter: Exporter) -> str:
    summary = exporter.summary()
    why = why_down(summary)
    return (
        f"{summary.up} of {summary.sandboxes} sandboxes up{f' ({why})' if why else ''},"
        f" {summary.series} series, a page of {len(exporter.render())} bytes"
    )
