"""Whatever an agent answers, the page is valid, and nothing on it is made up."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from container_page import IDENTITY
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.collectors.containers.limits import MAX_BLOCK_DEVICES, MAX_CPUS, MAX_PAGE_SIZES
from kata_exporter.collectors.containers.reader import ContainerReader
from kata_exporter.collectors.containers.records import CONTAINER_METRICS
from kata_exporter.exposition.text import render

U64 = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**53 + 1, 2**63 - 4096, 2**64 - 1])
STAT_KEYS = """
    anon file file_mapped inactive_file pgfault pgmajfault rss cache mapped_file swap
    total_rss total_cache total_mapped_file total_swap total_inactive_file total_pgfault
    total_pgmajfault
""".split()
OPERATIONS = "read write sync async total rios wios dbytes dios Read".split()
VERSIONS = st.sampled_from(["", "2.0.0", "3.0.2", "3.8.0", "3.9.0", "4.1.0", "99.0.0", "junk"])

ENTRIES = st.lists(
    st.builds(
        pb.BlkioStatsEntry,
        major=st.sampled_from([8, 254]) | U64,
        minor=st.sampled_from([0, 16]) | U64,
        op=st.sampled_from(OPERATIONS) | st.text(max_size=4),
        value=U64,
    ),
    max_size=20,
)
MEMORY = st.builds(pb.MemoryData, usage=U64, max_usage=U64, failcnt=U64, limit=U64)
CPU = st.builds(
    pb.CpuStats,
    cpu_usage=st.none()
    | st.builds(
        pb.CpuUsage,
        total_usage=U64,
        usage_in_usermode=U64,
        usage_in_kernelmode=U64,
        percpu_usage=st.lists(U64, max_size=4),
    ),
    throttling_data=st.none()
    | st.builds(pb.ThrottlingData, periods=U64, throttled_periods=U64, throttled_time=U64),
)
ANSWERS = st.builds(
    pb.CgroupStats,
    cpu_stats=st.none() | CPU,
    memory_stats=st.none()
    | st.builds(
        pb.MemoryStats,
        cache=U64,
        usage=st.none() | MEMORY,
        swap_usage=st.none() | MEMORY,
        use_hierarchy=st.booleans(),
        stats=st.dictionaries(st.sampled_from(STAT_KEYS) | st.text(max_size=4), U64, max_size=20),
    ),
    pids_stats=st.none() | st.builds(pb.PidsStats, current=U64, limit=U64),
    blkio_stats=st.none()
    | st.builds(pb.BlkioStats, io_service_bytes_recursive=ENTRIES, io_serviced_recursive=ENTRIES),
    hugetlb_stats=st.dictionaries(
        st.sampled_from(["2MB", "1GB"]) | st.text(max_size=4),
        st.builds(pb.HugetlbStats, usage=U64, max_usage=U64, failcnt=U64),
        max_size=12,
    ),
)
MOST_SERIES = 30 + MAX_CPUS + 7 * MAX_BLOCK_DEVICES + 3 * MAX_PAGE_SIZES


@given(answer=ANSWERS, version=VERSIONS)
def test_any_answer_becomes_a_valid_page(answer: pb.CgroupStats, version: str) -> None:
    stats = container_stats(pb.StatsContainerResponse(cgroup_stats=answer))

    reading = ContainerReader(IDENTITY, version).read(stats, 0.0)

    metrics = [chunk.metric for chunk in reading.chunks]
    assert metrics == [metric for metric in CONTAINER_METRICS if metric in set(metrics)]
    page = render(reading.chunks).decode()
    samples = [s for f in text_string_to_metric_families(page) for s in f.samples]
    assert len(samples) == sum(len(chunk.values) for chunk in reading.chunks) <= MOST_SERIES
    series = {(s.name, frozenset(s.labels.items())) for s in samples}
    assert len(series) == len(samples)
    assert all(0 <= sample.value <= 2**64 for sample in samples)
    identity = {"sandbox_id": "s", "namespace": "n", "pod": "p", "container": "c"}
    assert all(identity.items() <= sample.labels.items() for sample in samples)
    assert all(count > 0 for count in reading.rejected.values())


@given(answer=ANSWERS, version=VERSIONS)
def test_every_number_is_one_that_the_agent_sent_but_for_its_unit(
    answer: pb.CgroupStats, version: str
) -> None:
    stats = container_stats(pb.StatsContainerResponse(cgroup_stats=answer))
    sent = {int(number) for number in _numbers(answer)}

    for chunk in ContainerReader(IDENTITY, version).read(stats, 0.0).chunks:
        if chunk.metric.name == "kata_container_memory_working_set_bytes":
            continue
        for value in chunk.values:
            whole, _, fraction = value.partition(".")
            shifts = (0,) if chunk.metric.unit != "seconds" else (6, 9)
            assert {int(whole + fraction.ljust(s, "0")) for s in shifts} & sent, value


def _numbers(message: pb.CgroupStats) -> list[str]:
    """Return every integer of the answer, zeros that it doesn't say included."""
    cpu, memory = message.cpu_stats, message.memory_stats
    usage, throttling = cpu.cpu_usage, cpu.throttling_data
    numbers = [usage.total_usage, usage.usage_in_usermode, usage.usage_in_kernelmode]
    numbers += [*usage.percpu_usage, throttling.periods, throttling.throttled_periods]
    numbers += [throttling.throttled_time, message.pids_stats.current, message.pids_stats.limit]
    for data in (memory.usage, memory.swap_usage):
        numbers += [data.usage, data.max_usage, data.failcnt, data.limit]
    numbers += memory.stats.values()
    blkio = message.blkio_stats
    for entries in (blkio.io_service_bytes_recursive, blkio.io_serviced_recursive):
        numbers += [entry.value for entry in entries]
    for pages in message.hugetlb_stats.values():
        numbers += [pages.usage, pages.max_usage, pages.failcnt]
    return [str(number) for number in numbers]
