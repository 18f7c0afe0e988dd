"""What a guest says of itself, and settings of its memory agent."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class AgentVersion:
    """Answer of ``grpc.Health/Version``."""

    grpc_version: str
    agent_version: str


@dataclass(frozen=True, slots=True)
class GuestDetails:
    """Answer of ``grpc.AgentService/GetGuestDetails``."""

    mem_block_size_bytes: int
    support_mem_hotplug_probe: bool
    agent_version: str
    init_daemon: bool
    supports_seccomp: bool
    device_handlers: tuple[str, ...]
    storage_handlers: tuple[str, ...]
    extra_features: tuple[str, ...]


class VolumeUnit(StrEnum):
    """What a `VolumeUsage` counts."""

    UNKNOWN = "unknown"
    BYTES = "bytes"
    INODES = "inodes"


@dataclass(frozen=True, slots=True)
class VolumeUsage:
    """Usage of a volume in one unit."""

    unit: VolumeUnit
    available: int
    total: int
    used: int


@dataclass(frozen=True, slots=True)
class VolumeStats:
    """Answer of ``grpc.AgentService/GetVolumeStats``: one usage for each unit.

    ``abnormal`` is None where the agent says nothing of the volume's condition; ``condition`` is the
    guest's own text, not to be trusted.
    """

    usage: tuple[VolumeUsage, ...]
    abnormal: bool | None = None
    condition: str = ""


@dataclass(frozen=True, slots=True)
class MemcgConfig:
    """Settings of the guest's reclaim of memory (``MemAgentMemcgSet``); None leaves one as it is.

    Limits named psi are in percent of pressure; a round over them is skipped or ended.
    """

    disabled: bool | None = None
    swap: bool | None = None
    swappiness_max: int | None = None
    period_seconds: int | None = None
    period_psi_percent_limit: int | None = None
    eviction_psi_percent_limit: int | None = None
    eviction_run_aging_count_min: int | None = None


@dataclass(frozen=True, slots=True)
class CompactConfig:
    """Settings of the guest's compaction of memory (``MemAgentCompactSet``), as `MemcgConfig`."""

    disabled: bool | None = None
    period_seconds: int | None = None
    period_psi_percent_limit: int | None = None
    compact_psi_percent_limit: int | None = None
    compact_seconds_max: int | None = None
    compact_order: int | None = None
    compact_threshold_pages: int | None = None
    compact_force_times: int | None = None
