"""What is wrong with a configuration, gathered so that one run shows all of it."""

from pathlib import Path

from kata_exporter.errors import ConfigError

MAX_LISTED = 100


class Problems:
    """Gathers problems, and raises them as one error with a line for each."""

    def __init__(self) -> None:
        self._of_files: list[tuple[int, int, str]] = []
        self._files: dict[str, int] = {}
        self._others: list[str] = []

    def add(self, text: str) -> None:
        """Add a problem of no line of a file; `text` names the flag, variable or file."""
        self._others.append(text)

    def add_to_file(self, file: str, line: int, key: str, text: str) -> None:
        """Add a problem of a file at `line` (from 1) and dotted `key` ("" for none)."""
        where = f"{file}:{line}: {key}: " if key else f"{file}:{line}: "
        order = self._files.setdefault(file, len(self._files))
        self._of_files.append((order, line, where + text))

    def raise_if_any(self) -> None:
        """Raise what was gathered: each file's in the order of its lines, then the others.

        Raises:
            ConfigError: there are problems; at most 100 are listed, the others counted.
        """
        lines = [text for *_, text in sorted(self._of_files, key=lambda problem: problem[:2])]
        lines += self._others
        if not lines:
            return
        if len(lines) > MAX_LISTED:
            lines[MAX_LISTED:] = [f"and {len(lines) - MAX_LISTED} more errors like these"]
        raise ConfigError("\n".join(lines))


def shown_path(path: Path) -> str:
    """Return `path` for a message: as it stands, or escaped where it wouldn't stay on one line."""
    text = str(path)
    return text if text.isprintable() else repr(text)
