"""A page as a test looks at it: series by sandbox, comments, counts."""

import re
from collections.abc import Mapping

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{.*\})?) (\S+)")
_MEASURED = re.compile(r"kata_guest_(?!oom_)|kata_container_(?!info|oom_|last_oom_)")
"""What is counted of OOMs stays, whatever an agent answers later."""


class Page:
    """A page of metrics.

    Raises:
        AssertionError: a line is neither a comment nor a series with one value, or a series is
            there twice.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.comments: list[str] = []
        self.series: dict[str, str] = {}
        for line in text.splitlines():
            if line.startswith("#"):
                self.comments.append(line)
                continue
            match = _SAMPLE.fullmatch(line)
            assert match is not None, line
            assert match[1] not in self.series, line
            self.series[match[1]] = match[2]

    @property
    def families(self) -> set[str]:
        """The names on TYPE lines."""
        return {line.split()[2] for line in self.comments if line.startswith("# TYPE ")}

    def of(self, sandbox_id: str) -> dict[str, str]:
        """The series that have this sandbox's id, and their values."""
        return {s: v for s, v in self.series.items() if f'{{sandbox_id="{sandbox_id}",' in s}

    def measured(self, sandbox_id: str) -> dict[str, str]:
        """Those of them that its agent's answers gave."""
        return {s: v for s, v in self.of(sandbox_id).items() if _MEASURED.match(s)}

    def rejected(self) -> Mapping[str, float]:
        """How much was refused so far, by reason."""
        return self.counts("kata_exporter_rejected_total", "reason")

    def counts(self, name: str, label: str) -> Mapping[str, float]:
        """The values of a family with one label, by that."""
        pattern = re.compile(rf'{name}\{{{label}="([^"]*)"\}}')
        return {m[1]: float(v) for s, v in self.series.items() if (m := pattern.fullmatch(s))}


def growth(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What has become more, and by how much."""
    return {
        key: value - before.get(key, 0.0)
        for key, value in after.items()
        if value > before.get(key, 0.0)
    }
