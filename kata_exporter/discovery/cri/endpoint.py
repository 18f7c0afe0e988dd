"""Which socket CRI is asked on."""

from collections.abc import Sequence

from kata_exporter.clock import Clock
from kata_exporter.discovery.cri.runtime import answering_path
from kata_exporter.discovery.runtime import CRI_SOCKETS, Endpoint
from kata_exporter.errors import RuntimeCallError


def cri_endpoint(text: str, *, sockets: Sequence[str] = CRI_SOCKETS) -> Endpoint:
    """Read the setting ``cri.endpoint``; raises `ConfigError` as `Endpoint.parse` does."""
    return Endpoint.parse(text, sockets, setting="cri.endpoint")


async def resolve_endpoint(
    text: str, *, clock: Clock, sockets: Sequence[str] = CRI_SOCKETS
) -> str | None:
    """Return the socket that ``cri.endpoint`` means now, as ``unix:///PATH``.

    Of ``auto`` it is the first socket that is there and answers Version. None: CRI is off, or no
    runtime is there now.

    Raises:
        ConfigError: the setting can't be read.
    """
    endpoint = cri_endpoint(text, sockets=sockets)
    if not endpoint.is_auto:
        return next((f"unix://{path}" for path in endpoint.paths), None)
    try:
        return f"unix://{await answering_path(endpoint, clock)}"
    except RuntimeCallError:
        return None
