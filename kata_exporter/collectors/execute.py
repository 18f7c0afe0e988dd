"""The one wrapper around a collector: it times it, judges it, and keeps its faults to itself."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kata_exporter.agent.errors import AgentError
from kata_exporter.clock import Clock
from kata_exporter.errors import AddressError, ArgumentError, Reason
from kata_exporter.guest.rejects import GuestTextError
from kata_exporter.metrics import Chunk
from kata_exporter.model import NO_READING, MemoryReading
from kata_exporter.snapshot import CollectorResult

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collector brought; with an error where it got only a part of it."""

    chunks: tuple[Chunk, ...]
    error: AgentError | ArgumentError | None = None
    memory: MemoryReading = NO_READING


async def execute(
    name: str, work: Callable[[], Awaitable[Collected]], clock: Clock
) -> CollectorResult:
    """Run a collector's work; whatever it raises becomes a result.

    Only cancellation goes through.
    """
    started = clock.monotonic()
    remembered = False
    memory = NO_READING
    try:
        collected = await work()
    except (AgentError, ArgumentError, AddressError) as error:
        reason, chunks, detail = error.reason, None, str(error)
        remembered = isinstance(error, AgentError) and error.remembered
    except GuestTextError as error:
        reason, chunks, detail = Reason.REJECTED, None, str(error)
    except Exception as error:
        # A fault of ours in one collector must not silence the others.
        logger.exception("collector %s failed", name)
        reason, chunks, detail = Reason.REJECTED, None, f"internal error: {type(error).__name__}"
    else:
        reason, chunks, detail = Reason.OK, collected.chunks, ""
        memory = collected.memory
        if collected.error is not None:
            reason, detail = collected.error.reason, str(collected.error)
    return CollectorResult(
        reason, chunks, detail, clock.monotonic() - started, remembered=remembered, memory=memory
    )
