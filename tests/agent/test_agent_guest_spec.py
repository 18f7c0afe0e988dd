"""What a guest gets of a container's specification, rule by rule."""

from dataclasses import replace

import pytest

from kata_exporter.agent.collaborators import SharedRootfs
from kata_exporter.agent.guest_spec import guest_mems, guest_spec
from kata_exporter.agent.types import SandboxConfig, oci
from kata_exporter.errors import ArgumentError

SANDBOX = SandboxConfig("sb-one", shm_size_bytes=1 << 26)
ROOTFS = SharedRootfs("/guest/rootfs")
LABEL = "system_u:system_r:svirt_kvm_t:s0:c1,c2"


def spec_of(linux: oci.Linux | None = None, label: str = "", **fields: object) -> oci.Spec:
    made = oci.Spec(process=oci.Process(selinux_label=label), linux=linux or oci.Linux())
    return replace(made, **fields)  # type: ignore[arg-type]  # fields of a Spec


def guest(
    spec: oci.Spec, sandbox: SandboxConfig = SANDBOX, rootfs: SharedRootfs = ROOTFS
) -> oci.Spec:
    return guest_spec(spec, sandbox, rootfs)[0]


def linux_of(linux: oci.Linux, sandbox: SandboxConfig = SANDBOX) -> oci.Linux:
    made = guest(spec_of(linux), sandbox).linux
    assert made is not None
    return made


def test_hooks_ran_on_the_host() -> None:
    assert guest(spec_of(hooks=oci.Hooks(prestart=(oci.Hook("/h"),)))).hooks is None


@pytest.mark.parametrize("root", [None, oci.Root("/host"), oci.Root("/host", readonly=True)])
def test_root_is_the_guests_path(root: oci.Root | None) -> None:
    made = guest(spec_of(root=root)).root

    assert made == oci.Root("/guest/rootfs", readonly=root is not None and root.readonly)


def test_what_concerns_the_guest_stays() -> None:
    linux = oci.Linux(
        resources=oci.LinuxResources(
            memory=oci.LinuxMemory(1 << 30),
            cpu=oci.LinuxCPU(shares=512, quota_us=1000, period_us=2000),
            hugepage_limits=(oci.LinuxHugepageLimit("2MB", 1),),
        ),
        sysctl={"net.core.somaxconn": "1"},
        masked_paths=("/proc/kcore",),
    )
    spec = spec_of(linux, hostname="web", annotations={"a": "b"}, root=oci.Root("/guest/rootfs"))

    assert guest(spec) == spec


def test_controllers_that_are_the_hosts_are_cleared() -> None:
    resources = oci.LinuxResources(
        devices=(oci.LinuxDeviceCgroup(allow=False),),
        pids=oci.LinuxPids(9),
        block_io=oci.LinuxBlockIO(5),
        network=oci.LinuxNetwork(1),
        cpu=oci.LinuxCPU(shares=2, cpus="0-1", mems="0"),
    )

    made = linux_of(oci.Linux(resources=resources)).resources

    assert made == oci.LinuxResources(cpu=oci.LinuxCPU(shares=2))


def test_resources_that_are_absent_are_empty_ones() -> None:
    assert linux_of(oci.Linux()).resources == oci.LinuxResources()


def test_namespaces_of_the_host_are_taken_out_and_the_paths_of_others_emptied() -> None:
    kinds = ("cgroup", "network", "time", "pid", "mount", "ipc", "uts", "user")
    namespaces = tuple(oci.LinuxNamespace(kind, f"/proc/1/ns/{kind}") for kind in kinds)

    made = linux_of(oci.Linux(namespaces=namespaces)).namespaces

    assert made == tuple(oci.LinuxNamespace(kind) for kind in ("mount", "ipc", "uts", "user"))


@pytest.mark.parametrize(
    ("namespaces", "joins"),
    [
        ((), False),
        ((oci.LinuxNamespace("mount", "/m"),), False),
        ((oci.LinuxNamespace("pid"),), False),
        ((oci.LinuxNamespace("pid", "/proc/1/ns/pid"),), True),
    ],
)
def test_pid_namespace_with_a_path_is_the_sandboxes(
    namespaces: tuple[oci.LinuxNamespace, ...], *, joins: bool
) -> None:
    _, joined = guest_spec(spec_of(oci.Linux(namespaces=namespaces)), SANDBOX, ROOTFS)

    assert joined is joins


@pytest.mark.parametrize(("wanted", "kept"), [(False, False), (True, True)])
def test_seccomp_is_kept_where_the_guest_is_to_filter(*, wanted: bool, kept: bool) -> None:
    sandbox = replace(SANDBOX, guest_seccomp=wanted, seccomp_supported=True)
    filtering = oci.LinuxSeccomp("SCMP_ACT_ERRNO")

    assert (linux_of(oci.Linux(seccomp=filtering), sandbox).seccomp is not None) is kept


