"""How sandboxes are found: every source of discovery, made as configured, and what one tells another.

A part of the composition root, beside `app`: it sees the sources' packages, the registry's view of
who is there, and who counts.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kata_exporter.clock import Clock
from kata_exporter.config.settings import Settings, StaticSandbox
from kata_exporter.discovery.containerd import (
    TOPICS,
    ContainerdEvents,
    IgnoredEvent,
    containerd_endpoint,
)
from kata_exporter.discovery.cri import SOURCE as CRI
from kata_exporter.discovery.cri import (
    CriSource,
    RejectedPod,
    Selection,
    TellFinished,
    cri_endpoint,
)
from kata_exporter.discovery.directory import DirectorySource, checked_ask, source_name
from kata_exporter.discovery.registration import SOURCE as REGISTRATION
from kata_exporter.discovery.registration import RegistrationSource
from kata_exporter.discovery.shim import ShimClient
from kata_exporter.discovery.source import Source
from kata_exporter.discovery.static import SOURCE as STATIC
from kata_exporter.discovery.static import StaticSource, static_sandbox
from kata_exporter.model import (
    DiscoveryEvent,
    OwnOomRules,
    RuntimeEvent,
    SandboxSeen,
    TellRuntimeEvent,
)
from kata_exporter.registry import Registry
from kata_exporter.telemetry.hooks import CallHook
from kata_exporter.telemetry.logs import LogLimiter, fields
from kata_exporter.telemetry.selfmetrics import SelfMetrics

logger = logging.getLogger(__name__)


class Finding:
    """Every source of discovery.

    Args:
        settings: which there are.
        registry: is told what they see; says who is there.
        clock: time for all of them.
        self_metrics: of how they fare.
        tell_happened: is told what container runtimes say that happened.
        tell_finished: is told how containers ended.
        runtime_calls: is told of each call to the container runtime.
        more: sources beside those that are configured.

    Attributes:
        registrations: the source that the API speaks for.

    Raises:
        ConfigError: an endpoint or a namespace can't be one.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        *,
        clock: Clock,
        self_metrics: SelfMetrics,
        tell_happened: TellRuntimeEvent,
        tell_finished: TellFinished,
        runtime_calls: CallHook | None = None,
        more: Sequence[Source] = (),
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._self_metrics = self_metrics
        self._tell_happened = tell_happened
        self._tell_finished = tell_finished
        self._runtime_calls = runtime_calls
        self._static = StaticSource(_static_sandboxes(settings.sandboxes))
        self.registrations = RegistrationSource(clock)
        self._directories = self._directory_source()
        self._cri_endpoint = cri_endpoint(settings.cri.endpoint)
        self._cri = self._cri_source()
        self._containerd = self._containerd_events()
        self._sources: tuple[Source, ...] = (
            self._static,
            self.registrations,
            self._directories,
            self._cri,
            *more,
        )

    @property
    def names_are_to_be_had(self) -> bool:
        """Whether a sandbox without a name may get one: there is a container runtime to ask."""
        return bool(self._cri_endpoint.present())

    @property
    def hears_containerd(self) -> bool:
        """Whether containerd's events are heard now."""
        return self._containerd.hears

    @property
    def cri_answers(self) -> bool:
        """Whether CRI answered the last time."""
        return self._cri.answers

    def registered_oom_rules(self, sandbox_id: str) -> OwnOomRules | None:
        """Return those that a sandbox was registered with; None where it wasn't."""
        return self.registrations.oom_rules(sandbox_id)

    def watch(self) -> None:
        """Tell the registry of what is there, and from now on of what changes."""
        for source in self._sources:
            source.watch(self._tell)
        self._containerd.watch(self._hear)

    def report(self) -> None:
        """Log where is looked, and what to do where nothing can be found."""
        logger.info(
            "looking for sandboxes",
            extra=fields(
                directories=self._directories.how or None,
                cri=self._settings.cri.endpoint,
                containerd=self._settings.containerd.endpoint,
            ),
        )
        if self._registry.sandboxes() or self._directories.any_present or self.names_are_to_be_had:
            return
        logger.warning(
            "no sandboxes: none are configured, and there is no directory of Kata's shims; on a"
            " node that has one, mount it into the container; or list some under sandboxes: in"
            " --config.file",
            extra=fields(looked_for=", ".join(self._settings.discovery.directories) or None),
        )

    def replace_static(self, sandboxes: Iterable[StaticSandbox]) -> None:
        """Have other sandboxes listed."""
        self._static.replace(_static_sandboxes(sandboxes))

    def count_by_source(self) -> Mapping[str, int]:
        """Return how many sandboxes each source sees; one may be seen by several."""
        directories = map(source_name, self._settings.discovery.directories)
        cri = (CRI,) if self._cri_endpoint.paths else ()
        seen = Counter(dict.fromkeys((STATIC, REGISTRATION, *cri, *directories), 0))
        for sandbox in self._registry.sandboxes():
            seen.update(sandbox.sources)
        return seen

    async def aclose(self) -> None:
        """Tell of nothing more; returns when nothing of any source is left running."""
        await self._containerd.aclose()
        for source in self._sources:
            await source.aclose()

    def _tell(self, event: DiscoveryEvent) -> None:
        self._registry.apply(event)
        if event.source != CRI and isinstance(event, SandboxSeen):
            self._cri.look()  # it may have a name for it

    def _hear(self, event: RuntimeEvent) -> None:
        self._tell_happened(event)
        # Whatever it is, CRI's listing shows what has come of it.
        self._cri.look()

    def _is_known_otherwise(self, sandbox_id: str) -> bool:
        sandbox = self._registry.sandbox(sandbox_id)
        return sandbox is not None and bool(sandbox.sources - {CRI})

    def _directory_source(self) -> DirectorySource:
        settings = self._settings.discovery
        ask = checked_ask(
            ShimClient(peer_uids=frozenset(settings.peer_uids)),
            agent_roots=settings.agent_roots,
            agent_port=settings.agent_port,
        )
        return DirectorySource(
            settings.directories,
            ask,
            self._clock,
            metrics=self._self_metrics.discovery,
            limiter=LogLimiter(
                self._clock, on_suppressed=self._self_metrics.count_suppressed_log_lines
            ),
        )

    def _cri_source(self) -> CriSource:
        settings = self._settings.cri
        is_on = bool(self._cri_endpoint.paths)
        return CriSource(
            self._cri_endpoint,
            clock=self._clock,
            selection=Selection(
                settings.runtime_handlers, settings.pod_labels, self._is_known_otherwise
            ),
            hook=self._self_metrics.cri_metrics(RejectedPod) if is_on else None,
            tell_finished=self._tell_finished,
            calls=self._runtime_calls,
        )

    def _containerd_events(self) -> ContainerdEvents:
        settings = self._settings.containerd
        endpoint = containerd_endpoint(settings.endpoint)
        is_on = bool(endpoint.paths)
        return ContainerdEvents(
            endpoint,
            clock=self._clock,
            is_sandbox=lambda id_: self._registry.sandbox(id_) is not None,
            namespace=settings.namespace,
            hook=self._self_metrics.containerd_metrics(TOPICS, IgnoredEvent) if is_on else None,
            calls=self._runtime_calls,
        )


def _static_sandboxes(entries: Iterable[StaticSandbox]) -> Iterator[SandboxSeen]:
    return (
        static_sandbox(entry.id, entry.agent_url, entry.pod, entry.containers) for entry in entries
    )
