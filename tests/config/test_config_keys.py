"""The table of keys: what the file and the flags may say, and what a reload takes."""

from dataclasses import fields, is_dataclass, replace
from itertools import chain

import pytest

from kata_exporter.config.keys import (
    BY_FLAG,
    KEYS,
    Key,
    children,
    left_for_a_restart,
    with_what_needs_a_restart,
)
from kata_exporter.config.load import parse_settings
from kata_exporter.config.overrides import OVERRIDES
from kata_exporter.config.problems import Problems
from kata_exporter.config.settings import ListenAddress, Settings
from kata_exporter.model import OomRules, OwnOomRules

OTHERS = {
    "collection.interval": "1m",
    "collection.timeout": "1s",
    "collection.max_age": "1h",
    "collection.concurrency": "8",
    "collectors.guest_metrics": "false",
    "collectors.container_stats": "false",
    "metrics.allow": "[kata_guest_*]",
    "metrics.deny": "[kata_guest_vmstat_*]",
    "metrics.max_series_per_sandbox": "500",
    "metrics.max_series": "5000",
    "discovery.directories": "[/other]",
    "discovery.agent_roots": "[/other]",
    "discovery.agent_port": "2048",
    "discovery.peer_uids": "[7]",
    "cri.endpoint": "none",
    "cri.runtime_handlers": "[qemu]",
    "cri.pod_labels": "[app]",
    "containerd.endpoint": "'unix:///a.sock'",
    "containerd.namespace": "moby",
    "oom.source": "[containerd, vmstat]",
    "oom.only_consumer": "true",
    "oom.retention": "1h",
    "oom.poll_timeout": "10s",
    "oom.state_file": "/var/lib/oom.json",
    "oom.crio_bundles": "/other",
    "web.listen_address": "':1'",
    "web.enable_lifecycle": "true",
    "web.admin_socket": "/run/admin.sock",
    "log.level": "debug",
    "log.format": "json",
    "tracing.console": "true",
    "tracing.keep_failed": "false",
    "tracing.keep_slower_than": "1m",
    "tracing.max_spans_per_minute": "100",
    "sandboxes": "[{id: box-a, agent_url: 'unix:///a'}]",
    "sandboxes_directory": "/other",
}
"""For each key that is a setting, a value that isn't its default."""

ENTRY = "sandboxes: [{id: box-a, agent_url: 'unix:///a', pod: {%s}, containers: [{id: c-1, %s}], oom: {%s}}]"

RELOADED = {
    "collection.interval",
    "collection.timeout",
    "collection.max_age",
    "collection.concurrency",
    "collectors.guest_metrics",
    "collectors.container_stats",
    "metrics.allow",
    "metrics.deny",
    "metrics.max_series_per_sandbox",
    "metrics.max_series",
    "oom.source",
    "oom.only_consumer",
    "oom.retention",
    "log.level",
    "log.format",
    "tracing.keep_failed",
    "tracing.keep_slower_than",
    "tracing.max_spans_per_minute",
    "sandboxes",
    "sandboxes_directory",
}
SETTINGS = [key for key in KEYS if key.setting]


def settings_of(text: str) -> Settings:
    problems = Problems()
    settings = parse_settings(text, "c.yaml", problems)
    problems.raise_if_any()
    return settings


def written(key: Key, value: str) -> str:
    section, _, name = key.name.rpartition(".")
    return f"{section}: {{{name}: {value}}}" if section else f"{name}: {value}"


def named(key: Key) -> str:
    return key.name


def test_every_key_that_is_a_setting_has_another_value_here() -> None:
    assert {key.name for key in SETTINGS} == set(OTHERS)


@pytest.mark.parametrize("key", SETTINGS, ids=named)
def test_a_key_of_the_table_is_read_into_its_setting_alone(key: Key) -> None:
    """So the table has no key that the file doesn't."""
    found = settings_of(written(key, OTHERS[key.name]))

    assert key.value(found) != key.value(Settings())
    # What follows from the interval is no setting of its own.
    follows = {"collection.timeout", "collection.max_age"} if "interval" in key.name else set()
    others = [other for other in SETTINGS if other is not key and other.name not in follows]
    assert [other.name for other in others if other.value(found) != other.value(Settings())] == []


