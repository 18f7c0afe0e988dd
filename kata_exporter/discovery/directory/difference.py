"""What a look changes of what is known. Pure: no IO, no clock, nothing kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from kata_exporter.discovery.directory.folder import Found


@dataclass(frozen=True, slots=True)
class Difference:
    """What is known after a look, the ids that have gone, and those that are new or born again."""

    found: Mapping[str, Found]
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


def difference(known: Mapping[str, Found], looked: Mapping[str, Found | None]) -> Difference:
    """Compare what is known with what a look has seen.

    Args:
        known: sandboxes by id.
        looked: the ids that were looked at, and what is there now; others stay as they are.
    """
    found = dict(known)
    gone: list[str] = []
    new: list[str] = []
    for sandbox_id in sorted(looked):
        now = looked[sandbox_id]
        if now == known.get(sandbox_id):
            continue
        if now is None:
            del found[sandbox_id]
            gone.append(sandbox_id)
        else:
            found[sandbox_id] = now
            new.append(sandbox_id)
    return Difference(found, tuple(gone), tuple(new))
