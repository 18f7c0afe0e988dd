"""From the section ``oom`` of the configuration to its settings, and from the one of an entry."""

from kata_exporter.config.cursor import Cursor
from kata_exporter.config.keys import children
from kata_exporter.config.paths import NONE, parse_absolute_path
from kata_exporter.config.settings import OomSettings
from kata_exporter.config.words import quoted
from kata_exporter.model import OwnOomRules

AUTO, OFF = "auto", "off"
SOURCES = ("containerd", "crio", "vmstat", "agent")
"""What may be chosen."""

MIN_RETENTION_SECONDS = 60.0
MAX_RETENTION_SECONDS = 86_400.0
MIN_POLL_SECONDS = 1.0
MAX_POLL_SECONDS = 600.0

_SOURCE_WANTED = f"must be {AUTO} or {OFF}, or one or a list of {', '.join(SOURCES)}"
_PATH_WANTED = "must be an absolute path"
_FILE_WANTED = "must be an absolute path, or none"


def decode_oom(section: Cursor) -> OomSettings:
    """Return the settings; problems go to the cursor's list, and defaults fill in."""
    values, defaults = section.table(children("oom")), OomSettings()
    retention, poll = values.get("retention"), values.get("poll_timeout")
    state_file, bundles = values.get("state_file"), values.get("crio_bundles")
    retention_seconds = poll_seconds = None
    if retention:
        retention_seconds = retention.duration(
            at_least=MIN_RETENTION_SECONDS, at_most=MAX_RETENTION_SECONDS
        )
    if poll:
        poll_seconds = poll.duration(at_least=MIN_POLL_SECONDS, at_most=MAX_POLL_SECONDS)
    rules = _rules(values).over(defaults.rules)
    return OomSettings(
        source=rules.sources,
        only_consumer=rules.only_consumer,
        retention_seconds=retention_seconds or defaults.retention_seconds,
        poll_timeout_seconds=poll_seconds or defaults.poll_timeout_seconds,
        state_file=(state_file.parsed(_parse_file, _FILE_WANTED) if state_file else "") or "",
        crio_bundles=(bundles.parsed(parse_absolute_path, _PATH_WANTED) if bundles else "")
        or defaults.crio_bundles,
    )


def decode_oom_rules(section: Cursor, name: str) -> OwnOomRules:
    """Return the rules that a section of this dotted name has for one sandbox."""
    return _rules(section.table(children(name)))


def parse_sources_word(text: str) -> tuple[str, ...]:
    """Return what one word says: ``auto``, ``off`` or a source.

    Raises:
        ValueError: it is none of them.
    """
    if text == OFF:
        return ()
    return (text if text == AUTO else parse_source(text),)


def parse_source(text: str) -> str:
    """Return one of the sources.

    Raises:
        ValueError: it is none.
    """
    if text not in SOURCES:
        raise ValueError(f"{quoted(text)} is no source of OOMs: it {_SOURCE_WANTED}")
    return text


def _rules(values: dict[str, Cursor]) -> OwnOomRules:
    source, switch = values.get("source"), values.get("only_consumer")
    return OwnOomRules(_sources(source) if source else None, switch.switch() if switch else None)


def _sources(place: Cursor) -> tuple[str, ...] | None:
    if not place.is_list():
        return place.parsed(parse_sources_word, _SOURCE_WANTED)
    places = place.items(may_be_null=False, at_most=len(SOURCES))
    parsed = [one.parsed(parse_source, _SOURCE_WANTED) for one in places]
    return tuple(dict.fromkeys(word for word in parsed if word is not None))


def _parse_file(text: str) -> str:
    return "" if text == NONE else parse_absolute_path(text)
