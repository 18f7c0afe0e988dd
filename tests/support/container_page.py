"""Lines of a page about one container, without what all of them share."""

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.agent.types import ContainerStats
from kata_exporter.collectors.containers.reader import ContainerReader

IDENTITY = 'sandbox_id="s",namespace="n",pod="p",container="c",container_id="ci"'


def lines_of(answer: ContainerStats | pb.CgroupStats, version: str = "4.1.0") -> set[str]:
    """Return ``name{own labels} value`` of each sample, ``kata_container_`` left out."""
    if isinstance(answer, pb.CgroupStats):
        answer = container_stats(pb.StatsContainerResponse(cgroup_stats=answer))
    chunks = ContainerReader(IDENTITY, version).read(answer, 0.0).chunks
    lines = b"".join(chunk.lines for chunk in chunks).decode().splitlines()
    own = (line.replace(f"{IDENTITY},", "").replace(f"{{{IDENTITY}}}", "") for line in lines)
    return {line.removeprefix("kata_container_") for line in own}


def names_of(lines: set[str]) -> set[str]:
    """Return the names in lines of `lines_of`."""
    return {line.split("{")[0].split(" ")[0] for line in lines}
