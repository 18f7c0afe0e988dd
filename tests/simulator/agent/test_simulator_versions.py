"""What agents of each release answer, and that the exporter makes the same of it."""

import re
from collections.abc import Iterable

import pytest

from fake_clock import FakeClock
from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.collectors.containers.reader import container_chunks
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.schema import schema_for
from kata_exporter.metrics import Chunk
from kata_exporter.simulator import CgroupVersion, SimulatedAgent, SimulatedGuest
from kata_exporter.simulator.agent.container_stats import stats_response
from kata_exporter.simulator.agent.metrics_text import metrics_text
from kata_exporter.simulator.agent.versions import FEATURES, NEWEST, OLDEST, Feature, Release
from kata_exporter.ttrpc import Code, ServerRequest, StatusError

AGENT = "grpc.AgentService"


def guest(cgroup: CgroupVersion = CgroupVersion.V2) -> SimulatedGuest:
    return SimulatedGuest(
        FakeClock(), sandbox_id="demo-1", container_ids=["c1", "c2"], cgroup=cgroup, seed=1
    )


def text(version: str) -> str:
    return metrics_text(guest().state(), scrapes=1, release=Release.parse(version))


def families(version: str) -> list[str]:
    return re.findall(r"^# TYPE (\w+)", text(version), re.MULTILINE)


def cpu_usage(version: str, cgroup: CgroupVersion = CgroupVersion.V2) -> agent_pb2.CpuUsage:
    usage = guest().state().containers["c1"]
    answer = stats_response(usage, cgroup=cgroup, release=Release.parse(version))
    return answer.cgroup_stats.cpu_stats.cpu_usage


def values(chunks: Iterable[Chunk]) -> dict[str, tuple[float, ...]]:
    return {chunk.metric.name: tuple(map(float, chunk.values)) for chunk in chunks}


@pytest.mark.parametrize("version", ["2.0.0", "2.5.2", "3.10.1", "3.32.0", "4.1.0"])
def test_a_release_is_read_and_written(version: str) -> None:
    assert str(Release.parse(version)) == version


@pytest.mark.parametrize("version", ["", "1.13.0", "4.1.1", "5.0.0", "4.1", "4.1.0-rc0", "four"])
def test_a_release_that_is_not_known_here_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"give one from 2\.0\.0 to 4\.1\.0"):
        Release.parse(version)


def test_an_agent_of_a_release_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no agent version '1\.0\.0' to simulate"):
        SimulatedAgent(guest(), FakeClock(), version="1.0.0")


def test_every_feature_came_or_went_between_the_oldest_and_the_newest() -> None:
    """A feature that all releases have needs no line, and the newest has what was captured."""
    assert set(FEATURES) == set(Feature)
    for feature, span in FEATURES.items():
        changed = [release for release in (span.since, span.until) if release]
        assert any(OLDEST < release <= NEWEST for release in changed), feature
        assert NEWEST.has(feature) is (span.until is None)


async def test_an_agent_says_its_version() -> None:
    agent = SimulatedAgent(guest(), FakeClock(), version="3.9.0")
    version = await agent.handle(ServerRequest("grpc.Health", "Version", b""))
    details = await agent.handle(ServerRequest(AGENT, "GetGuestDetails", b""))

    assert health_pb2.VersionCheckResponse.FromString(version).agent_version == "3.9.0"
    answer = agent_pb2.GuestDetailsResponse.FromString(details)
    assert answer.agent_details.version == "3.9.0"


def test_cpu_time_is_in_ticks_before_2_5_and_in_milliseconds_since() -> None:
    before, since = (
        [int(n) for n in re.findall(r"^kata_guest_cpu_time\{.*\} (\d+)$", found, re.MULTILINE)]
        for found in (text("2.4.3"), text("2.5.0"))
    )

    assert [ticks * 10 for ticks in before] == since
    assert sum(since) > 0


def test_filesystems_are_there_since_3_32() -> None:
    both = {"kata_guest_filesystem_bytes", "kata_guest_filesystem_inodes"}

    assert set(families("3.32.0")) - set(families("3.31.0")) == both
    assert families("3.32.0") == families("4.1.0")


def test_the_agents_library_had_families_of_its_own_before_3_1() -> None:
    unasked = [name for name in families("3.0.2") if name.startswith("process_")]

    assert unasked == [
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_threads",
        "process_virtual_memory_bytes",
    ]
    assert set(unasked) - set(families("2.3.0")) == {"process_threads"}
    assert not [name for name in families("3.1.0") if name.startswith("process_")]
    booted = guest().state().boot_time
    assert f"process_start_time_seconds {booted}\n" in text("3.0.2")


def test_the_agents_threads_were_missing_then_zero_then_counted() -> None:
    threads = guest().state().agent.threads

    assert "kata_agent_threads" not in families("3.0.2")
    assert "\nkata_agent_threads 0\n" in text("3.2.0")
    assert f"\nkata_agent_threads {threads}\n" in text("3.3.0")


