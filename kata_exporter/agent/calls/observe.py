"""`ObserveMethods` of the client, and the agent's version."""

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.agent.arguments import container_id
from kata_exporter.agent.calls.part import Part
from kata_exporter.agent.errors import check_count
from kata_exporter.agent.interface.observe import ObserveMethods
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.agent.methods import CHECK, GET_METRICS, GET_OOM_EVENT, STATS_CONTAINER, VERSION
from kata_exporter.agent.types import AgentVersion, ContainerStats
from kata_exporter.model import Container


class ObserveCalls(Part, ObserveMethods):
    """Watching a guest."""

    async def check(self, *, deadline: float | None = None) -> None:
        await self._caller.call(CHECK, health_pb2.CheckRequest(), deadline=deadline)

    async def version(self, *, deadline: float | None = None) -> AgentVersion:
        """Return the agent's version (``Health/Version``); no policy forbids asking."""
        answer = await self._caller.call(VERSION, health_pb2.CheckRequest(), deadline=deadline)
        return AgentVersion(answer.grpc_version, answer.agent_version)

    async def get_agent_metrics(self, *, deadline: float | None = None) -> str:
        request = agent_pb2.GetMetricsRequest()
        answer = await self._caller.call(GET_METRICS, request, deadline=deadline)
        return answer.metrics

    async def stats_container(
        self, container: Container, *, deadline: float | None = None
    ) -> ContainerStats:
        request = agent_pb2.StatsContainerRequest(container_id=container_id(container))
        answer = await self._caller.call(
            STATS_CONTAINER, request, deadline=deadline, container=container
        )
        cgroup = answer.cgroup_stats
        entries = cgroup.blkio_stats.io_service_bytes_recursive
        requests = cgroup.blkio_stats.io_serviced_recursive
        check_count(STATS_CONTAINER, len(entries) + len(requests) + len(cgroup.hugetlb_stats))
        return container_stats(answer)

    async def get_oom_event(self, *, deadline: float | None = None) -> str:
        request = agent_pb2.GetOOMEventRequest()
        answer = await self._caller.call(GET_OOM_EVENT, request, deadline=deadline)
        return answer.container_id
