"""How the exporter watches itself: the hooks that its parts are given, and the tracing behind some."""

import asyncio
import os
from collections.abc import Mapping

from kata_exporter.clock import Clock
from kata_exporter.config.settings import Settings, TracingSettings
from kata_exporter.telemetry.hooks import CallHook, Hooks, OomGuard, OomHook, RequestHook, RoundHook
from kata_exporter.telemetry.otel import SpanOutcome, TraceRules, tracing_from_environment
from kata_exporter.telemetry.selfmetrics import SelfMetrics

FLUSH_SECONDS = 5.0
"""How long the last spans may hold up the end of the process."""


class Watching:
    """The hooks, and what is behind them.

    Args:
        settings: what is kept of traces.
        self_metrics: of calls, and of what becomes of spans.
        clock: time for all of it.
        environ: where tracing is configured (``OTEL_*``); the process's unless given.

    Attributes:
        agent_calls: watches the calls to agents.
        runtime_calls: watches the calls to the container runtime; None where nobody does.
        rounds: watches the rounds of sandboxes; None where nobody does.
        requests: watches the scrapes; None where nobody does.
        ooms: is told of OOMs; None where nobody is.

    Raises:
        ConfigError: tracing is configured in a way that can't be used.
    """

    def __init__(
        self,
        settings: Settings,
        self_metrics: SelfMetrics,
        *,
        clock: Clock,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._tracing = tracing_from_environment(
            os.environ if environ is None else environ,
            console=settings.tracing.console,
            new_counter=lambda: self_metrics.trace_metrics(SpanOutcome),
            clock=clock,
            rules=_rules(settings.tracing),
            on_exported=self_metrics.exemplars.note,
        )
        self.runtime_calls: CallHook | None = None
        self.rounds: RoundHook | None = None
        self.requests: RequestHook | None = None
        self.ooms: OomHook | None = None
        hooks: list[CallHook] = [self_metrics.call_hook(clock)]
        if self._tracing is not None:
            hooks.append(self._tracing.hook)
            self.runtime_calls = self._tracing.hook
            self.rounds = self._tracing.round_hook
            self.requests = self._tracing.request_hook
            self.ooms = OomGuard(self._tracing.oom_hook)
        self.agent_calls: CallHook = Hooks(hooks)

    def apply(self, settings: Settings) -> None:
        """Have other settings hold for traces that end from now on."""
        if self._tracing is not None:
            self._tracing.configure(_rules(settings.tracing))

    async def aclose(self) -> None:
        """Send what is left to be sent, for as long as that may take at most."""
        tracing, self._tracing = self._tracing, None
        if tracing is not None:
            await asyncio.to_thread(tracing.shutdown, FLUSH_SECONDS)


def _rules(settings: TracingSettings) -> TraceRules:
    return TraceRules(
        keep_failed=settings.keep_failed,
        keep_slower_than_seconds=settings.keep_slower_than_seconds,
        max_spans_per_minute=settings.max_spans_per_minute,
    )
