"""Answers of a hostile agent, from bytes to what is published of them.

The first byte says which call is answered.
"""

from google.protobuf.message import DecodeError

from fuzz.published import assert_sound
from kata_exporter._pb import agent_pb2
from kata_exporter.agent.messages.guest import guest_details
from kata_exporter.agent.messages.stats import container_stats
from kata_exporter.collectors.containers.reader import ContainerReader
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.reader import GuestReader
from kata_exporter.guest.rejects import GuestTextError
from kata_exporter.guest.schema import schema_for

_VERSIONS = ("", "2.0.0", "3.2.0", "4.1.0")


def try_one(data: bytes) -> None:
    """No bytes are anything but an answer, a DecodeError, or a text that is refused."""
    kind, body = (data[0], data[1:]) if data else (0, b"")
    version = _VERSIONS[kind // 3 % len(_VERSIONS)]
    try:
        _take(kind % 3, body, version)
    except (DecodeError, GuestTextError):
        return


def _take(kind: int, body: bytes, version: str) -> None:
    if kind == 0:
        stats = container_stats(agent_pb2.StatsContainerResponse.FromString(body))
        reader = ContainerReader("", version)
        first, second = (reader.read(stats, now).chunks for now in (0.0, 15.0))
        assert [chunk.lines for chunk in first] == [chunk.lines for chunk in second]
        assert_sound(first)
    elif kind == 1:
        text = agent_pb2.Metrics.FromString(body).metrics
        guest = GuestReader("", schema_for(version), layouts=LayoutCache())
        assert_sound(guest.read(text, 0.0).chunks)
    else:
        guest_details(agent_pb2.GuestDetailsResponse.FromString(body))
