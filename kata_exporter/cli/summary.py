"""How a fleet fares, in words."""

from typing import TYPE_CHECKING

from kata_exporter.errors import Reason

if TYPE_CHECKING:
    from kata_exporter.app import Summary


def why_down(summary: "Summary") -> str:
    """Say why sandboxes aren't up, the most frequent reason first; empty where all are."""
    reasons = [
        (-count, reason)
        for reason, count in summary.by_reason.items()
        if count and not Reason(reason).answered
    ]
    return ", ".join(f"{-count} {reason}" for count, reason in sorted(reasons))
