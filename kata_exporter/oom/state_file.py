"""The ledger over a restart of the exporter: one JSON file, written whole or not at all.

It holds counts and what tells events apart; nothing of a guest's words but what was checked before.
"""

import errno
import json
import logging
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from kata_exporter.metrics import Metric
from kata_exporter.model import SANDBOX_ID, Pod, Sandbox
from kata_exporter.oom.account import MAX_CONTAINERS, MAX_NAMES, Account, Key, Named
from kata_exporter.oom.ledger import MAX_GONE, Ledger
from kata_exporter.oom.lives import MAX_EVENTS, MAX_LIVES, Life, Lives

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
MAX_FILE_BYTES = 16 << 20
SET_ASIDE = ".corrupt"
"""What is added to the name of a file that can't be read."""

_MAX_COUNT = 2**63
_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


class StateError(ValueError):
    """A state file isn't one; the text says where."""


def dump(ledger: Ledger) -> bytes:
    """Return the ledger as a state file has it."""
    accounts = [_dumped(key, account) for key, account in ledger.accounts()]
    return json.dumps({"version": FORMAT_VERSION, "accounts": accounts}).encode()


def write(path: Path, data: bytes) -> None:
    """Write the file anew; a reader sees the old one or the new one.

    Raises:
        OSError: it can't be written; the old one is still there.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(
            temporary,
            os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC,
            0o600,
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def load(path: Path, ledger: Ledger, guest_kills: Metric) -> bool:
    """Have the ledger go on from a file; one that is corrupt is set aside, and told of in the log.

    Returns:
        Whether there was one that could be read.
    """
    try:
        data = _read(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        logger.warning("%s can't be read, so OOM counts begin anew: %s", path, error.strerror)
        return False
    try:
        accounts = _parsed(data, guest_kills)
    except StateError as error:
        _set_aside(path, error)
        return False
    for key, account in accounts:
        ledger.restore(key, account)
    return True


def _read(path: Path) -> bytes:
    """Read the file, and a byte more than is taken; nothing but a regular file, and never wait."""
    # Without O_NONBLOCK, opening a FIFO waits for somebody to write to it.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)


def _set_aside(path: Path, error: StateError) -> None:
    aside = path.with_name(path.name + SET_ASIDE)
    try:
        path.replace(aside)
    except OSError as problem:
        logger.warning(
            "%s is corrupt (%s), and can't be set aside: %s", path, error, problem.strerror
        )
    else:
        logger.warning(
            "%s is corrupt (%s): set aside as %s; OOM counts begin anew", path, error, aside
        )


def _dumped(key: Key, account: Account) -> dict[str, Any]:
    return {
        "sandbox_id": key.sandbox_id,
        "namespace": key.namespace,
        "pod": key.pod,
        "vmm_kills": [account.vmm.more, sorted(account.vmm.events)],
        "names": {
            name: [named.folded, named.inferred, named.last_oom_time]
            for name, named in account.names.items()
        },
        "containers": {
            container_id: [
                name,
                lives.before,
                [
                    [life.began_ns, life.ended_ns, sorted(life.events), life.more, life.has_status]
                    for life in lives.lives
                ],
            ]
            for container_id, (name, lives) in account.containers.items()
        },
    }


def _parsed(data: bytes, guest_kills: Metric) -> list[tuple[Key, Account]]:
    if len(data) > MAX_FILE_BYTES:
        raise StateError(f"more than {MAX_FILE_BYTES} bytes")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise StateError("no JSON") from None
    if _mapping(found, "the file").get("version") != FORMAT_VERSION:
        raise StateError(f"not of version {FORMAT_VERSION}")
    accounts = _list(found.get("accounts"), "accounts", 2 * MAX_GONE)
    return [_account(_mapping(entry, "an account"), guest_kills) for entry in accounts]


def _account(entry: dict[str, Any], guest_kills: Metric) -> tuple[Key, Account]:
    key = Key(_id(entry.get("sandbox_id")), _name(entry.get("namespace")), _name(entry.get("pod")))
    sandbox = Sandbox(key.sandbox_id, 0, "", pod=Pod(key.namespace, key.pod))
    account = Account(sandbox, guest_kills)
    more, told = _items(entry.get("vmm_kills"), "vmm_kills", 2)
    account.vmm = Life(events=_events(told), more=_count(more))
    names = _mapping(entry.get("names"), "names")
    containers = _mapping(entry.get("containers"), "containers")
    if len(names) > MAX_NAMES or len(containers) > MAX_CONTAINERS:
        raise StateError("an account of too many containers")
    for name, named in names.items():
        folded, inferred, last = _items(named, "a name", 3)
        time = None if last is None else _time(last)
        account.names[_name(name)] = Named(_count(folded), _count(inferred), time)
    for container_id, container in containers.items():
        name, before, lives = _items(container, "a container", 3)
        if _name(name) not in account.names:
            raise StateError("a container of a name that isn't there")
        told = [_life(life) for life in _list(lives, "lives", MAX_LIVES)]
        account.containers[_id(container_id)] = (name, Lives(told, _count(before)))
    return key, account


def _life(found: Any) -> Life:
    began, ended, events, more, has_status = _items(found, "a life", 5)
    if not isinstance(has_status, bool):
        raise StateError("a life without its status")
    end = None if ended is None else _count(ended)
    return Life(_count(began), end, _events(events), _count(more), has_status)


def _events(found: Any) -> set[tuple[str, int]]:
    return {_event(event) for event in _list(found, "events", MAX_EVENTS)}


def _event(found: Any) -> tuple[str, int]:
    source, at_ns = _items(found, "an event", 2)
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise StateError("an event without a source")
    return source, _count(at_ns)


def _mapping(found: Any, what: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise StateError(f"{what} is no object")
    return found


def _list(found: Any, what: str, most: int) -> list[Any]:
    if not isinstance(found, list) or len(found) > most:
        raise StateError(f"{what}: no list of up to {most}")
    return found


def _items(found: Any, what: str, number: int) -> list[Any]:
    if len(_list(found, what, number)) != number:
        raise StateError(f"{what} has not {number} items")
    return list(found)


def _id(found: Any) -> str:
    if not isinstance(found, str) or not SANDBOX_ID.fullmatch(found):
        raise StateError("an id that is none")
    return found


def _name(found: Any) -> str:
    if not isinstance(found, str):
        raise StateError("a name that is none")
    try:
        found.encode()
    except UnicodeEncodeError:
        raise StateError("a name that is no text") from None
    return found


def _count(found: Any) -> int:
    if type(found) is not int or not 0 <= found < _MAX_COUNT:
        raise StateError("a count that is none")
    return found


def _time(found: Any) -> float:
    if type(found) not in {int, float} or not 0 <= found < _MAX_COUNT:
        raise StateError("a time that is none")
    return float(found)
