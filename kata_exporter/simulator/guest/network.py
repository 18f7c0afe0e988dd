"""The network interfaces of a simulated guest."""

from random import Random

from kata_exporter.simulator.guest.profiles import Range
from kata_exporter.simulator.guest.wave import Wave

_NEVER = (
    "recv_compressed recv_drop recv_errs recv_fifo recv_frame "
    "sent_carrier sent_colls sent_compressed sent_drop sent_errs sent_fifo"
).split()


class Interface:
    """An interface with traffic in packets of one mean size, and no errors.

    Args:
        rng: what its peculiarities are drawn from.
        name: as in the guest.
        traffic: bytes a second in each direction are drawn from it.
        looped: what it sends is what it receives.
    """

    def __init__(self, rng: Random, name: str, traffic: Range, *, looped: bool = False) -> None:
        self.name = name
        self._packet_bytes = rng.randint(300, 1200)
        self._multicast_share = 0 if looped else 400
        self._received = Wave.random(rng, traffic.draw(rng))
        self._sent = self._received if looped else Wave.random(rng, traffic.draw(rng))

    def at(self, uptime: float) -> dict[str, int]:
        """Return its line of /proc/net/dev: bytes and packets."""
        received, sent = int(self._received.total(uptime)), int(self._sent.total(uptime))
        packets = received // self._packet_bytes
        return dict.fromkeys(_NEVER, 0) | {
            "recv_bytes": received,
            "recv_multicast": packets // self._multicast_share if self._multicast_share else 0,
            "recv_packets": packets,
            "sent_bytes": sent,
            "sent_packets": sent // self._packet_bytes,
        }
