"""The exporter inside a helper process, whose sockets to agents are metered."""

import asyncio
import logging
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.control import Answer, answer_commands
from benchmarks.in_process import PROBE_SECONDS, READY_SECONDS
from benchmarks.metered import Meter, MeteredDialer
from kata_exporter.app import Exporter
from kata_exporter.config.settings import (
    CollectionSettings,
    ListenAddress,
    Settings,
    StaticSandbox,
    WebSettings,
    by_hand,
)
from kata_exporter.model import Container, Pod

_STAMP = re.compile(
    r'^kata_sandbox_last_collection_timestamp_seconds\{sandbox_id="([^"]*)".*\} (\S+)$',
    re.MULTILINE,
)


class Besieged:
    """Runs an exporter on sandboxes of whom some attack."""

    def __init__(self) -> None:
        self._meter = Meter()
        self._exporter: Exporter | None = None

    async def start(
        self, sandboxes: Sequence[Mapping[str, Any]], interval_seconds: float
    ) -> Answer:
        """Serve these sandboxes, and return once each was asked."""
        settings = replace(
            by_hand(Settings()),
            collection=CollectionSettings(interval_seconds=interval_seconds),
            web=WebSettings((ListenAddress("127.0.0.1", 0),)),
            sandboxes=tuple(map(_static, sandboxes)),
        )
        self._exporter = Exporter(settings, environ={}, dialer=MeteredDialer(self._meter))
        await self._exporter.start()
        async with asyncio.timeout(READY_SECONDS):
            while not self._exporter.ready():  # noqa: ASYNC110  it tells nobody, it is asked
                await asyncio.sleep(PROBE_SECONDS)
        return {}

    async def watch(self, seconds: float, healthy: Collection[str]) -> Answer:
        """Let time pass; return what was read from agents in it.

        Returns:
            ``received_bytes``, and ``oldest_seconds``: the age of the oldest measurement on the page
            of a sandbox that is among `healthy`.
        """
        if self._exporter is None:
            raise RuntimeError("no exporter was started")
        before = self._meter.received_bytes
        await asyncio.sleep(seconds)
        page = self._exporter.render().decode()
        stamps = [float(stamp) for id_, stamp in _STAMP.findall(page) if id_ in healthy]
        return {
            "received_bytes": self._meter.received_bytes - before,
            "oldest_seconds": time.time() - min(stamps),
        }

    async def aclose(self) -> None:
        """Stop serving."""
        if self._exporter is not None:
            await self._exporter.stop()


def _static(sandbox: Mapping[str, Any]) -> StaticSandbox:
    return StaticSandbox(
        sandbox["id"],
        sandbox["agent_url"],
        Pod("besieged", sandbox["id"]),
        tuple(Container(id_, f"app-{n}") for n, id_ in enumerate(sandbox["containers"])),
    )


async def main() -> None:
    """Serve until standard input ends."""
    logging.getLogger("kata_exporter").setLevel(logging.ERROR)  # of attackers it would tell
    subject = Besieged()
    try:
        await answer_commands({"start": subject.start, "watch": subject.watch})
    finally:
        await subject.aclose()


if __name__ == "__main__":
    asyncio.run(main())
