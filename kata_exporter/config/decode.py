"""From the trees of the configuration's files to `Settings`: their keys, and what they may hold."""

from kata_exporter.config.cursor import Cursor
from kata_exporter.config.decode_oom import decode_oom, decode_oom_rules
from kata_exporter.config.decode_tracing import decode_tracing
from kata_exporter.config.keys import children
from kata_exporter.config.paths import (
    parse_absolute_path,
    parse_endpoint,
    parse_path,
    parse_socket_path,
)
from kata_exporter.config.settings import (
    CollectionSettings,
    CollectorSettings,
    ContainerdSettings,
    CriSettings,
    DiscoverySettings,
    ListenAddress,
    LogFormat,
    LogLevel,
    LogSettings,
    MetricsSettings,
    Settings,
    StaticSandbox,
    WebSettings,
)
from kata_exporter.model import (
    AS_FOR_ALL,
    CONTAINERD_NAMESPACE,
    MAX_LABEL_KEY_CHARACTERS,
    MAX_NAME_CHARACTERS,
    SANDBOX_ID,
    SANDBOX_ID_RULE,
    Container,
    Pod,
)
from kata_exporter.sockets import MAX_URL_CHARACTERS

MIN_INTERVAL_SECONDS = 1.0
MAX_INTERVAL_SECONDS = 86_400.0
MIN_TIMEOUT_SECONDS = 0.01
MAX_AGE_SECONDS = 10 * MAX_INTERVAL_SECONDS
MAX_CONCURRENCY = 4096
MIN_SERIES_PER_SANDBOX = 100
MAX_SERIES_PER_SANDBOX = 1_000_000
MIN_SERIES = 1_000
MAX_SERIES = 10_000_000
MAX_PORT = 2**32 - 2  # of vsock, whose last number stands for any
MAX_UID = 2**32 - 2  # the last number stands for none
MAX_LISTED = 64

_NAMESPACE_RULE = (
    "at most 76 letters and digits, with single '.', '-' or '_' between them, as k8s.io"
)
_ADDRESS_WANTED = "must be an address such as 127.0.0.1:9823"
_PATH_WANTED = "must be the path of a folder"


class Ids:
    """Where each id was given first, so that no two sandboxes or containers share one."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._places: dict[str, tuple[str, int]] = {}

    def new(self, place: Cursor | None) -> str | None:
        """Return the id at `place`, unless it is none, or was given before."""
        text = place.identifier(SANDBOX_ID, SANDBOX_ID_RULE) if place else None
        if place is None or text is None:
            return None
        if text in self._places:
            file, line = self._places[text]
            where = f"in line {line}" if file == place.file else f"at {file}:{line}"
            noun = self._noun
            place.fail(
                f"{text!r} is the id of the {noun} {where} too: give each {noun} an id of its own"
            )
            return None
        self._places[text] = (place.file, place.line)
        return text


def sandbox_ids() -> Ids:
    """Return ids for the sandboxes of all files of a configuration."""
    return Ids("sandbox")


def decode(root: Cursor, ids: Ids) -> Settings:
    """Return the settings of the file; problems go to the cursor's list, and defaults fill in."""
    sections = root.table(children(""))
    defaults = Settings()
    collection, discovery = sections.get("collection"), sections.get("discovery")
    collectors, metrics = sections.get("collectors"), sections.get("metrics")
    cri, containerd = sections.get("cri"), sections.get("containerd")
    oom, web, log = sections.get("oom"), sections.get("web"), sections.get("log")
    tracing = sections.get("tracing")
    sandboxes, directory = sections.get("sandboxes"), sections.get("sandboxes_directory")
    return Settings(
        collection=_collection(collection) if collection else defaults.collection,
        collectors=_collectors(collectors) if collectors else defaults.collectors,
        metrics=_metrics(metrics) if metrics else defaults.metrics,
        discovery=_discovery(discovery) if discovery else defaults.discovery,
        cri=_cri(cri) if cri else defaults.cri,
        containerd=_containerd(containerd) if containerd else defaults.containerd,
        oom=decode_oom(oom) if oom else defaults.oom,
        web=_web(web) if web else defaults.web,
        log=_log(log) if log else defaults.log,
        tracing=decode_tracing(tracing) if tracing else defaults.tracing,
        sandboxes=_sandboxes(sandboxes, ids) if sandboxes else (),
        sandboxes_directory=(directory.parsed(parse_path, _PATH_WANTED) if directory else "") or "",
    )


