"""Label values that a guest chooses: only so many over a container's life."""

from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class Admitted(Generic[ValueT]):
    """The first values that come, and no others after these.

    So a guest that names other devices in every round adds no series to those of the first.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: set[ValueT] = set()

    def admits(self, value: ValueT) -> bool:
        """Whether `value` is one of the first."""
        if value not in self._values and len(self._values) < self._most:
            self._values.add(value)
        return value in self._values
