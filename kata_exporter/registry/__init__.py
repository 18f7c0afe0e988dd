"""Who is there: events of discovery in, generations of sandboxes out."""

from kata_exporter.registry.first_seen import FirstSeen
from kata_exporter.registry.publishing import Publisher
from kata_exporter.registry.reconcile import Change, Entry, Known, reconcile
from kata_exporter.registry.registry import Listener, Registry

__all__ = [
    "Change",
    "Entry",
    "FirstSeen",
    "Known",
    "Listener",
    "Publisher",
    "Registry",
    "reconcile",
]
