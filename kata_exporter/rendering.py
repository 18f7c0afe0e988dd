"""The pages: what the store holds of the sandboxes, and the exporter's own metrics at the end."""

from collections.abc import Callable, Collection
from itertools import chain

from kata_exporter.catalog import METRICS_OF_SANDBOXES
from kata_exporter.clock import Clock
from kata_exporter.collectors.rounds import COLLECTORS
from kata_exporter.exposition import (
    EVERYTHING,
    Choices,
    PageFormat,
    Selection,
    render,
    render_openmetrics,
    select,
)
from kata_exporter.oom_accounting import OomAccounting
from kata_exporter.registry import Registry
from kata_exporter.snapshot import Store
from kata_exporter.telemetry.selfmetrics import SelfMetrics

RenderOwn = Callable[[Collection[str] | None], bytes]
"""Renders families of the exporter's own, or all."""


class Rendering:
    """Makes pages.

    Args:
        store: what is shown of the sandboxes.
        registry: whose sandboxes a page may be asked for.
        self_metrics: the exporter's own, all of their families added.
        oom: what is counted of OOMs, of sandboxes that are gone as well.
        count: brings the exporter's own up to date, before they are rendered.
        clock: says what is too old to be shown.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        self_metrics: SelfMetrics,
        oom: OomAccounting,
        *,
        count: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._self_metrics = self_metrics
        self._oom = oom
        self._count = count
        self._clock = clock
        own = self_metrics.family_of()
        self._own_families = frozenset(own.values())
        self._names = {**{metric.name: metric.name for metric in METRICS_OF_SANDBOXES}, **own}

    def render(self, selection: Selection, page_format: PageFormat = PageFormat.TEXT) -> bytes:
        """Return a page.

        The exporter's own metrics are on the whole page, and on another only where it names them.
        """
        views = self._store.view(self._clock.monotonic())
        chunks = chain(select(views, selection), select(self._oom.views(), selection))
        if page_format is PageFormat.OPENMETRICS:
            own = self._own(selection, self._self_metrics.render_openmetrics)
            return render_openmetrics(chunks, end=own)
        return render(chunks, end=self._own(selection, self._self_metrics.render))

    def choices(self, collectors: frozenset[str]) -> Choices:
        """Return what a selection may name, where these collectors are on."""
        return Choices(
            collectors={name: name in collectors for name in COLLECTORS},
            metrics=self._names,
            sandboxes=frozenset(
                chain(
                    (sandbox.id for sandbox in self._registry.sandboxes()),
                    (view.sandbox.id for view in self._oom.views()),
                )
            ),
        )

    def _own(self, selection: Selection, render_own: RenderOwn) -> bytes:
        own = None
        if selection != EVERYTHING:
            own = (selection.metrics or frozenset()) & self._own_families
            if not own:
                return b""
        self._count()
        return render_own(own)
