"""The standard sampler, with what it drops recorded until the trace has ended."""

from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes


class RecordingSampler(Sampler):
    """Samples what the standard sampler samples, and records the rest.

    A span that is recorded only has no sampled flag: whoever takes its context as a parent knows
    that it wasn't chosen. What a caller chose not to sample is not recorded either.

    Args:
        standard: the sampler that decides.
        wanted: whether anything may be kept that it drops.
    """

    def __init__(self, standard: Sampler, wanted: Callable[[], bool]) -> None:
        self._standard = standard
        self._wanted = wanted

    def should_sample(  # noqa: PLR0917  the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide on a span as it starts."""
        result = self._standard.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        if result.decision is not Decision.DROP or not self._wanted():
            return result
        if get_current_span(parent_context).get_span_context().is_remote:
            return result
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        """Describe it."""
        return f"RecordingSampler{{{self._standard.get_description()}}}"
