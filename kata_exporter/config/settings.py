"""What can be set, with the defaults. All frozen: a reload makes new ones and compares."""

import re
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from kata_exporter.config.words import quoted
from kata_exporter.model import AS_FOR_ALL, Container, OomRules, OwnOomRules, Pod

DEFAULT_TIMEOUT_SECONDS = 5.0
DEFAULT_MAX_AGE_INTERVALS = 3

_MAX_ADDRESS_LENGTH = 300  # a host name has 253 characters at most
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+", re.ASCII)
_IN_BRACKETS = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?)\]", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  read, not bound
_ADDRESS_FORMS = "write it as 127.0.0.1:9823, [::1]:9823, or :9823 for all interfaces"


class LogLevel(StrEnum):
    """The least severe log line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line is written."""

    LOGFMT = "logfmt"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where the web server listens.

    ``host`` is a name or an IP address without brackets, and empty for all interfaces; ``port`` 0
    has the kernel choose one.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "ListenAddress":
        """Read ``127.0.0.1:9823``, ``[::1]:9823``, ``name:9823`` or ``:9823``.

        Raises:
            ValueError: `text` is none of these; the error names the part that is wrong.
        """
        if len(text) > _MAX_ADDRESS_LENGTH:
            raise ValueError(f"{quoted(text)} is too long: {_ADDRESS_FORMS}")
        host, colon, port = text.rpartition(":")
        if not colon or host.startswith("[") != host.endswith("]"):
            raise ValueError(f"{quoted(text)} has no port: {_ADDRESS_FORMS}")
        if not _PORT.fullmatch(port) or int(port) > 65535:
            raise ValueError(
                f"{quoted(text)}: the port is no number from 0 to 65535: {_ADDRESS_FORMS}"
            )
        return cls(_parse_host(host, text), int(port))

    def reachable(self) -> "ListenAddress":
        """Return an address that can be connected to: of all interfaces, the loopback one."""
        return replace(self, host=_LOOPBACK.get(self.host, self.host))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _parse_host(host: str, text: str) -> str:
    in_brackets = _IN_BRACKETS.fullmatch(host)
    try:
        if in_brackets:
            return str(IPv6Address(in_brackets[1]))
        if _DIGITS_AND_DOTS.fullmatch(host):
            return str(IPv4Address(host))
    except AddressValueError as error:
        raise ValueError(f"{quoted(text)}: no IP address: {error}") from None
    if ":" in host and not host.startswith("["):
        raise ValueError(f"{quoted(text)}: an IPv6 address stands in brackets: {_ADDRESS_FORMS}")
    if host and not _HOST_NAME.fullmatch(host):
        raise ValueError(f"{quoted(text)}: no host name: {_ADDRESS_FORMS}")
    return host


