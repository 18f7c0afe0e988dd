"""Metrics of how sandboxes are found."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Gauge

from kata_exporter.errors import Reason
from kata_exporter.telemetry.closed_counter import ClosedCounter


class DiscoveryMetrics:
    """How directories are watched, what shims said, and how many sandboxes each source sees.

    Directories and sources are those that are configured, so their labels are closed sets too.

    Args:
        registry: what they are registered in.
        resync_causes: why a directory is looked through as a whole; a closed set.
    """

    def __init__(self, registry: CollectorRegistry, resync_causes: Iterable[str]) -> None:
        self._present = Gauge(
            "kata_exporter_discovery_directory_present",
            "Whether a directory that is watched for sandboxes is there."
            " 0 where no runtime has made it yet; if the node has it, mount it into the container."
            " 0 too where it was removed: a mount of it doesn't follow where it is made again, one of"
            " the folder above does.",
            ["directory"],
            registry=registry,
        )
        self._inotify = Gauge(
            "kata_exporter_discovery_inotify",
            "Whether the kernel tells of changes in a directory; 0 where it is polled twice a second,"
            " or isn't there. Where it is there: raise fs.inotify.max_user_instances or"
            " fs.inotify.max_user_watches, or the limit of open files.",
            ["directory"],
            registry=registry,
        )
        self._resyncs = ClosedCounter(
            registry,
            "kata_exporter_discovery_resyncs_total",
            "Times that a directory was looked through as a whole, by cause. Nothing is missed by"
            " an overflow; if there are many, raise fs.inotify.max_queued_events.",
            "cause",
            resync_causes,
        )
        self._shim_requests = ClosedCounter(
            registry,
            "kata_exporter_discovery_shim_requests_total",
            "Questions to shims for their agents' addresses, by result. Of the sandbox,"
            " kata_sandbox_state says the same, and the log says more.",
            "result",
            (reason for reason in Reason if reason is not Reason.PENDING),
        )
        self._sandboxes = Gauge(
            "kata_exporter_discovery_sandboxes",
            "Sandboxes that a source of discovery sees; one may be seen by several."
            " 0 on a node that runs some: see kata_exporter_discovery_directory_present.",
            ["source"],
            registry=registry,
        )

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
