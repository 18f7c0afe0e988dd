"""What a container is made of: its specification, storages and devices."""

from dataclasses import dataclass
from enum import StrEnum

from kata_exporter.agent.types.oci import Spec


class FSGroupChangePolicy(StrEnum):
    """When the group of a volume's files is set, in Kubernetes' words."""

    ALWAYS = "Always"
    ON_ROOT_MISMATCH = "OnRootMismatch"


@dataclass(frozen=True, slots=True)
class FSGroup:
    """The group that a volume's files are given."""

    group_id: int
    group_change_policy: FSGroupChangePolicy = FSGroupChangePolicy.ALWAYS


@dataclass(frozen=True, slots=True)
class Storage:
    """Something that the guest mounts; ``driver`` is one of `GuestDetails.storage_handlers`."""

    driver: str = ""
    source: str = ""
    fstype: str = ""
    mount_point: str = ""
    options: tuple[str, ...] = ()
    driver_options: tuple[str, ...] = ()
    fs_group: FSGroup | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """A device that the guest has and the container gets; ``type`` is a `device_handlers` name."""

    container_path: str
    type: str = ""
    id: str = ""
    vm_path: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """A container to be created.

    ``spec`` is the OCI specification as the runtime got it: what makes sense only on the host is
    taken out on the way. ``storages`` come after those of the root file system.
    """

    id: str
    spec: Spec
    storages: tuple[Storage, ...] = ()
    devices: tuple[Device, ...] = ()
