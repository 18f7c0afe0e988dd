"""A container's OCI specification as the guest is to have it.

The runtime's is about the host: its hooks have run there, its devices, networks and CPUs are the
host's, and the limits of some controllers hold there, on the VM as a whole. What would be wrong in
the guest is taken out.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from kata_exporter.agent.collaborators import SharedRootfs
from kata_exporter.agent.storages import SHM_PATH
from kata_exporter.agent.types import SandboxConfig, oci
from kata_exporter.errors import ArgumentError

CONTAINER_SELINUX_TYPE = "container_t"
DEFAULT_SHM_BYTES = 64 << 20

_SPEC = "container.spec"
_HOST_NAMESPACES = frozenset({"cgroup", "network", "time", "pid"})
_VFIO = "/dev/vfio/"
_SHM = "/dev/shm"  # noqa: S108  a path in the container
_RUN = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", re.ASCII)


def guest_spec(
    spec: oci.Spec, sandbox: SandboxConfig, rootfs: SharedRootfs
) -> tuple[oci.Spec, bool]:
    """Return a specification for the guest, and whether the PID namespace is the sandbox's.

    Raises:
        ArgumentError: a part is missing, or doesn't fit what the sandbox can do.
    """
    process, linux = spec.process, spec.linux
    if process is None or linux is None:
        missing = "process" if process is None else "linux"
        raise ArgumentError(f"{_SPEC}.{missing}", None, "should be there")
    _check_policies(sandbox)
    label = _selinux_label(process.selinux_label, sandbox)
    guest = replace(
        spec,
        hooks=None,
        process=replace(process, selinux_label=label),
        root=replace(spec.root or oci.Root(), path=rootfs.path),
        mounts=tuple(_mount(mount, sandbox, rootfs) for mount in spec.mounts),
        linux=_linux(linux, sandbox, keep_mount_label=bool(label) or not process.selinux_label),
    )
    return guest, _joins_pid_namespace(linux)


def _check_policies(sandbox: SandboxConfig) -> None:
    if sandbox.guest_seccomp and not sandbox.seccomp_supported:
        raise ArgumentError("sandbox.guest_seccomp", True, "the agent doesn't support seccomp")
    if sandbox.guest_selinux_label and not sandbox.guest_selinux:
        label = sandbox.guest_selinux_label
        raise ArgumentError("sandbox.guest_selinux_label", label, "needs guest_selinux")


def _selinux_label(label: str, sandbox: SandboxConfig) -> str:
    if not label or not sandbox.guest_selinux:
        return ""
    if sandbox.guest_selinux_label:
        return sandbox.guest_selinux_label
    parts = label.split(":", 3)
    if len(parts) < 3:
        raise ArgumentError(f"{_SPEC}.process.selinux_label", label, "should be user:role:type")
    # The runtime's is that of a VMM's process.
    parts[2] = CONTAINER_SELINUX_TYPE
    return ":".join(parts)


def _linux(linux: oci.Linux, sandbox: SandboxConfig, *, keep_mount_label: bool) -> oci.Linux:
    return replace(
        linux,
        resources=_resources(linux.resources or oci.LinuxResources(), sandbox),
        namespaces=tuple(_guest_namespaces(linux)),
        devices=tuple(
            device
            for device in linux.devices
            if sandbox.vfio_in_container or device.type != "c" or not device.path.startswith(_VFIO)
        ),
        seccomp=linux.seccomp if sandbox.guest_seccomp else None,
        mount_label=linux.mount_label if keep_mount_label else "",
    )


def _resources(resources: oci.LinuxResources, sandbox: SandboxConfig) -> oci.LinuxResources:
    cpu = resources.cpu
    if cpu is not None:
        cpu = replace(cpu, cpus="", mems=guest_mems(cpu.mems, sandbox.numa_nodes))
    return replace(resources, devices=(), pids=None, block_io=None, network=None, cpu=cpu)


def _guest_namespaces(linux: oci.Linux) -> Iterator[oci.LinuxNamespace]:
    for namespace in linux.namespaces:
        if namespace.type not in _HOST_NAMESPACES:
            yield replace(namespace, path="")


def _joins_pid_namespace(linux: oci.Linux) -> bool:
    """Whether the host's specification joins a PID namespace, which is then the sandbox's."""
    paths = [namespace.path for namespace in linux.namespaces if namespace.type == "pid"]
    return bool(paths and paths[0])


def _mount(mount: oci.Mount, sandbox: SandboxConfig, rootfs: SharedRootfs) -> oci.Mount:
    if mount.destination in rootfs.mount_sources:
        return replace(mount, source=rootfs.mount_sources[mount.destination])
    if mount.destination != _SHM or mount.type == "ephemeral":
        return mount
    if sandbox.shm_size_bytes > 0:
        return replace(mount, type="bind", source=SHM_PATH, options=("rbind",))
    options = ("noexec", "nosuid", "nodev", "mode=1777", f"size={DEFAULT_SHM_BYTES}")
    return replace(mount, type="tmpfs", source="shm", options=options)


def guest_mems(host_mems: str, numa_nodes: tuple[str, ...]) -> str:
    """Return the guest's memory nodes that stand for the host's; all, if it has only one.

    Raises:
        ArgumentError: a list isn't one, as in ``0-2,7``.
    """
    if not host_mems or len(numa_nodes) < 2:
        return ""
    wanted = _numbers(f"{_SPEC}.linux.resources.cpu.mems", host_mems)
    nodes = (
        str(node)
        for node, behind in enumerate(numa_nodes)
        if wanted & _numbers(f"sandbox.numa_nodes[{node}]", behind)
    )
    return ",".join(nodes)


def _numbers(argument: str, text: str) -> set[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        match = _RUN.fullmatch(part)
        if match is None:
            raise ArgumentError(argument, text, "should be a list as in '0-2,7'")
        first, last = int(match[1]), int(match[2] or match[1])
        numbers.update(range(first, last + 1))
    return numbers
