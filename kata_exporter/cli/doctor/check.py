"""Running checks: each in its own time, and none in the way of another."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.clock import Clock
from kata_exporter.config.settings import Settings

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Node:
    """The machine as the exporter would use it.

    ``open_vsock`` opens an AF_VSOCK socket and closes it, and raises OSError where that is denied.
    """

    settings: Settings
    clock: Clock
    open_vsock: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Check(Generic[Facts]):
    """Something to look at.

    ``probe`` gathers facts within ``seconds``; ``judge`` is pure.
    """

    id: str
    probe: Callable[[Node], Awaitable[Facts]]
    judge: Callable[[Facts], Sequence[Finding]]
    seconds: float = 5.0


async def findings(checks: Sequence[Check[Any]], node: Node) -> AsyncGenerator[Finding, None]:
    """Run all checks at once, and yield what they find in their order, each as soon as it is known."""
    tasks = [asyncio.create_task(_found(check, node)) for check in checks]
    try:
        for task in tasks:
            for finding in await task:
                yield finding
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _found(check: Check[Any], node: Node) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(check.seconds):
            facts = await check.probe(node)
        return check.judge(facts)
    except TimeoutError:
        summary = f"not done within {check.seconds:g} s"
        advice = "look whether the machine is overloaded, and run doctor again"
    except Exception as error:  # noqa: BLE001  the other checks have to go on, whatever is wrong
        summary = f"could not be done: {type(error).__name__}: {error}"
        advice = "this is a fault of kata-exporter itself: please report it"
    return [Finding(check.id, Verdict.PROBLEM, summary, (advice,))]
