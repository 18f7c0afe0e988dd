"""What a guest mounts for its sandbox."""

import pytest

from kata_exporter.agent.storages import sandbox_storages
from kata_exporter.agent.types import NineP, SandboxConfig, Storage, VirtioFs, VirtioFsCache
from kata_exporter.errors import ArgumentError

SHARED = "/run/kata-containers/shared/containers/"


def test_sandbox_that_shares_nothing_has_nothing() -> None:
    assert sandbox_storages(SandboxConfig("sb-one")) == []


@pytest.mark.parametrize(
    ("shared", "mount_point", "options"),
    [
        (VirtioFs(), SHARED, ()),
        (VirtioFs(VirtioFsCache.AUTO, 1024), SHARED, ("dax",)),
        (VirtioFs(VirtioFsCache.ALWAYS, 1024), SHARED, ("dax",)),
        (VirtioFs(VirtioFsCache.ALWAYS, 0), SHARED, ()),
        (VirtioFs(VirtioFsCache.NEVER, 1024), SHARED, ()),
        (VirtioFs(VirtioFsCache.METADATA, 1024), SHARED, ()),
        (VirtioFs(nydus=True), "/run/kata-containers/shared/", ()),
    ],
)
def test_virtio_fs_has_dax_where_there_is_a_window_and_a_cache(
    shared: VirtioFs, mount_point: str, options: tuple[str, ...]
) -> None:
    assert sandbox_storages(SandboxConfig("sb-one", shared_fs=shared)) == [
        Storage("virtio-fs", "kataShared", "virtiofs", mount_point, options)
    ]


def test_nine_p_has_its_message_size_each_time_once() -> None:
    """Kata's own client grows a list of options with each sandbox."""
    sandbox = SandboxConfig("sb-one", shared_fs=NineP(4096))

    for _ in range(2):
        (storage,) = sandbox_storages(sandbox)
        assert (storage.driver, storage.fstype, storage.mount_point) == ("9p", "9p", SHARED)
        assert storage.options == (
            *("trans=virtio,version=9p2000.L,cache=mmap", "nodev", "msize=4096"),
        )


def test_shm_is_a_tmpfs_of_its_size() -> None:
    assert sandbox_storages(SandboxConfig("sb-one", shm_size_bytes=1 << 26)) == [
        Storage(
            "ephemeral",
            "shm",
            "tmpfs",
            "/run/kata-containers/sandbox/shm",
            ("noexec", "nosuid", "nodev", "mode=1777", "size=67108864"),
        )
    ]


@pytest.mark.parametrize(
    ("sandbox", "argument"),
    [
        (SandboxConfig("sb-one", shm_size_bytes=-1), "sandbox.shm_size_bytes"),
        (SandboxConfig("sb-one", shared_fs=NineP(-1)), "sandbox.shared_fs.msize_bytes"),
        (
            SandboxConfig("sb-one", shared_fs=VirtioFs(dax_window_mib=-1)),
            "sandbox.shared_fs.dax_window_mib",
        ),
    ],
)
def test_negative_sizes_are_refused(sandbox: SandboxConfig, argument: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        sandbox_storages(sandbox)

    assert caught.value.argument == argument
