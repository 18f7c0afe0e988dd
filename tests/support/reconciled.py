"""What is known after events of discovery."""

from kata_exporter.model import DiscoveryEvent
from kata_exporter.registry import Known, reconcile

NOTHING = Known()


def known_after(*events: DiscoveryEvent) -> Known:
    """Take in events one after the other; each may start a generation of its own."""
    known = NOTHING
    for number, event in enumerate(events, start=1):
        known = reconcile(known, event, next_generation=100 * number).known
    return known