def decode_sandboxes(root: Cursor, ids: Ids) -> tuple[StaticSandbox, ...]:
    """Return the sandboxes of a file that may hold nothing else; problems as with `decode`."""
    sandboxes = root.table(("sandboxes",)).get("sandboxes")
    return _sandboxes(sandboxes, ids) if sandboxes else ()


def _collection(section: Cursor) -> CollectionSettings:
    values = section.table(children("collection"))
    interval, timeout = values.get("interval"), values.get("timeout")
    max_age, concurrency = values.get("max_age"), values.get("concurrency")
    defaults = CollectionSettings()
    interval_seconds: float | None = defaults.interval_seconds
    if interval:
        interval_seconds = interval.duration(
            at_least=MIN_INTERVAL_SECONDS, at_most=MAX_INTERVAL_SECONDS
        )
    # Without a sound interval nothing is said of what is measured by it.
    shortest_age = interval_seconds or 0.0
    longest_timeout = interval_seconds or MAX_INTERVAL_SECONDS
    timeout_seconds = max_age_seconds = count = None
    if timeout:
        timeout_seconds = timeout.duration(
            at_least=MIN_TIMEOUT_SECONDS, at_most=longest_timeout, note=" (collection.interval)"
        )
    if max_age:
        max_age_seconds = max_age.duration(
            at_least=shortest_age, at_most=MAX_AGE_SECONDS, note=" (from collection.interval on)"
        )
    if concurrency:
        count = concurrency.whole_number(at_least=1, at_most=MAX_CONCURRENCY)
    return CollectionSettings(
        interval_seconds=interval_seconds or defaults.interval_seconds,
        timeout_seconds=timeout_seconds or 0.0,
        max_age_seconds=max_age_seconds or 0.0,
        concurrency=count or defaults.concurrency,
    )


def _collectors(section: Cursor) -> CollectorSettings:
    values = section.table(children("collectors"))
    switches = {name: place.switch() for name, place in values.items()}
    return CollectorSettings(**{name: on for name, on in switches.items() if on is not None})


def _metrics(section: Cursor) -> MetricsSettings:
    values = section.table(children("metrics"))
    allow, deny = values.get("allow"), values.get("deny")
    of_one, of_all = values.get("max_series_per_sandbox"), values.get("max_series")
    per_sandbox = in_all = None
    if of_one:
        per_sandbox = of_one.whole_number(
            at_least=MIN_SERIES_PER_SANDBOX, at_most=MAX_SERIES_PER_SANDBOX
        )
    if of_all:
        in_all = of_all.whole_number(at_least=MIN_SERIES, at_most=MAX_SERIES)
    defaults = MetricsSettings()
    return MetricsSettings(
        allow=_patterns(allow) if allow else defaults.allow,
        deny=_patterns(deny) if deny else defaults.deny,
        max_series_per_sandbox=per_sandbox or defaults.max_series_per_sandbox,
        max_series=in_all or defaults.max_series,
    )


def _discovery(section: Cursor) -> DiscoverySettings:
    values = section.table(children("discovery"))
    directories, roots = values.get("directories"), values.get("agent_roots")
    port, uids = values.get("agent_port"), values.get("peer_uids")
    defaults = DiscoverySettings()
    agent_port = port.whole_number(at_least=1, at_most=MAX_PORT) if port else None
    return DiscoverySettings(
        directories=_paths(directories) if directories else defaults.directories,
        agent_roots=_paths(roots) if roots else defaults.agent_roots,
        agent_port=agent_port or defaults.agent_port,
        peer_uids=_uids(uids) if uids else defaults.peer_uids,
    )


def _paths(section: Cursor) -> tuple[str, ...]:
    places = section.items(may_be_null=False, at_most=MAX_LISTED)
    parsed = [place.parsed(parse_absolute_path, "must be an absolute path") for place in places]
    return tuple(dict.fromkeys(path for path in parsed if path is not None))


def _uids(section: Cursor) -> tuple[int, ...]:
    places = section.items(may_be_null=False, at_most=MAX_LISTED)
    numbers = [place.whole_number(at_least=0, at_most=MAX_UID) for place in places]
    return tuple(dict.fromkeys(uid for uid in numbers if uid is not None))