@dataclass(frozen=True, slots=True)
class CollectionSettings:
    """When agents are asked, and how long an answer counts.

    ``timeout_seconds`` is the deadline of one call, and 0 stands for its default: the smaller of the
    interval and 5 s. ``max_age_seconds`` is how long the last answer of a failing call is shown, and
    0 stands for its default: 3 intervals. ``concurrency`` is how many sandboxes are asked at once.
    """

    interval_seconds: float = 15.0
    timeout_seconds: float = 0.0
    max_age_seconds: float = 0.0
    concurrency: int = 64

    def __post_init__(self) -> None:
        if not self.timeout_seconds:
            timeout = min(self.interval_seconds, DEFAULT_TIMEOUT_SECONDS)
            object.__setattr__(self, "timeout_seconds", timeout)
        if not self.max_age_seconds:
            max_age = DEFAULT_MAX_AGE_INTERVALS * self.interval_seconds
            object.__setattr__(self, "max_age_seconds", max_age)


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """What agents are asked for, a switch for each collector; one that is off makes no call."""

    guest_metrics: bool = True
    container_stats: bool = True

    @property
    def enabled(self) -> frozenset[str]:
        """Names of the collectors that are on."""
        return frozenset(each.name for each in fields(self) if getattr(self, each.name))


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Which of the collected metrics are kept, and how many series.

    ``allow`` and ``deny`` are patterns of metrics' names, and denying wins.
    ``max_series_per_sandbox`` and ``max_series`` bound one sandbox and all of them together.
    """

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    max_series_per_sandbox: int = 10_000
    max_series: int = 500_000


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """Where sandboxes are looked for, and what is trusted there.

    ``directories`` hold a folder for each sandbox, with its shim's socket. A socket that a shim
    announces must be in the sandbox's own folder there, below one of Kata's usual ``agent_roots``, or
    below one of these. ``agent_port`` is where agents listen, over either kind of vsock.
    ``peer_uids`` are users that sockets may belong to, beside root and our own.
    """

    directories: tuple[str, ...] = ("/run/vc/sbs", "/run/kata")
    agent_roots: tuple[str, ...] = ()
    agent_port: int = 1024
    peer_uids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CriSettings:
    """Where pods' names and containers come from.

    ``endpoint`` is ``auto``, ``none`` or ``unix:///PATH``. ``runtime_handlers`` are patterns of the
    handlers whose pods are Kata's, and ``pod_labels`` those of the labels of pods that are shown.
    """

    endpoint: str = "auto"
    runtime_handlers: tuple[str, ...] = ("kata*",)
    pod_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerdSettings:
    """Whose events of containers are heard; ``endpoint`` as CRI's, ``namespace`` is containerd's."""

    endpoint: str = "auto"
    namespace: str = "k8s.io"


@dataclass(frozen=True, slots=True)
class OomSettings:
    """How OOMs are accounted for.

    ``source`` and ``only_consumer`` hold where a sandbox has no rules of its own. ``state_file`` is a
    path, and empty for none; ``crio_bundles`` is the folder of CRI-O's bundles.
    """

    source: tuple[str, ...] = ("auto",)
    only_consumer: bool = False
    retention_seconds: float = 900.0
    poll_timeout_seconds: float = 30.0
    state_file: str = ""
    crio_bundles: str = "/run/containers/storage/overlay-containers"

    @property
    def rules(self) -> OomRules:
        """The rules for all that have none of their own."""
        return OomRules(self.source, self.only_consumer)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where metrics are served, and whether ``/-/reload`` is.

    ``admin_socket`` is the path of the unix socket that takes commands; there is none where it is
    empty.
    """

    listen_addresses: tuple[ListenAddress, ...] = (ListenAddress("127.0.0.1", 9823),)
    enable_lifecycle: bool = False
    admin_socket: str = ""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged, and how."""

    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.LOGFMT


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """What is made of spans, beside what the ``OTEL_`` variables say.

    ``console`` prints them. Collections in which something failed (``keep_failed``), or that took
    ``keep_slower_than_seconds`` or longer, are exported whole though they weren't sampled; 0 seconds
    keep none for that. ``max_spans_per_minute`` bounds all that is exported.
    """

    console: bool = False
    keep_failed: bool = True
    keep_slower_than_seconds: float = 2.0
    max_spans_per_minute: int = 30_000


@dataclass(frozen=True, slots=True)
class StaticSandbox:
    """A sandbox that a file of the configuration names.

    ``agent_url`` is as written: one that can't be read shows as a sandbox that is down, and stops
    none of the others. ``file`` and ``line`` (from 1) are where the entry begins.
    """

    id: str
    agent_url: str
    pod: Pod = field(default_factory=Pod)
    containers: tuple[Container, ...] = ()
    oom: OwnOomRules = AS_FOR_ALL
    line: int | None = field(default=None, compare=False)
    file: str = field(default="", compare=False)

    @property
    def place(self) -> str:
        """Where its entry is, as ``FILE:LINE``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set.

    ``sandboxes`` are those of all files. ``sandboxes_directory`` is where more of them were looked
    for; it is empty where no folder was named.
    """

    collection: CollectionSettings = field(default_factory=CollectionSettings)
    collectors: CollectorSettings = field(default_factory=CollectorSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    discovery: DiscoverySettings = field(default_factory=DiscoverySettings)
    cri: CriSettings = field(default_factory=CriSettings)
    containerd: ContainerdSettings = field(default_factory=ContainerdSettings)
    oom: OomSettings = field(default_factory=OomSettings)
    web: WebSettings = field(default_factory=WebSettings)
    log: LogSettings = field(default_factory=LogSettings)
    tracing: TracingSettings = field(default_factory=TracingSettings)
    sandboxes: tuple[StaticSandbox, ...] = ()
    sandboxes_directory: str = ""


def by_hand(settings: Settings) -> Settings:
    """Return `settings` without what finds sandboxes by itself: only those that are listed count."""
    return replace(
        settings,
        discovery=replace(settings.discovery, directories=()),
        cri=replace(settings.cri, endpoint="none"),
        containerd=replace(settings.containerd, endpoint="none"),
    )