def test_a_containers_cpu_time_on_v2_was_zero_then_microseconds_then_nanoseconds() -> None:
    assert not cpu_usage("3.0.2").ListFields()
    microseconds, nanoseconds = cpu_usage("3.8.0"), cpu_usage("3.9.0")
    assert microseconds.total_usage > 0
    for field in ("total_usage", "usage_in_usermode", "usage_in_kernelmode"):
        assert getattr(microseconds, field) * 1000 == getattr(nanoseconds, field)


def test_a_containers_cpu_time_on_v1_was_always_in_nanoseconds() -> None:
    assert cpu_usage("2.0.0", CgroupVersion.V1) == cpu_usage("4.1.0", CgroupVersion.V1)


@pytest.mark.parametrize("version", ["3.17.0", "3.18.0"])
def test_the_peak_of_memory_on_v2_is_there_since_3_18(version: str) -> None:
    usage = guest().state().containers["c1"]

    answer = stats_response(usage, release=Release.parse(version))

    known = answer.cgroup_stats.memory_stats.usage.max_usage
    assert (known > 0) is (version == "3.18.0")


def test_the_exporter_makes_the_same_of_ticks_and_milliseconds() -> None:
    readings = [
        values(
            GuestReader("", schema_for(version), layouts=LayoutCache())
            .read(text(version), 0.0)
            .chunks
        )["kata_guest_cpu_seconds_total"]
        for version in ("2.0.0", "4.1.0")
    ]

    assert readings[0] == readings[1]


@pytest.mark.parametrize("cgroup", CgroupVersion)
@pytest.mark.parametrize("version", ["3.1.0", "3.8.0", "3.9.0"])
def test_the_exporter_makes_the_same_of_a_containers_cpu_time(
    version: str, cgroup: CgroupVersion
) -> None:
    usage = guest(cgroup).state().containers["c1"]

    chunks = container_chunks(
        "",
        container_stats(stats_response(usage, cgroup=cgroup, release=Release.parse(version))),
        version,
    )

    (seconds,) = values(chunks)["kata_container_cpu_usage_seconds_total"]
    assert seconds == pytest.approx(usage.cpu_us / 1e6, abs=1e-5)


async def refusal(version: str, service: str, method: str, payload: bytes = b"") -> tuple[int, str]:
    agent = SimulatedAgent(guest(), FakeClock(), version=version)
    with pytest.raises(StatusError) as caught:
        await agent.handle(ServerRequest(service, method, payload))
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("method", "lacking", "having"),
    [
        ("GetDiagnosticData", "3.28.0", "3.29.0"),
        ("AddSwapPath", "3.14.0", "3.15.0"),
        ("MemAgentMemcgSet", "3.12.0", "3.13.0"),
        ("SetPolicy", "3.2.0", "3.3.0"),
        ("GetVolumeStats", "2.3.3", "2.4.0"),
        ("ListProcesses", "2.1.0", "2.0.4"),
    ],
)
async def test_a_method_that_a_release_lacks_is_unknown(
    method: str, lacking: str, having: str
) -> None:
    unimplemented = Release.parse(lacking) >= Release(3, 2)
    unknown = (
        (12, f"{method} method") if unimplemented else (3, f"/{AGENT}/{method} does not exist")
    )
    assert await refusal(lacking, AGENT, method) == unknown

    agent = SimulatedAgent(guest(), FakeClock(), version=having)
    try:
        await agent.handle(ServerRequest(AGENT, method, b""))
    except StatusError as error:  # for want of arguments, and not of the method
        assert error.code in {Code.INVALID_ARGUMENT, Code.INTERNAL}  # noqa: PT017


async def test_a_method_that_a_release_has_and_nobody_wrote_is_not_supported() -> None:
    expected = (5, f"/{AGENT}/StartTracing is not supported")

    assert await refusal("2.3.3", AGENT, "StartTracing") == expected


@pytest.mark.parametrize(
    ("version", "service", "expected"),
    [
        ("3.1.3", AGENT, (3, "/grpc.AgentService/NoSuch does not exist")),
        ("3.2.0", AGENT, (12, "NoSuch method")),
        ("3.1.3", "x.Y", (3, "/x.Y/NoSuch does not exist")),
        ("3.2.0", "x.Y", (3, "x.Y service does not exist")),
    ],
)
async def test_the_unknown_got_another_code_before_3_2(
    version: str, service: str, expected: tuple[int, str]
) -> None:
    assert await refusal(version, service, "NoSuch") == expected


@pytest.mark.parametrize(
    ("version", "message"),
    [("3.2.0", "invalid container id"), ("3.3.0", '"invalid container id"')],
)
async def test_errors_stand_in_quotes_since_3_3(version: str, message: str) -> None:
    assert await refusal(version, AGENT, "StatsContainer") == (3, message)


@pytest.mark.parametrize("version", ["2.0.0", "4.1.0"])
@pytest.mark.parametrize(
    "method", ["GetMetrics", "StatsContainer", "GetGuestDetails", "GetOOMEvent"]
)
def test_every_release_has_what_the_exporter_asks_for(version: str, method: str) -> None:
    assert Release.parse(version).serves(method)