def test_seccomp_that_the_agent_cannot_do_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="doesn't support seccomp") as caught:
        guest(spec_of(), replace(SANDBOX, guest_seccomp=True))

    assert caught.value.argument == "sandbox.guest_seccomp"


@pytest.mark.parametrize(
    ("sandbox", "label", "mount_label"),
    [
        (SANDBOX, "", ""),
        (replace(SANDBOX, guest_selinux=True), "system_u:system_r:container_t:s0:c1,c2", "m"),
        (replace(SANDBOX, guest_selinux=True, guest_selinux_label="a:b:c:s0"), "a:b:c:s0", "m"),
    ],
    ids=["off", "type rewritten", "own label"],
)
def test_selinux_label_is_cleared_rewritten_or_replaced(
    sandbox: SandboxConfig, label: str, mount_label: str
) -> None:
    made = guest(spec_of(oci.Linux(mount_label="m"), LABEL), sandbox)

    assert made.process is not None
    assert made.linux is not None
    assert (made.process.selinux_label, made.linux.mount_label) == (label, mount_label)


def test_process_without_a_label_keeps_its_mount_label() -> None:
    assert linux_of(oci.Linux(mount_label="m")).mount_label == "m"


def test_selinux_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="guest_selinux_label"):
        guest(spec_of(), replace(SANDBOX, guest_selinux_label="a:b:c"))
    with pytest.raises(ArgumentError, match="should be user:role:type"):
        guest(spec_of(label="unlabelled"), replace(SANDBOX, guest_selinux=True))


@pytest.mark.parametrize(
    ("as_they_are", "left"), [(False, ["/dev/fuse", "/dev/vfio/b"]), (True, None)]
)
def test_vfio_devices_stay_only_where_containers_get_them(
    *, as_they_are: bool, left: list[str] | None
) -> None:
    devices = (
        oci.LinuxDevice("/dev/vfio/12", "c"),
        oci.LinuxDevice("/dev/fuse", "c"),
        oci.LinuxDevice("/dev/vfio/b", "b"),
    )
    sandbox = replace(SANDBOX, vfio_in_container=as_they_are)

    made = linux_of(oci.Linux(devices=devices), sandbox).devices

    assert [device.path for device in made] == (left or [device.path for device in devices])


@pytest.mark.parametrize(
    ("mount", "sandbox", "made"),
    [
        (
            oci.Mount("/dev/shm", "shm", "tmpfs", ("size=1m",)),
            SANDBOX,
            oci.Mount("/dev/shm", "/run/kata-containers/sandbox/shm", "bind", ("rbind",)),
        ),
        (
            oci.Mount("/dev/shm", "shm", "tmpfs"),
            SandboxConfig("sb-one"),
            oci.Mount(
                "/dev/shm",
                "shm",
                "tmpfs",
                ("noexec", "nosuid", "nodev", "mode=1777", "size=67108864"),
            ),
        ),
        (oci.Mount("/dev/shm", "x", "ephemeral"), SANDBOX, oci.Mount("/dev/shm", "x", "ephemeral")),
        (oci.Mount("/proc", "proc", "proc"), SANDBOX, oci.Mount("/proc", "proc", "proc")),
        (oci.Mount("/data", "/host", "bind"), SANDBOX, oci.Mount("/data", "/guest/data", "bind")),
    ],
    ids=["sandbox's shm", "own shm", "ephemeral shm", "other", "shared"],
)
def test_mounts_are_the_guests(mount: oci.Mount, sandbox: SandboxConfig, made: oci.Mount) -> None:
    rootfs = SharedRootfs("/guest/rootfs", mount_sources={"/data": "/guest/data"})

    assert guest(spec_of(mounts=(mount,)), sandbox, rootfs).mounts == (made,)


@pytest.mark.parametrize(
    ("mems", "nodes", "made"),
    [
        ("0", (), ""),
        ("0", ("0",), ""),
        ("", ("0", "1"), ""),
        ("0", ("0", "1"), "0"),
        ("1-3", ("0-1", "2,5", "7"), "0,1"),
        ("9", ("0", "1"), ""),
    ],
)
def test_memory_nodes_are_those_behind_which_the_hosts_stand(
    mems: str, nodes: tuple[str, ...], made: str
) -> None:
    assert guest_mems(mems, nodes) == made


@pytest.mark.parametrize("bad", ["x", "1-", "-1", "1,,2", "0-99999", "٣"])
def test_list_of_memory_nodes_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(ArgumentError, match=r"cpu\.mems"):
        guest_mems(bad, ("0", "1"))
