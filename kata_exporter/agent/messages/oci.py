"""The OCI specification's messages. Not sent: what is Solaris's and Windows' own."""

from kata_exporter._pb import oci_pb2 as pb
from kata_exporter.agent.messages.shape import Shape
from kata_exporter.agent.types import oci

SPEC = Shape(oci.Spec, pb.Spec)
PROCESS = Shape(oci.Process, pb.Process)
RESOURCES = Shape(oci.LinuxResources, pb.LinuxResources)

_UNLIMITED = -1

PARTS = (
    Shape(oci.Box, pb.Box),
    Shape(oci.User, pb.User),
    Shape(oci.LinuxCapabilities, pb.LinuxCapabilities),
    Shape(oci.POSIXRlimit, pb.POSIXRlimit),
    Shape(oci.Root, pb.Root),
    Shape(oci.Mount, pb.Mount),
    Shape(oci.Hook, pb.Hook, {"timeout_seconds": "Timeout"}),
    Shape(oci.Hooks, pb.Hooks),
    Shape(oci.LinuxIDMapping, pb.LinuxIDMapping),
    Shape(oci.LinuxNamespace, pb.LinuxNamespace),
    Shape(oci.LinuxDevice, pb.LinuxDevice),
    Shape(oci.LinuxDeviceCgroup, pb.LinuxDeviceCgroup),
    Shape(
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
    ),
    Shape(
        oci.LinuxCPU,
        pb.LinuxCPU,
        {
            "quota_us": "Quota",
            "period_us": "Period",
            "realtime_runtime_us": "RealtimeRuntime",
            "realtime_period_us": "RealtimePeriod",
        },
        least=dict.fromkeys(("quota_us", "realtime_runtime_us"), _UNLIMITED),
    ),
    Shape(oci.LinuxPids, pb.LinuxPids, least={"limit": _UNLIMITED}),
    Shape(oci.LinuxWeightDevice, pb.LinuxWeightDevice),
    Shape(oci.LinuxThrottleDevice, pb.LinuxThrottleDevice),
    Shape(oci.LinuxBlockIO, pb.LinuxBlockIO),
    Shape(oci.LinuxHugepageLimit, pb.LinuxHugepageLimit, {"limit_bytes": "Limit"}),
    Shape(oci.LinuxInterfacePriority, pb.LinuxInterfacePriority),
    Shape(oci.LinuxNetwork, pb.LinuxNetwork),
    Shape(oci.LinuxSeccompArg, pb.LinuxSeccompArg),
    Shape(oci.LinuxSyscall, pb.LinuxSyscall),
    Shape(oci.LinuxSeccomp, pb.LinuxSeccomp),
    Shape(oci.LinuxIntelRdt, pb.LinuxIntelRdt),
    Shape(oci.Linux, pb.Linux),
)
"""What the three above are made of."""
