"""From the tree of the configuration file to `Settings`: the file's keys, and what they may hold."""

from kata_exporter.config.cursor import Cursor
from kata_exporter.config.settings import (
    CollectionSettings,
    ListenAddress,
    LogFormat,
    LogLevel,
    LogSettings,
    Settings,
    StaticSandbox,
    WebSettings,
)
from kata_exporter.model import SANDBOX_ID, Container, Pod

MIN_INTERVAL_SECONDS = 1.0
MAX_INTERVAL_SECONDS = 86_400.0
MIN_TIMEOUT_SECONDS = 0.01
MAX_AGE_SECONDS = 10 * MAX_INTERVAL_SECONDS
MAX_CONCURRENCY = 4096
MAX_NAME_LENGTH = 253  # a DNS subdomain, the longest name that Kubernetes gives
MAX_URL_LENGTH = 4096

_ID_RULE = "2 to 128 ASCII letters, digits, '_', '.' or '-', a letter or digit first"
_ADDRESS_WANTED = "must be an address such as 127.0.0.1:9823"


def decode(root: Cursor) -> Settings:
    """Return the settings of the file; problems go to the cursor's list, and defaults fill in."""
    sections = root.table(("collection", "web", "log", "sandboxes"))
    defaults = Settings()
    collection, web = sections.get("collection"), sections.get("web")
    log, sandboxes = sections.get("log"), sections.get("sandboxes")
    return Settings(
        collection=_collection(collection) if collection else defaults.collection,
        web=_web(web) if web else defaults.web,
        log=_log(log) if log else defaults.log,
        sandboxes=_sandboxes(sandboxes) if sandboxes else (),
    )


def _collection(section: Cursor) -> CollectionSettings:
    values = section.table(("interval", "timeout", "max_age", "concurrency"))
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


def _web(section: Cursor) -> WebSettings:
    address = section.table(("listen_address",)).get("listen_address")
    if address is None:
        return WebSettings()
    places = address.items() if address.is_list() else [address]
    if address.is_list() and not places:
        address.fail("is an empty list: name an address, or leave the key out")
    parsed = [place.parsed(ListenAddress.parse, _ADDRESS_WANTED) for place in places]
    return WebSettings(tuple(found for found in parsed if found is not None))


def _log(section: Cursor) -> LogSettings:
    values = section.table(("level", "format"))
    level, log_format = values.get("level"), values.get("format")
    defaults = LogSettings()
    return LogSettings(
        level=(level.choice(LogLevel) if level else None) or defaults.level,
        format=(log_format.choice(LogFormat) if log_format else None) or defaults.format,
    )


def _sandboxes(section: Cursor) -> tuple[StaticSandbox, ...]:
    lines: dict[str, int] = {}
    sandboxes = [_sandbox(entry, lines) for entry in section.items()]
    return tuple(sandbox for sandbox in sandboxes if sandbox is not None)


def _sandbox(entry: Cursor, lines: dict[str, int]) -> StaticSandbox | None:
    values = entry.table(("id", "agent_url", "pod", "containers"), required=("id", "agent_url"))
    sandbox_id = _unique_id(values.get("id"), lines, "sandbox")
    url, pod = values.get("agent_url"), values.get("pod")
    agent_url = url.text(min_length=1, max_length=MAX_URL_LENGTH) if url else None
    pod_noun = _pod(pod) if pod else Pod()
    containers = _containers(values["containers"]) if "containers" in values else ()
    if sandbox_id is None or agent_url is None:
        return None
    return StaticSandbox(sandbox_id, agent_url, pod_noun, containers, entry.line)


def _pod(section: Cursor) -> Pod:
    values = section.table(("namespace", "name", "uid"))
    return Pod(
        namespace=_name(values.get("namespace")),
        name=_name(values.get("name")),
        uid=_name(values.get("uid")),
    )


def _containers(section: Cursor) -> tuple[Container, ...]:
    lines: dict[str, int] = {}
    containers: list[Container] = []
    for entry in section.items():
        values = entry.table(("id", "name"), required=("id",))
        container_id = _unique_id(values.get("id"), lines, "container")
        name = _name(values.get("name"))
        if container_id is not None:
            containers.append(Container(container_id, name))
    return tuple(containers)


def _unique_id(place: Cursor | None, lines: dict[str, int], noun: str) -> str | None:
    text = place.identifier(SANDBOX_ID, _ID_RULE) if place else None
    if place is None or text is None:
        return None
    if text in lines:
        place.fail(
            f"{text!r} is the id of the {noun} in line {lines[text]} too:"
            f" give each {noun} an id of its own"
        )
        return None
    lines[text] = place.line
    return text


def _name(place: Cursor | None) -> str:
    return (place.text(max_length=MAX_NAME_LENGTH) if place else None) or ""
