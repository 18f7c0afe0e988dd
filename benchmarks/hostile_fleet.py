"""A process that is a simulated fleet, some of which can be made to misbehave."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.control import Answer, answer_commands
from kata_exporter.simulator import Fleet


class HostileFleet:
    """A fleet, and who of it misbehaves now."""

    def __init__(self) -> None:
        self._fleet: Fleet | None = None
        self._struck: set[int] = set()
        self._running = AsyncExitStack()

    async def start(self, folder: str, sandboxes: int) -> Answer:
        """Run a fleet below a folder; return what a configuration says of each sandbox."""
        self._fleet = Fleet(Path(folder), sandboxes=sandboxes)
        self._running.push_async_callback(self._fleet.stop)
        await self._fleet.start()
        return {
            "sandboxes": [
                {
                    "id": sandbox.id,
                    "agent_url": sandbox.agent_url,
                    "containers": [container.id for container in sandbox.containers],
                }
                for sandbox in self._fleet.sandboxes
            ]
        }

    async def suffer(self, faults: dict[str, str]) -> Answer:
        """Have the sandboxes of these numbers misbehave by these faults, and nobody else."""
        if self._fleet is None:
            raise RuntimeError("no fleet was started")
        by_number = {int(number): fault for number, fault in faults.items()}
        for number in self._struck - by_number.keys():
            await self._fleet.sandboxes[number].suffer(None)
        for number, fault in by_number.items():
            await self._fleet.sandboxes[number].suffer(fault)
        self._struck = set(by_number)
        return {}

    async def aclose(self) -> None:
        """End all."""
        await self._running.aclose()


async def main() -> None:
    """Run until standard input ends."""
    subject = HostileFleet()
    try:
        await answer_commands({"start": subject.start, "suffer": subject.suffer})
    finally:
        await subject.aclose()


if __name__ == "__main__":
    asyncio.run(main())
