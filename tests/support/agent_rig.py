"""A guest of one pod, and its agent in this process."""

from typing import Any

from fake_clock import FakeClock
from kata_exporter.simulator import CgroupVersion, SimulatedAgent, SimulatedGuest
from kata_exporter.ttrpc import Code
from named_calls import NamedCalls

NO_CONTAINER = (Code.INVALID_ARGUMENT, "InvalidContainerId")
NO_CONTAINER_TO_CHANGE = (Code.INTERNAL, "Invalid container id")
NO_PROCESS = (Code.NOT_FOUND, "InvalidExecId")
NO_INIT = (Code.NOT_FOUND, "InitProcessNotFound")


class AgentRig:
    """A guest of one pod, its agent, and the exits that were told."""

    def __init__(self, clock: FakeClock, *, version: str = "4.1.0") -> None:
        self.clock = clock
        self.exits: list[tuple[str, int]] = []
        self.guest = SimulatedGuest(
            clock,
            sandbox_id="demo-1",
            container_ids=["c1", "c2"],
            cgroup=CgroupVersion.V2,
            seed=1,
        )
        self.agent = SimulatedAgent(
            self.guest,
            clock,
            version=version,
            on_exit=lambda id_, code: self.exits.append((id_, code)),
        )
        self.calls = NamedCalls.to(self.agent)

    async def stats(self, container_id: str) -> Any:
        return (await self.calls("StatsContainer", container_id=container_id)).cgroup_stats

    async def signal(self, container_id: str, number: int, exec_id: str = "") -> None:
        await self.calls("SignalProcess", container_id=container_id, exec_id=exec_id, signal=number)
