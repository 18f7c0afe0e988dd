"""What a runtime has beside the agent, and a client reaches into: its VMM and its shared files.

A client that is used on its own has neither. Then `NoHypervisor` and `NoSharing` stand in, which do
nothing but say so in the log, at debug level.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kata_exporter.agent.types import ContainerConfig, SandboxConfig, Storage

logger = logging.getLogger(__name__)

SHARED_TAG = "kataShared"
"""Under which the guest finds the shared folder."""


class Hypervisor(Protocol):
    """The VM's side of an agent's configuration."""

    @property
    def remote(self) -> bool:
        """Whether the VM runs on another machine, as with peer pods."""

    def agent_url(self, sandbox_id: str) -> str | None:
        """Return the URL of the socket that will lead to the agent; None where it makes none."""

    async def add_vsock(self, url: str) -> None:
        """Give the VM the device behind a ``vsock`` or ``hvsock`` URL."""

    async def share_directory(self, path: Path, tag: str) -> None:
        """Make a folder of the host, and give the VM a device that shows it under `tag`.

        Does nothing where the VMM can't share files.
        """


class NoHypervisor:
    """There is none: the VM is somebody else's."""

    remote = False

    def agent_url(self, sandbox_id: str) -> str | None:
        """Make no address."""
        logger.debug("no hypervisor to make an address for sandbox %s", sandbox_id)
        return None

    async def add_vsock(self, url: str) -> None:
        """Add no device."""
        logger.debug("no hypervisor to give a device for %s", url)

    async def share_directory(self, path: Path, tag: str) -> None:
        """Share nothing."""
        logger.debug("no hypervisor to share %s as %s", path, tag)


@dataclass(frozen=True, slots=True)
class SharedRootfs:
    """A container's files as the guest sees them.

    Args:
        path: of the root file system.
        storages: what the guest mounts for it, in order.
        mount_sources: by the destination of a mount, where its source is in the guest.
    """

    path: str
    storages: tuple[Storage, ...] = ()
    mount_sources: Mapping[str, str] = field(default_factory=dict)


class FileSharing(Protocol):
    """How the files of containers get into the guest.

    Volumes are part of that, each in the way of its kind. What the guest has to mount for one
    (ephemeral, local and block volumes, huge pages, layers of an image) is a storage of the
    `SharedRootfs`; where a mount of the specification is found in the guest is one of its
    ``mount_sources``. Devices that are plugged into the VM for a container, VFIO and block ones, are
    given by the caller, in ``ContainerConfig.devices``.
    """

    async def share_rootfs(
        self, sandbox: SandboxConfig, container: ContainerConfig
    ) -> SharedRootfs:
        """Show a container's root file system, mounts and volumes to the guest."""

    async def unshare_rootfs(self, sandbox: SandboxConfig, container: ContainerConfig) -> None:
        """Undo `share_rootfs`, as far as it went."""

    async def cleanup(self, sandbox: SandboxConfig) -> None:
        """Unmount and remove what was shared with a sandbox."""


class NoSharing:
    """Files are in the guest already; a container's root is where its specification says."""

    async def share_rootfs(
        self, sandbox: SandboxConfig, container: ContainerConfig
    ) -> SharedRootfs:
        """Share nothing."""
        logger.debug("nothing shared with sandbox %s for container %s", sandbox.id, container.id)
        root = container.spec.root
        return SharedRootfs("" if root is None else root.path)

    async def unshare_rootfs(self, sandbox: SandboxConfig, container: ContainerConfig) -> None:
        """Unshare nothing."""
        logger.debug("nothing unshared from %s for container %s", sandbox.id, container.id)

    async def cleanup(self, sandbox: SandboxConfig) -> None:
        """Clean nothing up."""
        logger.debug("nothing to clean up on the host for sandbox %s", sandbox.id)


@dataclass(frozen=True, slots=True)
class Host:
    """What a client's user has on the host."""

    hypervisor: Hypervisor = field(default_factory=NoHypervisor)
    sharing: FileSharing = field(default_factory=NoSharing)
