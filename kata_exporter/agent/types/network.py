"""A guest's network: interfaces, routes and neighbours, as the agent takes and gives them."""

from dataclasses import dataclass
from enum import StrEnum


class IPFamily(StrEnum):
    """Version of the internet protocol."""

    V4 = "v4"
    V6 = "v6"


@dataclass(frozen=True, slots=True)
class IPAddress:
    """An address; ``mask`` is the length of its prefix as text, as in ``24``."""

    address: str
    mask: str = ""
    family: IPFamily = IPFamily.V4


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface.

    The guest finds it by ``device_path`` (a PCI path, as in ``02/01``) or ``hw_addr``, and gives it
    ``name``, the addresses and the MTU. ``raw_flags`` are bits of IFF_*.
    """

    name: str = ""
    device: str = ""
    ip_addresses: tuple[IPAddress, ...] = ()
    mtu_bytes: int = 0
    hw_addr: str = ""
    device_path: str = ""
    type: str = ""
    raw_flags: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """A route; an empty ``dest`` is the default route. ``scope`` is RT_SCOPE_*, ``flags`` RTNH_F_*."""

    dest: str = ""
    gateway: str = ""
    device: str = ""
    source: str = ""
    scope: int = 0
    family: IPFamily = IPFamily.V4
    flags: int = 0
    mtu_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ARPNeighbor:
    """An entry of the neighbour table; ``state`` is NUD_*, ``flags`` are bits of NTF_*."""

    to_ip_address: IPAddress
    device: str = ""
    lladdr: str = ""
    state: int = 0
    flags: int = 0
