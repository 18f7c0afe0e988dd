"""What the source of containerd's events reports of itself."""

from typing import Protocol


class ContainerdHook(Protocol):
    """Is told how the source fares. Every method returns at once."""

    def subscribed(self) -> None:
        """Take note that events are heard from now on."""

    def interrupted(self) -> None:
        """Take note that none are heard: what happens now is lost."""

    def failed(self, code: str) -> None:
        """Count a subscription that failed or broke, by its gRPC status (``UNAVAILABLE``)."""

    def heard(self, topic: str) -> None:
        """Count an event that was told, by its topic (``/tasks/oom``)."""

    def ignored(self, reason: str) -> None:
        """Count an event that was passed over, by `IgnoredEvent`."""


class NoContainerdHook:
    """Notes nothing."""

    def subscribed(self) -> None:
        """Pass it over."""

    def interrupted(self) -> None:
        """Pass it over."""

    def failed(self, code: str) -> None:
        """Pass it over."""
        del code

    def heard(self, topic: str) -> None:
        """Pass it over."""
        del topic

    def ignored(self, reason: str) -> None:
        """Pass it over."""
        del reason
