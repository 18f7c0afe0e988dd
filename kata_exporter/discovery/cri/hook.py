"""What the CRI source reports of itself."""

from enum import StrEnum
from typing import Protocol


class RejectedPod(StrEnum):
    """Why something that CRI lists is passed over. A closed set."""

    BAD_ID = "bad_id"
    """A sandbox or container whose id isn't one."""
    DUPLICATE_ID = "duplicate_id"
    """Two of one id: the older one is believed."""
    TOO_MANY_SANDBOXES = "too_many_sandboxes"
    TOO_MANY_CONTAINERS = "too_many_containers"


class CriHook(Protocol):
    """Is told how the source fares. Every method returns at once."""

    def listed(self, at: float) -> None:
        """Take note of a listing: what was told is as CRI has it at `at`, seconds since 1970."""

    def stale(self) -> None:
        """Take note that the last attempt to list failed: what was told may be out of date."""

    def failed(self, code: str) -> None:
        """Count a call that failed, by its gRPC status (``UNAVAILABLE``)."""

    def rejected(self, reason: str, n: int) -> None:
        """Count what was passed over in a listing, by `RejectedPod`."""


class NoCriHook:
    """Notes nothing."""

    def listed(self, at: float) -> None:
        """Pass it over."""
        del at

    def stale(self) -> None:
        """Pass it over."""

    def failed(self, code: str) -> None:
        """Pass it over."""
        del code

    def rejected(self, reason: str, n: int) -> None:
        """Pass it over."""
        del reason, n
