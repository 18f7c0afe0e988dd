"""Who is there: events of discovery in, generations of sandboxes out."""

from kata_exporter.registry.reconcile import Change, Known, reconcile
from kata_exporter.registry.registry import Listener, Registry

__all__ = ["Change", "Known", "Listener", "Registry", "reconcile"]
