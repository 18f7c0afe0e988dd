"""The composition root: it and its parts beside it alone see every package.

Those are `connecting`, `finding`, `oom_accounting`, `rendering` and `watching`. It wires the whole
(discovery → registry → collection and store → page), starts it, and stops it in the reverse order.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kata_exporter.clock import Clock, SystemClock
from kata_exporter.collectors.collection import Collection
from kata_exporter.collectors.link import ASK_AGAIN_SECONDS
from kata_exporter.collectors.rounds import BAD_VERSION, RoundSettings
from kata_exporter.collectors.scheduler import Scheduler
from kata_exporter.config.keys import left_for_a_restart, with_what_needs_a_restart
from kata_exporter.config.reload import Reloader
from kata_exporter.config.settings import Settings
from kata_exporter.connecting import Connecting
from kata_exporter.discovery.directory import ResyncCause
from kata_exporter.discovery.source import Source
from kata_exporter.errors import Reason
from kata_exporter.exposition import EVERYTHING, Choices, PageFormat, Selection
from kata_exporter.finding import Finding
from kata_exporter.guest.layout_cache import LayoutCache
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.model import Sandbox
from kata_exporter.oom import RejectedReading
from kata_exporter.oom.evidence import VmmEvidence
from kata_exporter.oom_accounting import OomAccounting
from kata_exporter.protobuf_backend import require_compiled
from kata_exporter.registry import FirstSeen, Listener, Publisher, Registry
from kata_exporter.rendering import Rendering
from kata_exporter.snapshot import DropReason, KeepRules, Round, SandboxState, Store
from kata_exporter.sockets import Dialer
from kata_exporter.telemetry.logs import LogLimiter, configure_logging, fields
from kata_exporter.telemetry.selfmetrics import SelfMetrics
from kata_exporter.watching import Watching
from kata_exporter.web import Api, ListedSandbox, WebServer

logger = logging.getLogger(__name__)


_WHERE_TO_RAISE = {
    DropReason.SANDBOX_FULL: "metrics.max_series_per_sandbox",
    DropReason.STORE_FULL: "metrics.max_series",
}
"""Keys of the configuration that hold the limits."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The exporter at one time, for a line of status."""

    sandboxes: int
    up: int
    by_reason: Mapping[str, int]
    series: int