def _cri(section: Cursor) -> CriSettings:
    values = section.table(children("cri"))
    endpoint, handlers = values.get("endpoint"), values.get("runtime_handlers")
    labels, defaults = values.get("pod_labels"), CriSettings()
    return CriSettings(
        endpoint=_endpoint(endpoint) or defaults.endpoint,
        runtime_handlers=_patterns(handlers) if handlers else defaults.runtime_handlers,
        pod_labels=_patterns(labels) if labels else defaults.pod_labels,
    )


def _containerd(section: Cursor) -> ContainerdSettings:
    values = section.table(children("containerd"))
    namespace, defaults = values.get("namespace"), ContainerdSettings()
    name = namespace.identifier(CONTAINERD_NAMESPACE, _NAMESPACE_RULE) if namespace else None
    return ContainerdSettings(
        endpoint=_endpoint(values.get("endpoint")) or defaults.endpoint,
        namespace=name or defaults.namespace,
    )


def _endpoint(place: Cursor | None) -> str | None:
    return place.parsed(parse_endpoint, "must be auto, none or unix:///PATH") if place else None


def _patterns(section: Cursor) -> tuple[str, ...]:
    places = section.items(may_be_null=False, at_most=MAX_LISTED)
    texts = [place.text(min_length=1, max_length=MAX_LABEL_KEY_CHARACTERS) for place in places]
    return tuple(dict.fromkeys(text for text in texts if text is not None))


def _web(section: Cursor) -> WebSettings:
    values = section.table(children("web"))
    address, socket = values.get("listen_address"), values.get("admin_socket")
    switch = values.get("enable_lifecycle")
    lifecycle = switch.switch() if switch else None
    path = socket.parsed(parse_socket_path, "must be the path of a socket") if socket else None
    return WebSettings(
        _addresses(address) if address else WebSettings().listen_addresses,
        enable_lifecycle=lifecycle or False,
        admin_socket=path or "",
    )


def _addresses(address: Cursor) -> tuple[ListenAddress, ...]:
    places = address.items() if address.is_list() else [address]
    if address.is_list() and not places:
        address.fail("is an empty list: name an address, or leave the key out")
    parsed = [place.parsed(ListenAddress.parse, _ADDRESS_WANTED) for place in places]
    return tuple(found for found in parsed if found is not None)


def _log(section: Cursor) -> LogSettings:
    values = section.table(children("log"))
    level, log_format = values.get("level"), values.get("format")
    defaults = LogSettings()
    return LogSettings(
        level=(level.choice(LogLevel) if level else None) or defaults.level,
        format=(log_format.choice(LogFormat) if log_format else None) or defaults.format,
    )


def _sandboxes(section: Cursor, ids: Ids) -> tuple[StaticSandbox, ...]:
    sandboxes = [_sandbox(entry, ids) for entry in section.items()]
    return tuple(sandbox for sandbox in sandboxes if sandbox is not None)


def _sandbox(entry: Cursor, ids: Ids) -> StaticSandbox | None:
    values = entry.table(children("sandboxes[]"), required=("id", "agent_url"))
    sandbox_id = ids.new(values.get("id"))
    url, pod = values.get("agent_url"), values.get("pod")
    agent_url = url.text(min_length=1, max_length=MAX_URL_CHARACTERS) if url else None
    pod_noun = _pod(pod) if pod else Pod()
    containers = _containers(values["containers"]) if "containers" in values else ()
    own_oom = values.get("oom")
    oom = decode_oom_rules(own_oom, "sandboxes[].oom") if own_oom else AS_FOR_ALL
    if sandbox_id is None or agent_url is None:
        return None
    return StaticSandbox(sandbox_id, agent_url, pod_noun, containers, oom, entry.line, entry.file)


def _pod(section: Cursor) -> Pod:
    values = section.table(children("sandboxes[].pod"))
    return Pod(
        namespace=_name(values.get("namespace")),
        name=_name(values.get("name")),
        uid=_name(values.get("uid")),
    )


def _containers(section: Cursor) -> tuple[Container, ...]:
    ids = Ids("container")
    containers: list[Container] = []
    for entry in section.items():
        values = entry.table(children("sandboxes[].containers[]"), required=("id",))
        container_id = ids.new(values.get("id"))
        name = _name(values.get("name"))
        if container_id is not None:
            containers.append(Container(container_id, name))
    return tuple(containers)


def _name(place: Cursor | None) -> str:
    return (place.text(max_length=MAX_NAME_CHARACTERS) if place else None) or ""
