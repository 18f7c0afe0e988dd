"""Metrics of how sandboxes are found."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry

from kata_exporter.errors import Reason
from kata_exporter.telemetry import own_metrics
from kata_exporter.telemetry.closed_counter import ClosedCounter


class DiscoveryMetrics:
    """How directories are watched, what shims said, and how many sandboxes each source sees.

    Directories and sources are those that are configured, so their labels are closed sets too.

    Args:
        registry: what they are registered in.
        resync_causes: why a directory is looked through as a whole; a closed set.
    """

    def __init__(self, registry: CollectorRegistry, resync_causes: Iterable[str]) -> None:
        self._present = own_metrics.gauge(own_metrics.DIRECTORY_PRESENT, registry)
        self._inotify = own_metrics.gauge(own_metrics.INOTIFY, registry)
        self._resyncs = ClosedCounter(registry, own_metrics.RESYNCS, resync_causes)
        self._shim_requests = ClosedCounter(
            registry,
            own_metrics.SHIM_REQUESTS,
            (reason for reason in Reason if reason is not Reason.PENDING),
        )
        self._sandboxes = own_metrics.gauge(own_metrics.DISCOVERED, registry)

    def set_present(self, directory: str, *, present: bool) -> None:
        """Set whether a directory is there."""
        self._present.labels(directory).set(present)

    def set_inotify(self, directory: str, *, inotify: bool) -> None:
        """Set whether the kernel tells of a directory's changes."""
        self._inotify.labels(directory).set(inotify)

    def count_resync(self, cause: str) -> None:
        """Count a look through a whole directory."""
        self._resyncs.inc(cause)

    def count_shim_request(self, result: str) -> None:
        """Count a question to a shim; `result` is a `Reason`."""
        self._shim_requests.inc(result)

    def forget(self, directory: str) -> None:
        """Drop the series of a directory that is no longer watched."""
        for gauge in (self._present, self._inotify):
            gauge.remove(directory)

    def set_sandboxes(self, by_source: Mapping[str, int]) -> None:
        """Set how many sandboxes each source sees; sources that aren't named have no series."""
        self._sandboxes.clear()
        for source, n in by_source.items():
            self._sandboxes.labels(source).set(n)
