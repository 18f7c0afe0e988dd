"""A sandbox as its runtime configures it, and what is kept of its agent."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kata_exporter.agent.types.network import ARPNeighbor, Interface, Route


class Capability(StrEnum):
    """What an agent can do for its runtime."""

    BLOCK_DEVICE = "block_device"
    """Take a container's root file system from a block device."""


@dataclass(frozen=True, slots=True)
class AgentState:
    """What a runtime writes down of an agent, to find it again after a restart."""

    url: str


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """The ``[agent.kata]`` section of Kata's configuration, as far as the client reads it.

    ``dial_timeout_seconds`` 0 is the default of 30. ``kernel_modules`` are lines of a name and its
    parameters. ``policy`` is Rego text, empty for none.
    """

    long_live_conn: bool = True
    trace: bool = False
    dial_timeout_seconds: float = 0.0
    kernel_modules: tuple[str, ...] = ()
    policy: str = ""


class VirtioFsCache(StrEnum):
    """Cache mode of virtio-fs."""

    NEVER = "never"
    METADATA = "metadata"
    AUTO = "auto"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class VirtioFs:
    """The host's folder reaches the guest by virtio-fs; with a DAX window where its size isn't 0."""

    cache: VirtioFsCache = VirtioFsCache.AUTO
    dax_window_mib: int = 0
    nydus: bool = False


@dataclass(frozen=True, slots=True)
class NineP:
    """The host's folder reaches the guest by virtio-9p."""

    msize_bytes: int = 8192


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """A sandbox to be created and started.

    Args:
        id: of the sandbox.
        hostname: the guest's; what is over 64 bytes of UTF-8 is cut, at a character's border.
        share_path: the host's folder that guest and host share.
        shared_fs: how it is shared; None if it isn't.
        resolv_conf: the host's file that containers find as /etc/resolv.conf; None for none.
        shm_size_bytes: of the sandbox's /dev/shm; 0 for none.
        shares_pid_namespace: containers see each other's processes.
        guest_hook_path: the guest's folder of OCI hooks.
        interfaces: are set up in the guest, then `routes` and `neighbors`; None is left alone.
        create_container_timeout_seconds: 0 is the default of 60.
        guest_seccomp: containers' system calls are filtered in the guest.
        seccomp_supported: the agent can do that, as `GuestDetails.supports_seccomp` says.
        guest_selinux: the label of a container's process holds in the guest.
        guest_selinux_label: in the place of that label; empty to keep it.
        vfio_in_container: VFIO devices are given to containers as they are, not to the guest's kernel.
        numa_nodes: of the guest; each is the list of the host's nodes behind it, as in ``0-1``.
    """

    id: str
    hostname: str = ""
    share_path: Path | None = None
    shared_fs: VirtioFs | NineP | None = None
    resolv_conf: Path | None = None
    shm_size_bytes: int = 0
    shares_pid_namespace: bool = False
    guest_hook_path: str = ""
    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] | None = None
    neighbors: tuple[ARPNeighbor, ...] | None = None
    create_container_timeout_seconds: float = 0.0
    guest_seccomp: bool = False
    seccomp_supported: bool = False
    guest_selinux: bool = False
    guest_selinux_label: str = ""
    vfio_in_container: bool = False
    numa_nodes: tuple[str, ...] = ()
