"""Which socket containerd is subscribed to on."""

from collections.abc import Sequence

from kata_exporter.discovery.runtime import CONTAINERD_SOCKETS, Endpoint


def containerd_endpoint(text: str, *, sockets: Sequence[str] = CONTAINERD_SOCKETS) -> Endpoint:
    """Read the setting ``containerd.endpoint``; raises `ConfigError` as `Endpoint.parse` does."""
    return Endpoint.parse(text, sockets, setting="containerd.endpoint")
