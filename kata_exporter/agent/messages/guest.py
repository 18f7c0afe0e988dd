"""Messages of what a guest says of itself, and of its memory agent."""

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import csi_pb2
from kata_exporter.agent.messages.shape import Shape
from kata_exporter.agent.types.guest import (
    CompactConfig,
    GuestDetails,
    MemcgConfig,
    VolumeStats,
    VolumeUnit,
    VolumeUsage,
)

VOLUME_USAGE = Shape(VolumeUsage, csi_pb2.VolumeUsage, enums={"unit": VolumeUnit})
MEMCG_CONFIG = Shape(MemcgConfig, pb.MemAgentMemcgConfig, {"period_seconds": "period_secs"})
COMPACT_CONFIG = Shape(
    CompactConfig,
    pb.MemAgentCompactConfig,
    {
        "period_seconds": "period_secs",
        "compact_seconds_max": "compact_sec_max",
        "compact_threshold_pages": "compact_threshold",
    },
)


def guest_details(message: pb.GuestDetailsResponse) -> GuestDetails:
    """Translate GuestDetailsResponse."""
    agent = message.agent_details
    return GuestDetails(
        mem_block_size_bytes=message.mem_block_size_bytes,
        support_mem_hotplug_probe=message.support_mem_hotplug_probe,
        agent_version=agent.version,
        init_daemon=agent.init_daemon,
        supports_seccomp=agent.supports_seccomp,
        device_handlers=tuple(agent.device_handlers),
        storage_handlers=tuple(agent.storage_handlers),
        extra_features=tuple(agent.extra_features),
    )


def volume_stats(message: csi_pb2.VolumeStatsResponse) -> VolumeStats:
    """Translate VolumeStatsResponse.

    Raises:
        WrongShape: a usage has a unit without a name.
    """
    usage = tuple(VOLUME_USAGE.decode(entry) for entry in message.usage)
    if not message.HasField("volume_condition"):
        return VolumeStats(usage)
    condition = message.volume_condition
    return VolumeStats(usage, condition.abnormal, condition.message)
