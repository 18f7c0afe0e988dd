"""Collector of the guest's metrics: GetMetrics, held to the schema."""

import asyncio
from collections.abc import Callable

from kata_exporter.clock import Clock
from kata_exporter.collectors.execute import Collected
from kata_exporter.collectors.link import AgentLink
from kata_exporter.collectors.memory_reading import of_guest
from kata_exporter.guest.reader import GuestReader, GuestReading
from kata_exporter.guest.rejects import GuestTextError

NAME = "guest_metrics"

OFF_LOOP_CHARACTERS = 128 << 10
"""A text longer than this is read in a thread: real ones are 19 to 27 KB, and the largest that is
allowed takes long enough to hold up the event loop."""

OnRejected = Callable[[str, int], None]
"""Told how many lines, or whole texts, were refused for which reason."""

OnResets = Callable[[int], None]
"""Told how many counters fell and were taken as reset."""


async def collect_guest_metrics(
    link: AgentLink,
    reader: GuestReader,
    *,
    clock: Clock,
    deadline: float,
    on_rejected: OnRejected,
    on_resets: OnResets,
) -> Collected:
    """Ask for the guest's metrics and read them.

    Raises:
        AgentError: no usable answer.
        GuestTextError: the whole text was refused.
    """
    text = await link.ask(NAME, lambda observer: observer.guest_metrics(deadline=deadline))
    try:
        reading = await _read(reader, text, clock.monotonic())
    except GuestTextError as error:
        on_rejected(error.reason, 1)
        raise
    for reason, count in reading.rejected.items():
        on_rejected(reason, count)
    on_resets(reading.resets)
    chunks, memory = of_guest(reading.chunks)
    return Collected(chunks, memory=memory)


async def _read(reader: GuestReader, text: str, now: float) -> GuestReading:
    if len(text) <= OFF_LOOP_CHARACTERS:
        return reader.read(text, now)
    return await asyncio.to_thread(reader.read, text, now)
