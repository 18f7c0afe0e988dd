"""What the configuration's files hold at one time.

Looks are compared by a checksum of names and contents, never by times of change: Kubernetes replaces
a ConfigMap's files by turning a symlink over, and editors by renaming.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kata_exporter.config.file import MAX_FILE_BYTES, list_folder, open_folder, read_file
from kata_exporter.config.problems import shown_path
from kata_exporter.errors import ConfigError

MAX_FOLDER_BYTES = 16 * 1024 * 1024
"""How much all files of a folder may hold together."""


@dataclass(frozen=True, slots=True)
class FileLook:
    """A file, or folder, by its name for messages: its text, or why there is none."""

    name: str
    text: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    ``main`` is the configuration file, where one is named. ``folder`` is the folder of more
    sandboxes, and ``folder_is_there`` whether it exists; ``files`` are its files, by name.
    """

    main: FileLook | None = None
    folder: Path | None = None
    folder_is_there: bool = False
    files: tuple[FileLook, ...] = ()

    @property
    def all_files(self) -> tuple[FileLook, ...]:
        """Every file, in the order of reading."""
        return self.files if self.main is None else (self.main, *self.files)

    def checksum(self) -> str:
        """Return a checksum of all names, contents and errors."""
        digest = hashlib.sha256(b"folder" if self.folder_is_there else b"")
        for file in self.all_files:
            for text in (file.name, file.text, file.error):
                part = text.encode()
                digest.update(len(part).to_bytes(8, "big"))
                digest.update(part)
        return digest.hexdigest()


def look_at_file(path: Path) -> FileLook:
    """Read a file; raises nothing."""
    return _read(path, MAX_FILE_BYTES, None)


def look_at_folder(path: Path) -> tuple[bool, tuple[FileLook, ...]]:
    """Read a folder's files; return whether it is there, and them. Raises nothing."""
    try:
        with open_folder(path) as folder:
            if folder is None:
                return False, ()
            return True, tuple(_read_all(list_folder(folder, path), folder))
    except ConfigError as error:
        return True, (FileLook(shown_path(path), error=str(error)),)


def _read_all(paths: list[Path], folder: int) -> Iterator[FileLook]:
    left = MAX_FOLDER_BYTES
    for path in paths:
        file = _read(path, min(left, MAX_FILE_BYTES), folder)
        left -= len(file.text.encode())
        yield file


def _read(path: Path, at_most: int, folder: int | None) -> FileLook:
    name = shown_path(path)
    try:
        return FileLook(name, read_file(path, at_most=at_most, folder=folder))
    except ConfigError as error:
        return FileLook(name, error=str(error))
