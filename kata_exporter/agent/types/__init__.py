"""What the agent's calls take and give: frozen dataclasses, one file per noun.

Units are in the names. The OCI specification has names of its own, in `oci`.
"""

from kata_exporter.agent.types import oci
from kata_exporter.agent.types.container import (
    ContainerConfig,
    Device,
    FSGroup,
    FSGroupChangePolicy,
    Storage,
)
from kata_exporter.agent.types.guest import (
    AgentVersion,
    CompactConfig,
    GuestDetails,
    MemcgConfig,
    VolumeStats,
    VolumeUnit,
    VolumeUsage,
)
from kata_exporter.agent.types.network import ARPNeighbor, Interface, IPAddress, IPFamily, Route
from kata_exporter.agent.types.process import (
    Command,
    Process,
    ProcessListFormat,
    ProcessListOptions,
)
from kata_exporter.agent.types.sandbox import (
    AgentConfig,
    AgentState,
    Capability,
    NineP,
    SandboxConfig,
    VirtioFs,
    VirtioFsCache,
)
from kata_exporter.agent.types.stats import (
    BlkioEntry,
    ContainerStats,
    CpuStats,
    HugetlbStats,
    MemoryStats,
    MemoryUsage,
    PidsStats,
)

__all__ = [
    "ARPNeighbor",
    "AgentConfig",
    "AgentState",
    "AgentVersion",
    "BlkioEntry",
    "Capability",
    "Command",
    "CompactConfig",
    "ContainerConfig",
    "ContainerStats",
    "CpuStats",
    "Device",
    "FSGroup",
    "FSGroupChangePolicy",
    "GuestDetails",
    "HugetlbStats",
    "IPAddress",
    "IPFamily",
    "Interface",
    "MemcgConfig",
    "MemoryStats",
    "MemoryUsage",
    "NineP",
    "PidsStats",
    "Process",
    "ProcessListFormat",
    "ProcessListOptions",
    "Route",
    "SandboxConfig",
    "Storage",
    "VirtioFs",
    "VirtioFsCache",
    "VolumeStats",
    "VolumeUnit",
    "VolumeUsage",
    "oci",
]
