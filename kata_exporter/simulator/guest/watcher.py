"""Who is told of what happens to a simulated guest."""

from typing import Protocol


class GuestWatcher(Protocol):
    """Is told of each change after it has happened, by whomever it was made."""

    def container_added(self, container_id: str) -> None:
        """Note that there is another container."""

    def container_ended(self, container_id: str, exit_code: int) -> None:
        """Note that a container has exited."""

    def container_removed(self, container_id: str) -> None:
        """Note that a container is gone, whether it had exited or not."""

    def booted(self) -> None:
        """Note that the guest has booted again: what ran is gone, and all containers run."""
