"""Exemplars: for each bucket of the calls' histogram, the last call whose span is exported.

Kept beside the histogram, since a call is counted when it ends, and whether its span is exported is
known when its collection has ended.
"""

from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.samples import Exemplar, Sample

from kata_exporter.telemetry.closed_counter import OTHER
from kata_exporter.telemetry.exported_call import ExportedCall
from kata_exporter.telemetry.own_metrics import AGENT_CALL_DURATION, DURATION_BUCKETS
from kata_exporter.telemetry.status_codes import STATUS_CODES

_BOUNDS = (*DURATION_BUCKETS, float("inf"))
_BUCKET = f"{AGENT_CALL_DURATION.name}_bucket"


class CallExemplars:
    """The exemplars of ``kata_exporter_agent_call_duration_seconds``.

    As many as the histogram has buckets, at most: what has no bucket there is shown nowhere.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], dict[float, Exemplar]] = {}

    def note(self, call: ExportedCall) -> None:
        """Take a call as the exemplar of its bucket."""
        bound = _BOUNDS[bisect_left(_BOUNDS, call.seconds)]
        ids = {"trace_id": call.trace_id, "span_id": call.span_id}
        exemplar = Exemplar(ids, call.seconds, call.ended_time)
        code = call.code if call.code in STATUS_CODES else OTHER
        self._last.setdefault((call.method, code), {})[bound] = exemplar

    def add_to(self, metrics: Iterable[Metric]) -> Iterable[Metric]:
        """Yield families as they are, the calls' histogram with its exemplars."""
        for metric in metrics:
            if metric.name == AGENT_CALL_DURATION.name:
                metric.samples = [self._with_exemplar(sample) for sample in metric.samples]
            yield metric

    def _with_exemplar(self, sample: Sample) -> Sample:
        if sample.name != _BUCKET:
            return sample
        labels = sample.labels
        of_call = self._last.get((labels["method"], labels["code"]), {})
        return sample._replace(exemplar=of_call.get(float(labels["le"])))
