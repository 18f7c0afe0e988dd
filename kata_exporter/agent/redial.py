"""Dialling again and again, for a guest that is booting."""

import socket

from kata_exporter.agent.connections import DialUrl
from kata_exporter.clock import Clock
from kata_exporter.errors import DialError, VsockForbidden
from kata_exporter.ttrpc import Dial

PAUSE_SECONDS = 0.02


def redialling(dial_url: DialUrl, clock: Clock) -> DialUrl:
    """Return dials that try again after a failure, for as long as a dial may take.

    What Kata's runtime does for a VM that it has just started. When time runs out they raise what
    the last try did. A kernel that forbids AF_VSOCK isn't asked again.
    """

    def dial_again_url(url: str) -> Dial:
        dial = dial_url(url)

        async def dial_again(deadline: float) -> socket.socket:
            while True:
                try:
                    return await dial(deadline)
                except VsockForbidden:
                    raise
                except (DialError, TimeoutError):
                    # A VMM that says nothing for the time of a handshake may do so later.
                    if clock.monotonic() + PAUSE_SECONDS >= deadline:
                        raise
                await clock.sleep(PAUSE_SECONDS)

        return dial_again

    return dial_again_url
