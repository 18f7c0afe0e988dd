"""What an exporter takes from its agents, counted at its own sockets."""

import socket
from dataclasses import dataclass, field

from kata_exporter.sockets import AgentUrl, Dial, Dialer


@dataclass(slots=True)
class Wire:
    """One connection to an agent: what was read from it so far, and whether it is open."""

    url: str
    received_bytes: int = 0
    open: bool = True


@dataclass(slots=True)
class Meter:
    """Every connection that was made, in that order."""

    wires: list[Wire] = field(default_factory=list)

    @property
    def received_bytes(self) -> int:
        """What was read from all of them."""
        return sum(wire.received_bytes for wire in self.wires)

    def of(self, url: str) -> list[Wire]:
        """Return the connections to one agent."""
        return [wire for wire in self.wires if wire.url == url]


class MeteredDialer(Dialer):
    """Dials as a `Dialer` does, and counts.

    Args:
        meter: takes the counts.
    """

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def dial(self, url: AgentUrl) -> Dial:
        """Return the dial of a URL, whose sockets are counted."""
        plain = super().dial(url)

        async def dial(deadline: float) -> socket.socket:
            wire = Wire(str(url))
            metered = MeteredSocket(await plain(deadline), wire)
            self._meter.wires.append(wire)
            return metered

        return dial


class MeteredSocket(socket.socket):
    """Takes over a connected socket, and counts what is read from it."""

    def __init__(self, sock: socket.socket, wire: Wire) -> None:
        self._wire = wire
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.setblocking(False)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Read, and count."""
        data = super().recv(bufsize, flags)
        self._wire.received_bytes += len(data)
        return data

    def close(self) -> None:
        """Close, and say so."""
        self._wire.open = False
        super().close()
