"""Statistics that list more than a guest can have are refused before they are translated."""

import pytest

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.errors import MAX_ELEMENTS
from kata_exporter.errors import Reason
from kata_exporter.model import Container
from scripted_agent import scripted_agent

KINDS = ["io_service_bytes_recursive", "io_serviced_recursive", "hugetlb_stats"]


def statistics(kind: str, count: int) -> bytes:
    cgroup = pb.CgroupStats()
    if kind == "hugetlb_stats":
        for number in range(count):
            cgroup.hugetlb_stats[f"{number}"].usage = 1
    else:
        getattr(cgroup.blkio_stats, kind).extend([pb.BlkioStatsEntry()] * count)
    return pb.StatsContainerResponse(cgroup_stats=cgroup).SerializeToString()


@pytest.mark.parametrize("kind", KINDS)
async def test_statistics_that_list_too_much_are_refused_and_the_connection_stays(
    clock: FakeClock, kind: str
) -> None:
    async with scripted_agent(clock) as scripted:
        agent = KataAgent(scripted.dial_url, "mock:///a", clock=clock)
        rpc = "grpc.AgentService/StatsContainer"
        scripted.answers[rpc] = statistics(kind, MAX_ELEMENTS)
        await agent.stats_container(Container("c1"))
        scripted.answers[rpc] = statistics(kind, MAX_ELEMENTS + 1)
        with pytest.raises(AgentError, match="answer lists 4097 elements, over 4096") as caught:
            await agent.stats_container(Container("c1"))
        assert (caught.value.reason, agent.alive) == (Reason.PROTOCOL_ERROR, True)
        await agent.aclose()
