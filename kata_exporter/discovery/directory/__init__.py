"""The source that finds sandboxes by the sockets of their shims."""

from kata_exporter.discovery.directory.ask import checked_ask
from kata_exporter.discovery.directory.asking import Ask
from kata_exporter.discovery.directory.metrics import DirectoryMetrics, ResyncCause
from kata_exporter.discovery.directory.source import DirectorySource, source_name

__all__ = [
    "Ask",
    "DirectoryMetrics",
    "DirectorySource",
    "ResyncCause",
    "checked_ask",
    "source_name",
]
