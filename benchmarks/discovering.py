"""The exporter inside a helper process, noting what its discovery by directory tells, and when.

Times are of ``CLOCK_MONOTONIC``, which all processes of a machine share.
"""

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.control import Answer, answer_commands
from benchmarks.fleet import INTERVAL_SECONDS
from kata_exporter.app import Exporter
from kata_exporter.config.settings import (
    CollectionSettings,
    DiscoverySettings,
    ListenAddress,
    Settings,
    WebSettings,
    by_hand,
)
from kata_exporter.model import Sandbox

DIRECTORIES = ("run/vc/sbs", "run/kata")
AGENT_ROOTS = ("run/vc/vm", "run/kata")


class Discovering:
    """Runs an exporter on a simulated node, and keeps when it first knew what; a `Listener`."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._addressed: dict[str, float] = {}
        self._gone: dict[str, float] = {}
        self._exporter: Exporter | None = None

    async def start(self, folder: str) -> Answer:
        """Serve the node below a folder; return the port."""
        root = Path(folder)
        settings = replace(
            by_hand(Settings()),
            collection=CollectionSettings(interval_seconds=INTERVAL_SECONDS),
            discovery=DiscoverySettings(
                directories=tuple(str(root / name) for name in DIRECTORIES),
                agent_roots=tuple(str(root / name) for name in AGENT_ROOTS),
            ),
            web=WebSettings((ListenAddress("127.0.0.1", 0),)),
        )
        self._exporter = Exporter(settings, environ={}, listeners=[self])
        await self._exporter.start()
        return {"port": int(self._exporter.addresses[0].rpartition(":")[2])}

    async def noted(self) -> Answer:
        """Return when each sandbox was ``seen``, ``addressed`` and ``gone``, by id."""
        return {"seen": self._seen, "addressed": self._addressed, "gone": self._gone}

    async def aclose(self) -> None:
        """Stop serving."""
        if self._exporter is not None:
            await self._exporter.stop()

    def started(self, sandbox: Sandbox) -> None:
        """Note that a sandbox is there."""
        self._seen.setdefault(sandbox.id, time.monotonic())
        self.updated(sandbox)

    def updated(self, sandbox: Sandbox) -> None:
        """Note that its agent's address is known."""
        if sandbox.agent_url:
            self._addressed.setdefault(sandbox.id, time.monotonic())

    def stopped(self, sandbox: Sandbox) -> None:
        """Note that it has gone."""
        self._gone[sandbox.id] = time.monotonic()


async def main() -> None:
    """Serve until standard input ends."""
    logging.getLogger("kata_exporter").setLevel(logging.ERROR)  # sandboxes end in mid-call here
    subject = Discovering()
    try:
        await answer_commands({"start": subject.start, "noted": subject.noted})
    finally:
        await subject.aclose()


if __name__ == "__main__":
    asyncio.run(main())
