"""ttrpc for asyncio: containerd's small RPC protocol, which Kata's agent speaks.

Protocol cores without IO (`client_protocol`, `server_protocol`), a `Client` and a `Server` on
them. Imports nothing of the rest of the package. Unary calls only: the agent has no others.
"""

from kata_exporter.ttrpc.acceptor import Acceptor
from kata_exporter.ttrpc.client import DIAL_SECONDS, Client, Dial
from kata_exporter.ttrpc.client_protocol import Dropped
from kata_exporter.ttrpc.codes import Code
from kata_exporter.ttrpc.connection import Call, CallTrace, ClientConnection
from kata_exporter.ttrpc.envelope import METADATA_KEY, Metadata
from kata_exporter.ttrpc.errors import (
    ConnectError,
    ConnectionClosed,
    DeadlineExceeded,
    MessageTooLarge,
    Phase,
    ProtocolViolation,
    StatusError,
    TtrpcError,
    Violation,
    printable,
)
from kata_exporter.ttrpc.frames import MAX_MESSAGE_BYTES
from kata_exporter.ttrpc.server import Handler, Server, ServerRequest

__all__ = [
    "DIAL_SECONDS",
    "MAX_MESSAGE_BYTES",
    "METADATA_KEY",
    "Acceptor",
    "Call",
    "CallTrace",
    "Client",
    "ClientConnection",
    "Code",
    "ConnectError",
    "ConnectionClosed",
    "DeadlineExceeded",
    "Dial",
    "Dropped",
    "Handler",
    "MessageTooLarge",
    "Metadata",
    "Phase",
    "ProtocolViolation",
    "Server",
    "ServerRequest",
    "StatusError",
    "TtrpcError",
    "Violation",
    "printable",
]
