"""The OCI specification's messages. Not sent: what is Solaris's and Windows' own."""

from kata_exporter._pb import oci_pb2 as pb
from kata_exporter.agent.messages.shape import Shape
from kata_exporter.agent.types import oci

_UNLIMITED = -1

PROCESS = Shape(
    oci.Process,
    pb.Process,
    nested=[
        Shape(oci.Box, pb.Box),
        Shape(oci.User, pb.User),
        Shape(oci.LinuxCapabilities, pb.LinuxCapabilities),
        Shape(oci.POSIXRlimit, pb.POSIXRlimit),
    ],
)
_BLOCK_IO = Shape(
    oci.LinuxBlockIO,
    pb.LinuxBlockIO,
    nested=[
        Shape(oci.LinuxWeightDevice, pb.LinuxWeightDevice),
        Shape(oci.LinuxThrottleDevice, pb.LinuxThrottleDevice),
    ],
)
_NETWORK = Shape(
    oci.LinuxNetwork,
    pb.LinuxNetwork,
    nested=[Shape(oci.LinuxInterfacePriority, pb.LinuxInterfacePriority)],
)
_MEMORY = Shape(
    oci.LinuxMemory,
    pb.LinuxMemory,
    {
        "limit_bytes": "Limit",
        "reservation_bytes": "Reservation",
        "swap_bytes": "Swap",
        "kernel_bytes": "Kernel",
        "kernel_tcp_bytes": "KernelTCP",
    },
    least=dict.fromkeys(
        ("limit_bytes", "reservation_bytes", "swap_bytes", "kernel_bytes", "kernel_tcp_bytes"),
        _UNLIMITED,
    ),
)
_CPU = Shape(
    oci.LinuxCPU,
    pb.LinuxCPU,
    {
        "quota_us": "Quota",
        "period_us": "Period",
        "realtime_runtime_us": "RealtimeRuntime",
        "realtime_period_us": "RealtimePeriod",
    },
    least=dict.fromkeys(("quota_us", "realtime_runtime_us"), _UNLIMITED),
)
RESOURCES = Shape(
    oci.LinuxResources,
    pb.LinuxResources,
    nested=[
        Shape(oci.LinuxDeviceCgroup, pb.LinuxDeviceCgroup),
        _MEMORY,
        _CPU,
        Shape(oci.LinuxPids, pb.LinuxPids, least={"limit": _UNLIMITED}),
        _BLOCK_IO,
        Shape(oci.LinuxHugepageLimit, pb.LinuxHugepageLimit, {"limit_bytes": "Limit"}),
        _NETWORK,
    ],
)
_SYSCALL = Shape(
    oci.LinuxSyscall,
    pb.LinuxSyscall,
    nested=[Shape(oci.LinuxSeccompArg, pb.LinuxSeccompArg)],
)
_LINUX = Shape(
    oci.Linux,
    pb.Linux,
    nested=[
        Shape(oci.LinuxIDMapping, pb.LinuxIDMapping),
        RESOURCES,
        Shape(oci.LinuxNamespace, pb.LinuxNamespace),
        Shape(oci.LinuxDevice, pb.LinuxDevice),
        Shape(oci.LinuxSeccomp, pb.LinuxSeccomp, nested=[_SYSCALL]),
        Shape(oci.LinuxIntelRdt, pb.LinuxIntelRdt),
    ],
)
_HOOK = Shape(oci.Hook, pb.Hook, {"timeout_seconds": "Timeout"})
SPEC = Shape(
    oci.Spec,
    pb.Spec,
    nested=[
        PROCESS,
        Shape(oci.Root, pb.Root),
        Shape(oci.Mount, pb.Mount),
        Shape(oci.Hooks, pb.Hooks, nested=[_HOOK]),
        _LINUX,
    ],
)
