"""The folders in which shims keep one for each sandbox."""

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.cli.doctor.surroundings import in_container
from kata_exporter.discovery.shim import SOCKET_NAME
from kata_exporter.model import SANDBOX_ID

ID = "directory"
MAX_ENTRIES = 10_000
"""How many folders are looked at, in each directory."""

_RUNTIMES = {"/run/vc/sbs": "Go runtime", "/run/kata": "runtime-rs"}

_MOUNTS = {"/run/vc/sbs": "/run/vc"}
"""What to mount where more is needed than a directory itself: VMs have their sockets beside it."""


class Condition(StrEnum):
    """What is at a directory's path."""

    READABLE = "readable"
    ABSENT = "absent"
    DENIED = "denied"
    NO_DIRECTORY = "no_directory"


@dataclass(frozen=True, slots=True)
class Directory:
    """One of them. ``owner`` (a user's number) and ``mode`` are 0 where it can't be looked at."""

    path: str
    condition: Condition
    sandboxes: tuple[str, ...] = ()
    """Ids of those with a shim's socket."""
    without_socket: int = 0
    """Folders of sandboxes that have none."""
    owner: int = 0
    mode: int = 0


@dataclass(frozen=True, slots=True)
class DirectoryFacts:
    """All of them, and what their absence depends on; ``listed`` sandboxes need none of them."""

    directories: tuple[Directory, ...]
    listed: int
    in_container: bool


async def probe(node: Node) -> DirectoryFacts:
    """Look into each directory."""
    paths = node.settings.discovery.directories
    found = await asyncio.gather(*(asyncio.to_thread(look, path) for path in paths))
    return DirectoryFacts(tuple(found), len(node.settings.sandboxes), in_container())


def look(path: str) -> Directory:
    """Return what is at a path."""
    try:
        status = Path(path).stat()
        owner, mode = status.st_uid, stat.S_IMODE(status.st_mode)
    except FileNotFoundError:
        return Directory(path, Condition.ABSENT)
    except PermissionError:
        return Directory(path, Condition.DENIED)
    try:
        folders = list(_folders(path))
        with_socket = [name for name in folders if _has_socket(Path(path, name))]
    except NotADirectoryError:
        return Directory(path, Condition.NO_DIRECTORY, owner=owner, mode=mode)
    except PermissionError:
        return Directory(path, Condition.DENIED, owner=owner, mode=mode)
    return Directory(
        path,
        Condition.READABLE,
        tuple(sorted(with_socket)),
        len(folders) - len(with_socket),
        owner,
        mode,
    )


def _folders(path: str) -> Iterator[str]:
    with os.scandir(path) as entries:
        for entry in islice(entries, MAX_ENTRIES):
            if SANDBOX_ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                yield entry.name


def _has_socket(folder: Path) -> bool:
    try:
        return stat.S_ISSOCK((folder / SOCKET_NAME).lstat().st_mode)
    except FileNotFoundError:
        return False


def judge(facts: DirectoryFacts) -> Sequence[Finding]:
    """Judge each directory; one that is absent is bad where it leaves nothing to find."""
    readable = [d for d in facts.directories if d.condition is Condition.READABLE]
    if not facts.directories and facts.listed:
        return [Finding(ID, Verdict.SKIPPED, "none is searched", facts=facts)]
    if not facts.directories:
        advice = ("name one with --discovery.directory, or list sandboxes",)
        return [Finding(ID, Verdict.PROBLEM, "none is searched", advice, facts=facts)]
    return [
        _judge_one(each, facts, is_only_hope=not readable and not facts.listed)
        for each in facts.directories
    ]


def _judge_one(directory: Directory, facts: DirectoryFacts, *, is_only_hope: bool) -> Finding:
    def finding(verdict: Verdict, summary: str, *advice: str) -> Finding:
        summary = f"{_named(directory.path)}: {summary}"
        return Finding(ID, verdict, summary, advice, directory.path, directory)

    match directory.condition:
        case Condition.READABLE:
            found = f"{len(directory.sandboxes)} sandboxes"
            if directory.without_socket:
                found += f", and {directory.without_socket} folders without {SOCKET_NAME}"
            return finding(Verdict.OK, found)
        case Condition.ABSENT:
            if not (is_only_hope or facts.in_container):
                return finding(Verdict.OK, "not there, and needed only once a shim makes it")
            verdict = Verdict.PROBLEM if is_only_hope else Verdict.WARNING
            return finding(verdict, "not there", _advice_on_absence(directory.path, facts))
        case Condition.DENIED:
            owner, mode = directory.owner, directory.mode
            whose = f" (it belongs to user {owner}, mode {mode:04o})" if mode else ""
            return finding(Verdict.PROBLEM, "may not be read", f"run the exporter as root{whose}")
        case Condition.NO_DIRECTORY:
            advice = "look who put a file there, or name another with --discovery.directory"
            return finding(Verdict.PROBLEM, "not a directory", advice)


def _advice_on_absence(path: str, facts: DirectoryFacts) -> str:
    if facts.in_container:
        volume = "a hostPath volume of type DirectoryOrCreate, since it may come later"
        return f"mount the host's {_MOUNTS.get(path, path)} at the same path: {volume}"
    return (
        "it comes with the first sandbox; where shims use another, name it: --discovery.directory"
    )


def _named(path: str) -> str:
    runtime = _RUNTIMES.get(path)
    return f"{path} ({runtime})" if runtime else path


CHECK = Check(ID, probe, judge)
