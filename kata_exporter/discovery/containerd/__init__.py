"""What a node's containerd says that happened to its containers."""

from kata_exporter.discovery.containerd.endpoint import containerd_endpoint
from kata_exporter.discovery.containerd.events import SOURCE, TOPICS, IgnoredEvent
from kata_exporter.discovery.containerd.hook import ContainerdHook, NoContainerdHook
from kata_exporter.discovery.containerd.subscription import ContainerdEvents

__all__ = [
    "SOURCE",
    "TOPICS",
    "ContainerdEvents",
    "ContainerdHook",
    "IgnoredEvent",
    "NoContainerdHook",
    "containerd_endpoint",
]
