"""What is wrong with a configuration, gathered so that one run shows all of it."""

from pathlib import Path

from kata_exporter.errors import ConfigError

MAX_LISTED = 100


class Problems:
    """Gathers problems, and raises them as one error with a line for each."""

    def __init__(self) -> None:
        self._of_file: list[tuple[int, str]] = []
        self._others: list[str] = []

    def add(self, text: str) -> None:
        """Add a problem that isn't the file's; `text` names the flag or variable."""
        self._others.append(text)

    def add_to_file(self, file: str, line: int, key: str, text: str) -> None:
        """Add a problem of the file at `line` (from 1) and dotted `key` ("" for none)."""
        where = f"{file}:{line}: {key}: " if key else f"{file}:{line}: "
        self._of_file.append((line, where + text))

    def raise_if_any(self) -> None:
        """Raise what was gathered: the file's in the order of its lines, then the others.

        Raises:
            ConfigError: there are problems; at most 100 are listed, the others counted.
        """
        lines = [text for _, text in sorted(self._of_file, key=lambda problem: problem[0])]
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