def test_every_setting_has_a_key() -> None:
    """So the file has no key that the table doesn't: what it may say is taken from the table."""
    settings = Settings()
    parts = {part.name: getattr(settings, part.name) for part in fields(Settings)}
    paths = chain.from_iterable(
        (f"{name}.{inner.name}" for inner in fields(part)) if is_dataclass(part) else (name,)
        for name, part in parts.items()
    )

    assert sorted(paths) == sorted(key.setting for key in SETTINGS)


def test_a_part_of_an_entry_is_read() -> None:
    names = {key.name.removeprefix("sandboxes[].") for key in KEYS if not key.setting}

    assert names == {
        "id",
        "agent_url",
        "pod.namespace",
        "pod.name",
        "pod.uid",
        "oom.source",
        "oom.only_consumer",
        "containers[].id",
        "containers[].name",
    }
    texts = ("namespace: a, name: b, uid: c", "name: d", "source: agent, only_consumer: true")
    (sandbox,) = settings_of(ENTRY % texts).sandboxes
    pod, (container,) = sandbox.pod, sandbox.containers
    assert [pod.namespace, pod.name, pod.uid, container.name] == ["a", "b", "c", "d"]
    assert sandbox.oom == OwnOomRules(("agent",), only_consumer=True)


@pytest.mark.parametrize(
    ("own", "rules"),
    [
        ("", OomRules(("vmstat",), only_consumer=True)),
        ("oom: {only_consumer: false}", OomRules(("vmstat",), only_consumer=False)),
        ("oom: {source: 'off'}", OomRules((), only_consumer=True)),
    ],
)
def test_what_an_entry_does_not_say_of_ooms_is_as_for_all(own: str, rules: OomRules) -> None:
    entry = f"{{id: box-a, agent_url: 'unix:///a', {own}}}"
    settings = settings_of(f"oom: {{source: vmstat, only_consumer: true}}\nsandboxes: [{entry}]")
    (sandbox,) = settings.sandboxes

    assert sandbox.oom.over(settings.oom.rules) == rules


@pytest.mark.parametrize("key", SETTINGS, ids=named)
def test_the_default_is_the_one_that_the_table_tells(key: Key) -> None:
    if key.name in FOLLOWING:
        assert " " in key.default
        return

    assert key.value(settings_of(written(key, key.default))) == key.value(Settings())


FOLLOWING = {"collection.timeout", "collection.max_age", "sandboxes_directory"}
"""Keys whose default follows from something else."""


def test_the_flags_of_the_table_are_those_of_the_command_line() -> None:
    assert set(BY_FLAG) == {override.flag for override in OVERRIDES}


@pytest.mark.parametrize("key", BY_FLAG.values(), ids=named)
def test_a_flag_sets_the_key_that_the_table_says(key: Key) -> None:
    (override,) = (override for override in OVERRIDES if override.flag == key.flag)
    value = OTHERS[key.name].strip("[]'")

    found = override.apply(Settings(), [value])

    assert key.value(found) == key.value(settings_of(written(key, OTHERS[key.name])))


def test_children_are_the_keys_directly_within() -> None:
    assert children("sandboxes[]") == ("id", "agent_url", "pod", "oom", "containers")
    assert children("log") == ("level", "format")


def test_what_reloads() -> None:
    assert {key.name for key in SETTINGS if key.reloads} == RELOADED


@pytest.mark.parametrize("key", SETTINGS, ids=named)
def test_a_key_that_needs_a_restart_is_named_when_it_changes(key: Key) -> None:
    running = Settings()
    after = settings_of(written(key, OTHERS[key.name]))

    left = list(left_for_a_restart(running, running, after))

    assert left == ([] if key.name in RELOADED else [key.name])


@pytest.mark.parametrize("key", SETTINGS, ids=named)
def test_a_key_that_needs_a_restart_stays_as_it_runs_and_any_other_is_taken(key: Key) -> None:
    running = Settings()
    after = settings_of(written(key, OTHERS[key.name]))

    held = with_what_needs_a_restart(after, running)

    assert held == (after if key.name in RELOADED else running)


def test_it_is_named_once_and_not_when_it_comes_back() -> None:
    running = Settings()
    web = replace(running.web, listen_addresses=(ListenAddress("", 1),))
    after = replace(running, web=web)

    assert list(left_for_a_restart(running, after, after)) == []
    assert list(left_for_a_restart(running, after, running)) == []