class Exporter:
    """The whole exporter.

    Args:
        settings: what is configured.
        sources: of discovery, beside the configuration.
        listeners: told of sandboxes that come, change and go, after the exporter's own parts.
        clock: time for every part.
        dialer: connects to agents; one that trusts the configured users unless given.
        environ: where tracing is configured (``OTEL_*``); the process's unless given.
        reloader: gives other settings while it runs; none unless given.
        vmm_evidence: tells of VMMs that the host killed for want of memory; nobody unless given.

    Raises:
        ConfigError: tracing is configured in a way that can't be used, or protobuf lacks its C
            decoder.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sources: Sequence[Source] = (),
        listeners: Sequence[Listener] = (),
        clock: Clock | None = None,
        dialer: Dialer | None = None,
        environ: Mapping[str, str] | None = None,
        reloader: Reloader | None = None,
        vmm_evidence: VmmEvidence | None = None,
    ) -> None:
        require_compiled()
        self._settings = self._last_read = settings
        self._reloader = reloader
        self._clock = clock or SystemClock()
        self._self_metrics = SelfMetrics(
            [*RejectReason, *RejectedReading, BAD_VERSION],
            drop_reasons=DropReason,
            resync_causes=ResyncCause,
        )
        self._watching = Watching(settings, self._self_metrics, clock=self._clock, environ=environ)
        self._connecting = Connecting(
            dialer or Dialer(peer_uids=frozenset(settings.discovery.peer_uids)),
            clock=self._clock,
            hook=self._watching.agent_calls,
            on_protocol_event=self._self_metrics.count_protocol_event,
        )
        suppressed = self._self_metrics.count_suppressed_log_lines
        self._lines = LogLimiter(self._clock, on_suppressed=suppressed)
        # A refusal is a state, and lasts: it is worth a line as often as it is made sure of.
        self._state_lines = LogLimiter(
            self._clock, period_seconds=ASK_AGAIN_SECONDS, on_suppressed=suppressed
        )
        self._store = Store(
            max_age_seconds=settings.collection.max_age_seconds,
            rules=_keep_rules(settings),
            on_dropped=self._on_dropped,
        )
        self._collection = self._new_collection()
        self._oom = self._new_oom_accounting(vmm_evidence)
        self._publisher = Publisher(
            [self._store, self._oom, self._collection, *listeners],
            clock=self._clock,
            names_come=lambda: self._finding.names_are_to_be_had,
        )
        self._first_seen = FirstSeen(self._clock)
        self._registry = Registry([self._first_seen, self._publisher])
        self._finding = Finding(
            settings,
            self._registry,
            clock=self._clock,
            self_metrics=self._self_metrics,
            tell_happened=self._oom.hear,
            tell_finished=self._oom.finished,
            runtime_calls=self._watching.runtime_calls,
            more=sources,
        )
        self._rendering = Rendering(
            self._store,
            self._registry,
            self._self_metrics,
            self._oom,
            count=self._count_sandboxes,
            clock=self._clock,
        )
        self._web: WebServer | None = None
        self._first_round: asyncio.Task[None] | None = None
        self._note_load(successful=True)

    async def start(self) -> None:
        """Listen, then find sandboxes and ask them.

        Raises:
            ConfigError: an address or the admin socket can't be listened on; nothing runs then.
        """
        web = WebServer(
            self,
            self._settings.web,
            api=Api(self, self._finding.registrations, self._oom, clock=self._clock),
            clock=self._clock,
            on_request=self._self_metrics.count_http_request,
            reload=None if self._reloader is None else self._reloader.reload,
            hook=self._watching.requests,
        )
        await web.start()
        self._web = web
        await self._start_collection()
        self._finding.report()
        if self._reloader is not None:
            self._reloader.watch(
                self.apply,
                clock=self._clock,
                on_result=lambda successful: self._note_load(successful=successful),
            )
        logger.info(
            "serving metrics",
            extra=fields(
                addresses=", ".join(web.addresses),
                admin_socket=self._settings.web.admin_socket or None,
                sandboxes=len(self._registry.sandboxes()),
            ),
        )

    async def collect_once(self) -> None:
        """Ask every sandbox once, without a web server; `stop` ends it."""
        await (await self._start_collection())

    def apply(self, settings: Settings) -> None:
        """Have other settings hold from now on; those that need a restart are told of in the log."""
        for key in left_for_a_restart(self._settings, self._last_read, settings):
            logger.warning("this change needs a restart", extra=fields(key=key))
        before, self._last_read = self._settings, settings
        self._settings = with_what_needs_a_restart(settings, running=before)
        if settings.log != before.log:
            configure_logging(settings.log.level, settings.log.format)
        collection = settings.collection
        if collection != before.collection:
            self._store.configure(
                max_age_seconds=collection.max_age_seconds, now=self._clock.monotonic()
            )
        if (collection, settings.collectors) != (before.collection, before.collectors):
            self._collection.configure(
                interval_seconds=collection.interval_seconds,
                timeout_seconds=collection.timeout_seconds,
                concurrency=collection.concurrency,
                collectors=settings.collectors.enabled,
            )
        self._oom.configure(self._settings)
        if settings.metrics != before.metrics:
            self._store.keep(_keep_rules(settings))
        self._watching.apply(settings)
        self._finding.replace_static(settings.sandboxes)

    async def stop(self) -> None:
        """Stop everything; returns when no task, connection or listener is left."""
        if self._web is not None:
            await self._web.aclose()
            self._web = None
        if self._reloader is not None:
            await self._reloader.aclose()
        await self._finding.aclose()
        self._publisher.close()
        if self._first_round is not None:
            self._first_round.cancel()
            await asyncio.wait([self._first_round])
            self._first_round = None
        await self._collection.aclose()
        await self._oom.aclose()
        await self._watching.aclose()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return where it listens, as ``host:port``."""
        return () if self._web is None else self._web.addresses

    def render(
        self, selection: Selection = EVERYTHING, page_format: PageFormat = PageFormat.TEXT
    ) -> bytes:
        """Return the page of metrics, or what is selected of it, in a format."""
        return self._rendering.render(selection, page_format)

    def choices(self) -> Choices:
        """Return what a selection may name."""
        return self._rendering.choices(self._settings.collectors.enabled)

    def ready(self) -> bool:
        """Whether every sandbox that was there at the start was asked once."""
        return self._first_round is not None and self._first_round.done()

    def summary(self) -> Summary:
        """Return how many sandboxes there are, and how they are."""
        views = self._store.view(self._clock.monotonic())
        return Summary(
            sandboxes=len(views),
            up=sum(view.up for view in views),
            by_reason=Counter(str(view.reason) for view in views),
            series=sum(len(chunk.values) for view in views for chunk in view.chunks)
            + sum(len(chunk.values) for view in self._oom.views() for chunk in view.host),
        )

    def listed_sandboxes(self) -> Iterator[ListedSandbox]:
        """Yield every sandbox that is known, published or not."""
        return map(self._listed, self._registry.sandboxes())

    def listed_sandbox(self, sandbox_id: str) -> ListedSandbox | None:
        """Return one; None where there is none of this id."""
        sandbox = self._registry.sandbox(sandbox_id)
        return None if sandbox is None else self._listed(sandbox)

    def _listed(self, sandbox: Sandbox) -> ListedSandbox:
        # Under the name that it was published with, which a source may have lost meanwhile.
        sandbox = self._publisher.published(sandbox.id) or sandbox
        state = self._store.state(sandbox)
        shown = state or _unpublished_state(sandbox)
        return ListedSandbox(
            sandbox,
            up=shown.up,
            reason=shown.reason,
            detail=shown.detail,
            known_seconds=self._first_seen.age_seconds(sandbox.id),
            published=state is not None,
            lease_seconds=self._finding.registrations.lease_seconds(sandbox.id),
            oom=self._oom.counts(sandbox.id),
            oom_refusal=self._oom.refusal(sandbox.id),
        )

    def _note_load(self, *, successful: bool) -> None:
        self._self_metrics.set_config_loaded(successful=successful, time=self._clock.time())

    def _count_sandboxes(self) -> None:
        self._self_metrics.set_sandboxes(len(self._registry.sandboxes()))
        self._self_metrics.discovery.set_sandboxes(self._finding.count_by_source())
        self._oom.count_sources()

    def _new_collection(self) -> Collection:
        settings = self._settings.collection
        return Collection(
            store=self._store,
            scheduler=Scheduler(
                clock=self._clock,
                interval_seconds=settings.interval_seconds,
                concurrency=settings.concurrency,
            ),
            connect=self._connecting.observer,
            settings=RoundSettings(
                clock=self._clock,
                interval_seconds=settings.interval_seconds,
                timeout_seconds=settings.timeout_seconds,
                layouts=LayoutCache(),
                on_rejected=self._self_metrics.count_rejected,
                on_resets=self._self_metrics.count_resets,
                collectors=self._settings.collectors.enabled,
            ),
            on_round=self._on_round,
            hook=self._watching.rounds,
        )

    async def _start_collection(self) -> asyncio.Task[None]:
        await self._oom.start()
        self._finding.watch()
        self._first_round = asyncio.get_running_loop().create_task(self._ask_everyone_once())
        return self._first_round

    async def _ask_everyone_once(self) -> None:
        await self._publisher.all_named()
        await self._collection.first_round()

    def _new_oom_accounting(self, vmm_evidence: VmmEvidence | None) -> OomAccounting:
        return OomAccounting(
            self._settings,
            clock=self._clock,
            self_metrics=self._self_metrics,
            node=lambda: self._finding,
            connect=self._connecting.waiter,
            ask_soon=self._collection.ask_soon,
            vmm_evidence=vmm_evidence,
            hook=self._watching.ooms,
        )

    def _on_round(self, sandbox: Sandbox, collected: Round) -> None:
        self._oom.read(sandbox, collected.memory, collected.agent_version)
        self._self_metrics.observe_collection(collected.duration_seconds, collected.reason)
        if collected.reason is Reason.OK:
            return
        is_state = collected.reason.answered
        lines = self._state_lines if is_state else self._lines
        passed_over = lines.allow((sandbox.id, collected.reason))
        if passed_over is None:
            return
        logger.log(
            logging.INFO if is_state else logging.WARNING,
            "sandbox not collected in full" if collected.answered else "sandbox is silent",
            extra=fields(
                sandbox_id=sandbox.id,
                namespace=sandbox.pod.namespace,
                pod=sandbox.pod.name,
                reason=str(collected.reason),
                error=collected.detail,
                lines_passed_over=passed_over or None,
            ),
        )

    def _on_dropped(self, sandbox: Sandbox, reason: DropReason, series: int) -> None:
        self._self_metrics.count_dropped(reason, series)
        if reason not in _WHERE_TO_RAISE:
            return  # as configured
        passed_over = self._lines.allow((sandbox.id, reason))
        if passed_over is None:
            return
        logger.warning(
            "too many series: metrics of the sandbox are left out",
            extra=fields(
                sandbox_id=sandbox.id,
                namespace=sandbox.pod.namespace,
                pod=sandbox.pod.name,
                reason=str(reason),
                series=series,
                limit=_WHERE_TO_RAISE[reason],
                lines_passed_over=passed_over or None,
            ),
        )


def _keep_rules(settings: Settings) -> KeepRules:
    metrics = settings.metrics
    return KeepRules(
        allow=metrics.allow,
        deny=metrics.deny,
        max_series_per_sandbox=metrics.max_series_per_sandbox,
        max_series=metrics.max_series,
    )


def _unpublished_state(sandbox: Sandbox) -> SandboxState:
    refusal = sandbox.refusal
    if refusal is None:
        return SandboxState(up=False, reason=Reason.PENDING, detail="")
    return SandboxState(up=False, reason=Reason(refusal.reason), detail=refusal.detail)
