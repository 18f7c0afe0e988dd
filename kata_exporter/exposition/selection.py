"""Part of a page: chosen by collectors, by metrics and by sandboxes, out of what was collected."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from kata_exporter.metrics import Chunk
from kata_exporter.model import Sandbox


@dataclass(frozen=True, slots=True)
class Selection:
    """What a page is to show; None stands for all.

    ``collectors`` are names, and so are ``metrics``, as they stand on their TYPE lines; ``sandboxes``
    are ids. What the host knows of a sandbox is no collector's: only metrics and sandboxes leave it
    out.
    """

    collectors: frozenset[str] | None = None
    metrics: frozenset[str] | None = None
    sandboxes: frozenset[str] | None = None


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Choices:
    """What a selection may name.

    ``collectors`` says of each whether it is on, ``metrics`` has the family of each name, and
    ``sandboxes`` are ids.
    """

    collectors: Mapping[str, bool]
    metrics: Mapping[str, str]
    sandboxes: Collection[str]


class View(Protocol):
    """What is shown of one sandbox."""

    @property
    def sandbox(self) -> Sandbox:
        """Whom it is about."""

    @property
    def host(self) -> tuple[Chunk, ...]:
        """Of what the host knows."""

    @property
    def parts(self) -> Mapping[str, tuple[Chunk, ...]]:
        """Of what its agent said, by collector."""


def select(views: Iterable[View], selection: Selection) -> Iterator[Chunk]:
    """Yield the chunks that a page shows; none is looked into."""
    collectors, metrics, sandboxes = (
        selection.collectors,
        selection.metrics,
        selection.sandboxes,
    )
    for view in views:
        if sandboxes is not None and view.sandbox.id not in sandboxes:
            continue
        chosen = (
            chunks
            for name, chunks in view.parts.items()
            if collectors is None or name in collectors
        )
        chunks = chain(view.host, chain.from_iterable(chosen))
        if metrics is None:
            yield from chunks
        else:
            yield from (chunk for chunk in chunks if chunk.shape.metric.name in metrics)
