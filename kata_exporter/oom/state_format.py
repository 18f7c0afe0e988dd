"""How a ledger is saved: JSON of counts, and of what tells events apart.

It holds nothing of a guest's words but what was checked before.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from kata_exporter.metrics import Metric
from kata_exporter.model import SANDBOX_ID, Pod, Sandbox
from kata_exporter.oom.account import MAX_CONTAINERS, MAX_NAMES, Account, Key, Named
from kata_exporter.oom.ledger import MAX_GONE, Ledger
from kata_exporter.oom.lives import MAX_EVENTS, MAX_LIVES, Life, Lives

FORMAT_VERSION = 1
MAX_FILE_BYTES = 16 << 20
MAX_ACCOUNTS = 2 * MAX_GONE

_HEAD, _BETWEEN, _TAIL = b'{"version": %d, "accounts": [' % FORMAT_VERSION, b", ", b"]}"
_MAX_COUNT = 2**63
_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


class StateError(ValueError):
    """A state file isn't one; the text says where."""


def dump(ledger: Ledger) -> bytes:
    """Return the ledger as a state file has it, in no more than `MAX_FILE_BYTES`.

    Of what is too much, sandboxes that are gone are left out first, the earliest before the others;
    then the largest of those that live, so that none costs another its count.
    """
    found = [(account.lives, _saved(key, account)) for key, account in ledger.accounts()]
    living = sorted((entry for lives, entry in found if lives), key=len)
    gone = [entry for lives, entry in found if not lives]
    kept = _that_fit([*living, *reversed(gone)])
    # As the ledger has them, those that went first before the others.
    return _HEAD + _BETWEEN.join(reversed(kept)) + _TAIL


def parse(data: bytes, guest_kills: Metric) -> list[tuple[Key, Account]]:
    """Return the accounts of a state file, as of sandboxes that are gone.

    Args:
        data: what the file has; a byte more than is taken is enough.
        guest_kills: the record of the guest's own count, for the accounts.

    Raises:
        StateError: it is no state file, or not one of ours.
    """
    if len(data) > MAX_FILE_BYTES:
        raise StateError(f"more than {MAX_FILE_BYTES} bytes")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise StateError("no JSON") from None
    if _mapping(found, "the file").get("version") != FORMAT_VERSION:
        raise StateError(f"not of version {FORMAT_VERSION}")
    accounts = _list(found.get("accounts"), "accounts", MAX_ACCOUNTS)
    return [_account(_mapping(entry, "an account"), guest_kills) for entry in accounts]


def _that_fit(entries: Sequence[bytes]) -> Sequence[bytes]:
    room = MAX_FILE_BYTES - len(_HEAD) - len(_TAIL) + len(_BETWEEN)
    for n, entry in enumerate(entries):
        room -= len(entry) + len(_BETWEEN)
        if room < 0 or n == MAX_ACCOUNTS:
            return entries[:n]
    return entries


def _saved(key: Key, account: Account) -> bytes:
    if account.saved is None:
        account.saved = json.dumps(_dumped(key, account)).encode()
    return account.saved


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
