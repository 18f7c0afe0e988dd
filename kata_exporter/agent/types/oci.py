"""The OCI runtime specification (config.json) as the agent takes it.

https://github.com/opencontainers/runtime-spec/blob/main/config.md says what each field is; where it
has a unit, the unit is in the name. None and empty are "not given". Numbers are sent as 0 where they
are not given, since the agent's messages can't tell the two apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Box:
    """Size of a terminal, in characters."""

    height: int
    width: int


@dataclass(frozen=True, slots=True)
class User:
    """Whom a process runs as; ``username`` is not looked up."""

    uid: int = 0
    gid: int = 0
    additional_gids: tuple[int, ...] = ()
    username: str = ""


@dataclass(frozen=True, slots=True)
class LinuxCapabilities:
    """Sets of capabilities, each as in ``CAP_NET_ADMIN``."""

    bounding: tuple[str, ...] = ()
    effective: tuple[str, ...] = ()
    inheritable: tuple[str, ...] = ()
    permitted: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class POSIXRlimit:
    """A limit, in the unit of its type, as in ``RLIMIT_NOFILE``."""

    type: str
    hard: int
    soft: int


@dataclass(frozen=True, slots=True)
class Process:
    """What runs; ``env`` holds ``KEY=VALUE``."""

    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: User = field(default_factory=User)
    terminal: bool = False
    console_size: Box | None = None
    capabilities: LinuxCapabilities | None = None
    rlimits: tuple[POSIXRlimit, ...] = ()
    no_new_privileges: bool = False
    apparmor_profile: str = ""
    oom_score_adj: int = 0
    selinux_label: str = ""


@dataclass(frozen=True, slots=True)
class Root:
    """The root file system."""

    path: str = ""
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount in the container."""

    destination: str
    source: str = ""
    type: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hook:
    """A program that is run at a point of a container's life."""

    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    timeout_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Hooks:
    """Programs by the point at which they run."""

    prestart: tuple[Hook, ...] = ()
    poststart: tuple[Hook, ...] = ()
    poststop: tuple[Hook, ...] = ()
    create_runtime: tuple[Hook, ...] = ()
    create_container: tuple[Hook, ...] = ()
    start_container: tuple[Hook, ...] = ()


@dataclass(frozen=True, slots=True)
class LinuxIDMapping:
    """A run of ``size`` ids."""

    host_id: int
    container_id: int
    size: int


@dataclass(frozen=True, slots=True)
class LinuxNamespace:
    """A namespace; an empty ``path`` is a new one."""

    type: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class LinuxDevice:
    """A device node; ``type`` is as mknod has it, ``file_mode`` are its permission bits."""

    path: str
    type: str
    major: int = 0
    minor: int = 0
    file_mode: int = 0
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class LinuxDeviceCgroup:
    """Access to a device; ``type`` ``a`` is all, a number of -1 is any."""

    allow: bool
    type: str = ""
    major: int = 0
    minor: int = 0
    access: str = ""


@dataclass(frozen=True, slots=True)
class LinuxMemory:
    """Limits of memory; -1 is none. ``swap_bytes`` counts memory and swap together."""

    limit_bytes: int = 0
    reservation_bytes: int = 0
    swap_bytes: int = 0
    kernel_bytes: int = 0
    kernel_tcp_bytes: int = 0
    swappiness: int = 0
    disable_oom_killer: bool = False


@dataclass(frozen=True, slots=True)
class LinuxCPU:
    """Limits of CPU; a quota of -1 is none. ``cpus`` and ``mems`` are lists as in ``0-2,7``."""

    shares: int = 0
    quota_us: int = 0
    period_us: int = 0
    realtime_runtime_us: int = 0
    realtime_period_us: int = 0
    cpus: str = ""
    mems: str = ""


@dataclass(frozen=True, slots=True)
class LinuxPids:
    """Limit of tasks; -1 is none."""

    limit: int


@dataclass(frozen=True, slots=True)
class LinuxWeightDevice:
    """Weight of one block device."""

    major: int
    minor: int
    weight: int = 0
    leaf_weight: int = 0


@dataclass(frozen=True, slots=True)
class LinuxThrottleDevice:
    """Limit of one block device: bytes or operations a second, as the field it stands in says."""

    major: int
    minor: int
    rate: int


@dataclass(frozen=True, slots=True)
class LinuxBlockIO:
    """Weights and limits of block devices."""

    weight: int = 0
    leaf_weight: int = 0
    weight_device: tuple[LinuxWeightDevice, ...] = ()
    throttle_read_bps_device: tuple[LinuxThrottleDevice, ...] = ()
    throttle_write_bps_device: tuple[LinuxThrottleDevice, ...] = ()
    throttle_read_iops_device: tuple[LinuxThrottleDevice, ...] = ()
    throttle_write_iops_device: tuple[LinuxThrottleDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class LinuxHugepageLimit:
    """Limit of huge pages of one size, as in ``2MB``."""

    pagesize: str
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class LinuxInterfacePriority:
    """Priority of a network interface."""

    name: str
    priority: int


@dataclass(frozen=True, slots=True)
class LinuxNetwork:
    """Class and priorities of network traffic."""

    class_id: int = 0
    priorities: tuple[LinuxInterfacePriority, ...] = ()


@dataclass(frozen=True, slots=True)
class LinuxResources:
    """What a container may use; None leaves a controller alone."""

    devices: tuple[LinuxDeviceCgroup, ...] = ()
    memory: LinuxMemory | None = None
    cpu: LinuxCPU | None = None
    pids: LinuxPids | None = None
    block_io: LinuxBlockIO | None = None
    hugepage_limits: tuple[LinuxHugepageLimit, ...] = ()
    network: LinuxNetwork | None = None


@dataclass(frozen=True, slots=True)
class LinuxSeccompArg:
    """A condition on an argument of a system call; ``op`` as in ``SCMP_CMP_EQ``."""

    index: int
    value: int
    op: str
    value_two: int = 0


@dataclass(frozen=True, slots=True)
class LinuxSyscall:
    """What is done at system calls; without ``errno_ret`` the action's own default holds."""

    names: tuple[str, ...]
    action: str
    errno_ret: int | None = None
    args: tuple[LinuxSeccompArg, ...] = ()


@dataclass(frozen=True, slots=True)
class LinuxSeccomp:
    """A filter of system calls; actions as in ``SCMP_ACT_ERRNO``."""

    default_action: str
    architectures: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    syscalls: tuple[LinuxSyscall, ...] = ()


@dataclass(frozen=True, slots=True)
class LinuxIntelRdt:
    """Intel's control of caches."""

    l3_cache_schema: str = ""


@dataclass(frozen=True, slots=True)
class Linux:
    """What is Linux's own."""

    uid_mappings: tuple[LinuxIDMapping, ...] = ()
    gid_mappings: tuple[LinuxIDMapping, ...] = ()
    sysctl: Mapping[str, str] = field(default_factory=dict)
    resources: LinuxResources | None = None
    cgroups_path: str = ""
    namespaces: tuple[LinuxNamespace, ...] = ()
    devices: tuple[LinuxDevice, ...] = ()
    seccomp: LinuxSeccomp | None = None
    rootfs_propagation: str = ""
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()
    mount_label: str = ""
    intel_rdt: LinuxIntelRdt | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """A container's config.json."""

    version: str = ""
    process: Process | None = None
    root: Root | None = None
    hostname: str = ""
    mounts: tuple[Mount, ...] = ()
    hooks: Hooks | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    linux: Linux | None = None
