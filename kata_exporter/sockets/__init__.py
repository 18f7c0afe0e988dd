"""Addresses of agents, and connecting to them, and safe sockets for all that listens on this host.

`Dialer` turns an `AgentUrl` into a dial that `ttrpc.Client` takes. What an administrator wrote is
connected to as it stands. What a shim announced is found below a folder, with no link on the way
(`find_socket`), and gets no byte before its peer was checked (`connect_beneath`).

Nothing of ours but ``errors`` is imported.
"""

from kata_exporter.sockets.beneath import connect_beneath
from kata_exporter.sockets.dialer import Connecting, Dial, Dialer, VsockConnect
from kata_exporter.sockets.hybrid import HANDSHAKE_SECONDS
from kata_exporter.sockets.peer import check_peer, peer_uid
from kata_exporter.sockets.pinned import PinnedSocket, find_socket
from kata_exporter.sockets.unix import SUN_PATH_BYTES, bind_unix, connect_unix
from kata_exporter.sockets.url import MAX_URL_CHARACTERS, AgentUrl, Scheme
from kata_exporter.sockets.vsock import connect_vsock

__all__ = [
    "HANDSHAKE_SECONDS",
    "MAX_URL_CHARACTERS",
    "SUN_PATH_BYTES",
    "AgentUrl",
    "Connecting",
    "Dial",
    "Dialer",
    "PinnedSocket",
    "Scheme",
    "VsockConnect",
    "bind_unix",
    "check_peer",
    "connect_beneath",
    "connect_unix",
    "connect_vsock",
    "find_socket",
    "peer_uid",
]
