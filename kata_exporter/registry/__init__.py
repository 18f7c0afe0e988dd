"""Who is there: events of discovery in, generations of sandboxes out."""

from kata_exporter.registry.reconcile import Change, Entry, Known, reconcile
from kata_exporter.registry.registry import Listener, Registry

__all__ = ["Change", "Entry", "Known", "Listener", "Registry", "reconcile"]
