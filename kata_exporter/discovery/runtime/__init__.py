"""The node's container runtime: where its socket is, and calling its gRPC services."""

from kata_exporter.discovery.runtime.channel import RuntimeChannel
from kata_exporter.discovery.runtime.endpoint import (
    CONTAINERD_SOCKETS,
    CRI_SOCKETS,
    Endpoint,
)
from kata_exporter.discovery.runtime.outage import OutageLog
from kata_exporter.discovery.runtime.sessions import Sessions

__all__ = [
    "CONTAINERD_SOCKETS",
    "CRI_SOCKETS",
    "Endpoint",
    "OutageLog",
    "RuntimeChannel",
    "Sessions",
]
