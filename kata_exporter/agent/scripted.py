"""What a mock of an agent rests on: a record of calls, and answers from a script."""

import asyncio
import inspect
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from kata_exporter.agent.catalog import CATALOG
from kata_exporter.agent.errors import agent_error
from kata_exporter.errors import ArgumentError
from kata_exporter.ttrpc import ConnectionClosed

T = TypeVar("T")

_ENTRIES = {entry.name: entry for entries in CATALOG.values() for entry in entries}


@dataclass(frozen=True, slots=True)
class MockCall:
    """A call as it was made; ``arguments`` hold defaults as well."""

    method: str
    arguments: Mapping[str, object]


class Scripted:
    """Keeps calls, in order, and gives each the next answer of its script."""

    def __init__(self) -> None:
        self.calls: list[MockCall] = []
        self._script: dict[str, list[Any]] = {}
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)

    @property
    def methods(self) -> list[str]:
        """The names of what was asked, in order."""
        return [call.method for call in self.calls]

    def script(self, method: str, *answers: object) -> None:
        """Have a method give these answers one after the other, and the last one for ever.

        An answer is a value to return, an exception to raise, or a function without arguments that
        returns or, in what is awaited, awaits to one of these. Calls that wait for a script have
        one then.

        Raises:
            ArgumentError: there is no such method, or no answer.
        """
        entry = _ENTRIES.get(method)
        if entry is None or not entry.in_interface:
            raise ArgumentError("method", method, "should be a method of Agent")
        if not answers:
            raise ArgumentError("answers", answers, "should be one at least")
        self._script[method] = list(answers)
        for waiting in self._waiting.pop(method, ()):
            if not waiting.done():
                waiting.set_result(None)

    async def aclose(self) -> None:
        """End what waits for a script, with reason ``closed``, as a client does."""
        for method, waiting in self._waiting.items():
            closed = agent_error(_ENTRIES[method].rpcs[0].full_name, ConnectionClosed("closed"))
            for future in waiting:
                if not future.done():
                    future.set_exception(closed)
        self._waiting.clear()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _play(self, method: str, default: T, **arguments: object) -> T:
        self.calls.append(MockCall(method, arguments))
        given: T = _given(self._next(method, default))
        return given

    async def _answer(self, method: str, default: T, **arguments: object) -> T:
        self.calls.append(MockCall(method, arguments))
        return await self._awaited(method, default)

    async def _wait(self, method: str, kind: type[T], **arguments: object) -> T:
        """Give an answer of a kind once there is a script for it."""
        self.calls.append(MockCall(method, arguments))
        if method not in self._script:
            scripted = asyncio.get_running_loop().create_future()
            self._waiting[method].add(scripted)
            await scripted
        return await self._awaited(method, kind())

    async def _awaited(self, method: str, default: T) -> T:
        # As over a wire, others get their turn: a loop over calls can't hold up the event loop.
        await asyncio.sleep(0)
        answer: Any = _given(self._next(method, default))
        given: T = _given(await answer) if inspect.isawaitable(answer) else answer
        return given

    def _next(self, method: str, default: object) -> Any:
        answers = self._script.get(method, [default])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer() if callable(answer) else answer


def _given(answer: Any) -> Any:
    if isinstance(answer, BaseException):
        raise answer
    return answer
