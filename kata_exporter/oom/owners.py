"""Which account a container is of."""

from collections.abc import Set as AbstractSet

from kata_exporter.oom.account import Key


class Owners:
    """Finds the account of a container by its id; the last one to have the id has it.

    It holds as many ids as the accounts do, and none of an account that is dropped.
    """

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._ids: dict[Key, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, container_id: str) -> Key | None:
        """Return the key of a container's account."""
        return self._keys.get(container_id)

    def set(self, key: Key, container_ids: AbstractSet[str]) -> None:
        """Have these be the containers of an account, and no others."""
        self._release(key, self._ids.get(key, frozenset()) - container_ids)
        self._ids[key] = frozenset(container_ids)
        self._keys.update(dict.fromkeys(container_ids, key))

    def drop(self, key: Key) -> None:
        """Forget an account."""
        self._release(key, self._ids.pop(key, frozenset()))

    def _release(self, key: Key, container_ids: AbstractSet[str]) -> None:
        for container_id in container_ids:
            if self._keys.get(container_id) == key:
                del self._keys[container_id]
