"""The answer of GetMetrics, as kata-agent writes it: families, items, order and units."""

from collections.abc import Iterable, Mapping

from kata_exporter.simulator.agent.versions import NEWEST, Feature, Release
from kata_exporter.simulator.guest.guest import GuestState
from kata_exporter.simulator.guest.process import AgentProcessState
from kata_exporter.simulator.guest.units import TICKS_PER_SECOND

Samples = Iterable[tuple[str, float]]
"""Label pairs as text, without braces, and a value."""

_KIB = 1024
_TICK_MS = 1000 // TICKS_PER_SECOND
_OPEN_FILES, _MOST_OPEN_FILES = 42, 1_048_576


def metrics_text(state: GuestState, *, scrapes: int, release: Release = NEWEST) -> str:
    """Write what the agent says of a guest.

    Args:
        state: the guest.
        scrapes: how often the agent was asked, this time included.
        release: of the agent.
    """
    families = [*_of_agent(state.agent, scrapes, release), *_of_guest(state, release)]
    if release.has(Feature.PROCESS_FAMILIES):
        families += _of_process(state.agent, state.boot_time, release)
    return "".join(families)


def _of_agent(agent: AgentProcessState, scrapes: int, release: Release) -> list[str]:
    families = [
        _family("kata_agent_io_stat", "Agent process IO statistics.", _items(agent.io)),
        _family("kata_agent_proc_stat", "Agent process statistics.", _items(agent.stat)),
        _family("kata_agent_proc_status", "Agent process status.", _items(agent.status)),
        _family("kata_agent_scrape_count", "Metrics scrape count", _one(scrapes), "counter"),
    ]
    if release.has(Feature.AGENT_THREADS):
        threads = agent.threads if release.has(Feature.AGENT_THREADS_COUNTED) else 0
        families.append(_family("kata_agent_threads", "Agent process threads", _one(threads)))
    return [
        *families,
        _family(
            "kata_agent_total_rss",
            "Agent process total RSS size",
            _one(agent.status["vmrss"] * _KIB),
        ),
        _family(
            "kata_agent_total_time",
            "Agent process total time",
            _one(agent.cpu_ticks / TICKS_PER_SECOND),
        ),
        _family(
            "kata_agent_total_vm",
            "Agent process total VM size",
            _one(agent.status["vmsize"] * _KIB),
        ),
    ]


def _of_guest(state: GuestState, release: Release) -> list[str]:
    unit_ms = 1 if release.has(Feature.CPU_TIME_IN_MILLISECONDS) else _TICK_MS
    families = [
        _family("kata_guest_cpu_time", "Guest CPU statistics.", _cpus(state.cpus, unit_ms)),
        _family("kata_guest_diskstat", "Disks statistics in system.", _by("disk", state.disks)),
    ]
    if release.has(Feature.FILESYSTEMS):
        families += [
            _family(
                "kata_guest_filesystem_bytes",
                "Guest filesystem space usage in bytes.",
                _volumes(state.filesystem_bytes),
            ),
            _family(
                "kata_guest_filesystem_inodes",
                "Guest filesystem inode usage.",
                _volumes(state.filesystem_inodes),
            ),
        ]
    return [
        *families,
        _family("kata_guest_load", "Guest system load.", _items(state.load)),
        _family(
            "kata_guest_meminfo",
            "Statistics about memory usage in the system.",
            _items(state.meminfo),
        ),
        _family(
            "kata_guest_netdev_stat",
            "Guest net devices statistics.",
            _by("interface", state.interfaces),
        ),
        # The agent's own words: its tasks have the load's HELP.
        _family("kata_guest_tasks", "Guest system load.", _items(state.tasks)),
        _family("kata_guest_vm_stat", "Guest virtual memory statistics.", _items(state.vmstat)),
    ]


def _of_process(agent: AgentProcessState, start_time: int, release: Release) -> list[str]:
    families = [
        _family(
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            _one(agent.cpu_ticks / TICKS_PER_SECOND),
            "counter",
        ),
        _family(
            "process_max_fds", "Maximum number of open file descriptors.", _one(_MOST_OPEN_FILES)
        ),
        _family("process_open_fds", "Number of open file descriptors.", _one(_OPEN_FILES)),
        _family(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            _one(agent.status["vmrss"] * _KIB),
        ),
        _family(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            _one(start_time),
        ),
    ]
    if release.has(Feature.PROCESS_THREADS):
        families.append(
            _family("process_threads", "Number of OS threads in the process.", _one(agent.threads))
        )
    return [
        *families,
        _family(
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            _one(agent.status["vmsize"] * _KIB),
        ),
    ]


def _family(name: str, help_text: str, samples: Samples, kind: str = "gauge") -> str:
    lines = [f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n"]
    for labels, value in samples:
        lines.append(
            f"{name}{{{labels}}} {_number(value)}\n" if labels else f"{name} {_number(value)}\n"
        )
    return "".join(lines)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _one(value: float) -> Samples:
    return [("", value)]


def _items(items: Mapping[str, float]) -> Samples:
    return [(f'item="{item}"', items[item]) for item in sorted(items)]


def _by(label: str, devices: Mapping[str, Mapping[str, float]]) -> Samples:
    return [
        (f'{label}="{device}",{labels}', value)
        for device in sorted(devices)
        for labels, value in _items(devices[device])
    ]


def _cpus(cpus: Iterable[Mapping[str, int]], unit_ms: int) -> Samples:
    numbered = {
        str(number): {mode: ms // unit_ms for mode, ms in cpu.items()}
        for number, cpu in enumerate(cpus)
    }
    items = next(iter(numbered.values()))
    total = {item: sum(cpu[item] for cpu in numbered.values()) for item in items}
    return _by("cpu", numbered | {"total": total})


def _volumes(volumes: Mapping[tuple[str, str], Mapping[str, int]]) -> Samples:
    return [
        (f'device="{device}",item="{item}",mount="{mount}"', items[item])
        for (device, mount), items in volumes.items()
        for item in sorted(items)
    ]
