"""What a guest mounts for its sandbox as a whole: the host's shared folder and /dev/shm."""

from kata_exporter.agent.arguments import MAX_U64, checked_number
from kata_exporter.agent.collaborators import SHARED_TAG
from kata_exporter.agent.types import (
    NineP,
    SandboxConfig,
    Storage,
    VirtioFs,
    VirtioFsCache,
)
from kata_exporter.errors import ArgumentError

SHARED_PATH = "/run/kata-containers/shared/containers/"
NYDUS_PATH = "/run/kata-containers/shared/"
SHM_PATH = "/run/kata-containers/sandbox/shm"

_WITHOUT_DAX = frozenset({VirtioFsCache.NEVER, VirtioFsCache.METADATA})


def sandbox_storages(sandbox: SandboxConfig) -> list[Storage]:
    """Return them in the order in which the guest mounts them.

    Raises:
        ArgumentError: a size is none, or the way in which folders are shared.
    """
    storages: list[Storage] = []
    given: object = sandbox.shared_fs
    match given:
        case VirtioFs() as shared:
            storages.append(_virtio_fs(shared))
        case NineP() as shared:
            storages.append(_nine_p(shared))
        case None:
            pass
        case _:
            problem = "should be a VirtioFs, a NineP or None"
            raise ArgumentError("sandbox.shared_fs", given, problem)
    shm_size_bytes = checked_number("sandbox.shm_size_bytes", sandbox.shm_size_bytes, most=MAX_U64)
    if shm_size_bytes:
        storages.append(_shm(shm_size_bytes))
    return storages


def _virtio_fs(shared: VirtioFs) -> Storage:
    # Without a window to map files into, or with files that aren't to be cached, DAX would have the
    # host's daemon crash.
    window_mib = checked_number("sandbox.shared_fs.dax_window_mib", shared.dax_window_mib)
    dax = shared.cache not in _WITHOUT_DAX and window_mib != 0
    return Storage(
        driver="virtio-fs",
        source=SHARED_TAG,
        fstype="virtiofs",
        mount_point=NYDUS_PATH if shared.nydus else SHARED_PATH,
        options=("dax",) if dax else (),
    )


def _nine_p(shared: NineP) -> Storage:
    msize_bytes = checked_number("sandbox.shared_fs.msize_bytes", shared.msize_bytes)
    return Storage(
        driver="9p",
        source=SHARED_TAG,
        fstype="9p",
        mount_point=SHARED_PATH,
        options=(
            "trans=virtio,version=9p2000.L,cache=mmap",
            "nodev",
            f"msize={msize_bytes}",
        ),
    )


def _shm(size_bytes: int) -> Storage:
    return Storage(
        driver="ephemeral",
        source="shm",
        fstype="tmpfs",
        mount_point=SHM_PATH,
        options=("noexec", "nosuid", "nodev", "mode=1777", f"size={size_bytes}"),
    )
