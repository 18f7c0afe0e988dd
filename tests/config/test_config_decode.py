"""The configuration file: what it may hold, and how each mistake in it is told."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from decoded import errors, settings
from kata_exporter.config.settings import (
    CollectionSettings,
    ListenAddress,
    LogFormat,
    LogLevel,
    Settings,
    StaticSandbox,
    WebSettings,
)
from kata_exporter.discovery.containerd.events import task_filter
from kata_exporter.errors import ConfigError
from kata_exporter.model import Container, Pod

CONTRACT = """\
collection: {interval: 1s}
web: {listen_address: 127.0.0.1:9823}
log: {level: info, format: logfmt}
sandboxes:
  - id: demo-1
    agent_url: unix:///run/demo-1.sock
    pod: {namespace: shop, name: web-0, uid: u-1}
    containers: [{id: ctr-one, name: app}]
"""


def sandbox_with(line: str) -> str:
    return f"sandboxes:\n- id: demo-1\n  agent_url: unix:///a\n  {line}\n"


def test_the_contract() -> None:
    found = settings(CONTRACT)

    assert found == Settings(
        collection=CollectionSettings(interval_seconds=1),
        sandboxes=(
            StaticSandbox(
                id="demo-1",
                agent_url="unix:///run/demo-1.sock",
                pod=Pod(namespace="shop", name="web-0", uid="u-1"),
                containers=(Container("ctr-one", "app"),),
            ),
        ),
    )
    assert found.sandboxes[0].place == "c.yaml:5"


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "collection:\nsandboxes:\nweb:\nlog:\n"])
def test_an_empty_file_and_empty_sections_give_the_defaults(text: str) -> None:
    assert settings(text) == Settings()


def test_every_value_of_collection_is_read() -> None:
    text = "collection: {interval: 1m, timeout: 500ms, max_age: 5m, concurrency: 8}"

    assert settings(text).collection == CollectionSettings(60.0, 0.5, 300.0, 8)


def test_log_is_read() -> None:
    log = settings("log: {level: debug, format: json}").log

    assert (log.level, log.format) == (LogLevel.DEBUG, LogFormat.JSON)


def test_a_namespace_of_containerd_is_as_long_as_containerd_takes_it() -> None:
    """What is read here, the source of its events takes too."""
    text = "a" * 76
    found = settings(f"containerd: {{namespace: {text}}}")

    assert found.containerd.namespace == text
    assert text in task_filter(text)


def test_several_listen_addresses_are_a_list() -> None:
    web = settings("web: {listen_address: [':9823', '[::1]:0']}").web

    assert web.listen_addresses == (ListenAddress("", 9823), ListenAddress("::1", 0))


def test_the_switch_of_lifecycle_leaves_the_addresses() -> None:
    web = settings("web: {enable_lifecycle: true}").web

    assert web == WebSettings(enable_lifecycle=True)


@pytest.mark.parametrize("url", ["nonsense", "vsock://3", "http://x", "unix:///a b", "üñï://ö"])
def test_an_agent_url_that_is_none_is_no_mistake_of_the_file(url: str) -> None:
    """It shows as one sandbox that is down, and stops none of the others."""
    (sandbox,) = settings(f"sandboxes: [{{id: demo-1, agent_url: '{url}'}}]").sandboxes

    assert sandbox.agent_url == url


def test_names_may_be_any_printable_unicode_and_absent() -> None:
    (sandbox,) = settings(sandbox_with("pod: {namespace: 店, name: '\"\\'}")).sandboxes

    assert sandbox.pod == Pod(namespace="店", name='"\\')
    assert sandbox.containers == ()


def test_a_container_id_may_come_back_in_another_sandbox() -> None:
    text = (
        "sandboxes:\n"
        "- {id: demo-1, agent_url: 'unix:///a', containers: [{id: ctr-one}]}\n"
        "- {id: demo-2, agent_url: 'unix:///b', containers: [{id: ctr-one}]}\n"
    )

    assert [sandbox.id for sandbox in settings(text).sandboxes] == ["demo-1", "demo-2"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        # Unknown and missing keys.
        ("colection: {}", "c.yaml:1: colection: unknown key; did you mean 'collection'?"),
        ("\nweb: {listen: x}", "c.yaml:2: web.listen: unknown key; did you mean 'listen_address'?"),
        (
            "collectors: {cpu: true}",
            "c.yaml:1: collectors.cpu: unknown key; it is one of guest_metrics, container_stats",
        ),
        (
            "collectors: {guest_metrics: off}",
            "c.yaml:1: collectors.guest_metrics: 'off' is not a choice: write true or false",
        ),
        (
            "metrics:\n  max_series: 5",
            "c.yaml:2: metrics.max_series: must be a whole number from 1000 to 10000000, not 5",
        ),
        (
            "metrics: {max_series_per_sandbox: lots}",
            (
                "c.yaml:1: metrics.max_series_per_sandbox: must be a whole number from 100 to"
                " 1000000, not 'lots'"
            ),
        ),
        (
            "metrics: {deny: kata_*}",
            "c.yaml:1: metrics.deny: must be a list: begin each entry with '- '; here is",
        ),
        ("metrics: {allow: }", "c.yaml:1: metrics.allow: has no value: write [] for none"),
        ("log: {zzz: x}", "c.yaml:1: log.zzz: unknown key; it is one of level, format"),
        (
            "on: 1",
            (
                "c.yaml:1: on: unknown key; it is one of"
                " collection, collectors, metrics, discovery, cri, containerd, oom, web, log,"
                " sandboxes, sandboxes_directory"
            ),
        ),
        ("sandboxes:\n- {id: demo-1}", "c.yaml:2: sandboxes[0]: agent_url is missing: add it"),
        ("sandboxes:\n- {agent_url: x}", "c.yaml:2: sandboxes[0]: id is missing: add it"),
        (
            sandbox_with("containers: [{name: app}]"),
            "c.yaml:4: sandboxes[0].containers[0]: id is missing: add it",
        ),
        (
            sandbox_with("pod: {nmae: x}"),
            "c.yaml:4: sandboxes[0].pod.nmae: unknown key; did you mean 'name'?",
        ),
        # Wrong shapes.
        (
            "[1]",
            (
                "c.yaml:1: must be a mapping with the keys"
                " collection, collectors, metrics, discovery, cri, containerd, oom, web, log,"
                " sandboxes, sandboxes_directory; here is a list"
            ),
        ),
        (
            "web: 9823",
            (
                "c.yaml:1: web: must be a mapping with the keys listen_address, enable_lifecycle,"
                " admin_socket; here is a single value"
            ),
        ),
        (
            "sandboxes: {id: x}",
            "c.yaml:1: sandboxes: must be a list: begin each entry with '- '; here is a mapping",
        ),
        (
            "sandboxes: [~]",
            (
                "c.yaml:1: sandboxes[0]: must be a mapping with the keys id, agent_url, pod, oom, containers;"
                " here is a single value"
            ),
        ),
        (
            "log: {level: [info]}",
            "c.yaml:1: log.level: must be one of debug, info, warn, error; here is a list",
        ),
        (
            "log: {level: }",
            (
                "c.yaml:1: log.level: has no value: it must be one of debug, info, warn, error;"
                " write one, or leave the key out"
            ),
        ),
        # Durations.
        (
            "collection: {interval: 15}",
            "c.yaml:1: collection.interval: '15' has no unit: write a duration such as 15s or 500ms",
        ),
        (
            "collection: {interval: 500ms}",
            "c.yaml:1: collection.interval: must be from 1s to 1d",
        ),
        (
            "collection: {interval: 10s, timeout: 11s}",
            "c.yaml:1: collection.timeout: must be from 10ms to 10s (collection.interval)",
        ),
        (
            "collection: {interval: 10s, max_age: 9s}",
            "c.yaml:1: collection.max_age: must be from 10s to 1w3d (from collection.interval on)",
        ),
        # Numbers.
        (
            "collection: {concurrency: many}",
            "c.yaml:1: collection.concurrency: must be a whole number from 1 to 4096, not 'many'",
        ),
        (
            "collection: {concurrency: 0}",
            "c.yaml:1: collection.concurrency: must be a whole number from 1 to 4096, not 0",
        ),
        (
            "collection: {concurrency: 010}",
            "c.yaml:1: collection.concurrency: must be a whole number from 1 to 4096, not '010'",
        ),
        (
            "collection: {concurrency: '8'}",
            "c.yaml:1: collection.concurrency: must be a whole number from 1 to 4096, not '8'",
        ),
        # Addresses and choices.
        ("web: {listen_address: 9823}", "c.yaml:1: web.listen_address: '9823' has no port"),
        ("web: {listen_address: [':1', x]}", "c.yaml:1: web.listen_address[1]: 'x' has no port"),
        (
            "web: {listen_address: []}",
            "c.yaml:1: web.listen_address: is an empty list: name an address, or leave the key out",
        ),
        (
            "web: {admin_socket: run/a.sock}",
            "c.yaml:1: web.admin_socket: 'run/a.sock' is no absolute path without '..'",
        ),
        (
            "web: {admin_socket: }",
            "c.yaml:1: web.admin_socket: has no value: it must be the path of a socket",
        ),
        (
            "log: {level: loud}",
            "c.yaml:1: log.level: 'loud' is not a choice: write one of debug, info, warn, error",
        ),
        ("log: {format: off}", "c.yaml:1: log.format: 'off' is not a choice"),
        (
            "web: {enable_lifecycle: yes}",
            "c.yaml:1: web.enable_lifecycle: 'yes' is not a choice: write true or false",
        ),
        # Text that YAML takes for something else.
        (
            sandbox_with("pod: {namespace: no}"),
            (
                "c.yaml:4: sandboxes[0].pod.namespace: must be text, but YAML takes 'no' for"
                ' true or false: put it in quotes: "no"'
            ),
        ),
        (
            sandbox_with("pod: {uid: 12345}"),
            (
                "c.yaml:4: sandboxes[0].pod.uid: must be text, but YAML takes '12345' for a number:"
                ' put it in quotes: "12345"'
            ),
        ),
        (
            sandbox_with("pod: {name: 2024-01-01}"),
            (
                "c.yaml:4: sandboxes[0].pod.name: must be text, but YAML takes '2024-01-01' for"
                ' a timestamp: put it in quotes: "2024-01-01"'
            ),
        ),
        (
            f"sandboxes: [{{id: {'1' * 70}, agent_url: x}}]",
            (
                f"c.yaml:1: sandboxes[0].id: must be text, but YAML takes '{'1' * 59}…' for a number:"
                " quote it"
            ),
        ),
        (
            sandbox_with("pod: {uid: ~}"),
            (
                "c.yaml:4: sandboxes[0].pod.uid: has no value: it must be text;"
                " write one, or leave the key out"
            ),
        ),
        # Ids, lengths, characters.
        (
            "sandboxes: [{id: '../x', agent_url: x}]",
            "c.yaml:1: sandboxes[0].id: '../x' is no id: 2 to 128 ASCII letters",
        ),
        ("sandboxes: [{id: x, agent_url: x}]", "c.yaml:1: sandboxes[0].id: 'x' is no id"),
        (
            sandbox_with("containers: [{id: 'ü2'}]"),
            "c.yaml:4: sandboxes[0].containers[0].id: 'ü2' is no id",
        ),
        (
            sandbox_with(f"pod: {{namespace: {'n' * 254}}}"),
            "c.yaml:4: sandboxes[0].pod.namespace: has 254 characters, where 0 to 253 are allowed",
        ),
        (
            "sandboxes: [{id: demo-1, agent_url: ''}]",
            "c.yaml:1: sandboxes[0].agent_url: has 0 characters, where 1 to 4096 are allowed",
        ),
        (
            f"sandboxes: [{{id: demo-1, agent_url: {'u' * 4097}}}]",
            "c.yaml:1: sandboxes[0].agent_url: has 4097 characters, where 1 to 4096 are allowed",
        ),
        (
            'sandboxes: [{id: demo-1, agent_url: "unix:///a\\x1b[31m"}]',
            "c.yaml:1: sandboxes[0].agent_url: has the unprintable character U+001B: take it out",
        ),
        # The container runtime.
        (
            "cri: {endpoint: tcp://1.2.3.4:5}",
            "c.yaml:1: cri.endpoint: 'tcp://1.2.3.4:5' is no endpoint: write auto, none, or the path",
        ),
        (
            'cri: {pod_labels: [app, ""]}',
            "c.yaml:1: cri.pod_labels[1]: has 0 characters, where 1 to 317 are allowed",
        ),
        (
            "containerd: {namespace: a..b}",
            "c.yaml:1: containerd.namespace: 'a..b' is no id: at most",
        ),
        (f"containerd: {{namespace: {'a' * 77}}}", "c.yaml:1: containerd.namespace: 'aaaa"),
        # Duplicates.
        (
            "log: {level: info, level: debug}",
            "c.yaml:1: log.level: given twice, first in line 1: keep one",
        ),
        (
            sandbox_with("containers:\n  - id: ctr-one\n  - id: ctr-one"),
            (
                "c.yaml:6: sandboxes[0].containers[1].id: 'ctr-one' is the id of the container in line 5"
                " too: give each container an id of its own"
            ),
        ),
        (
            "sandboxes:\n- {id: demo-1, agent_url: a}\n- {id: demo-1, agent_url: b}",
            (
                "c.yaml:3: sandboxes[1].id: 'demo-1' is the id of the sandbox in line 2 too:"
                " give each sandbox an id of its own"
            ),
        ),
        # What the tree refuses is told once.
        ("web: *x", "c.yaml:1: web: aliases (*name) are not read: write the value out"),
        ("log: {level: !!str info}", "c.yaml:1: log.level: tags such as"),
    ],
)
def test_a_mistake_is_told_with_line_key_and_advice(text: str, error: str) -> None:
    lines = errors(text)

    assert len(lines) == 1, lines
    assert lines[0].startswith(error)


def test_all_mistakes_of_a_file_are_told_in_the_order_of_its_lines() -> None:
    text = (
        "web: {listen_address: x}\n"
        "collection:\n"
        "  interval: 15\n"
        "  interval: 15s\n"
        "  timeout: 11s\n"
        "sandboxes:\n"
        "- {id: '', agent_url: ''}\n"
        "typo: 1\n"
    )

    assert [line.split(": ")[:2] for line in errors(text)] == [
        ["c.yaml:1", "web.listen_address"],
        ["c.yaml:3", "collection.interval"],
        ["c.yaml:4", "collection.interval"],
        ["c.yaml:7", "sandboxes[0].id"],
        ["c.yaml:7", "sandboxes[0].agent_url"],
        ["c.yaml:8", "typo"],
    ]


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("15s"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "collection",
                    "discovery",
                    "directories",
                    "peer_uids",
                    "collectors",
                    "guest_metrics",
                    "metrics",
                    "allow",
                    "deny",
                    "max_series",
                    "sandboxes_directory",
                    "interval",
                    "timeout",
                    "web",
                    "listen_address",
                    "log",
                    "level",
                    "format",
                    "sandboxes",
                    "id",
                    "agent_url",
                    "pod",
                    "name",
                    "containers",
                    "x",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def outcome(text: str) -> tuple[Settings | None, list[str]]:
    try:
        return settings(text), []
    except ConfigError as error:
        return None, str(error).split("\n")


@given(st.text() | _TREES.map(lambda tree: yaml.safe_dump(tree, allow_unicode=True)))
def test_any_text_gives_settings_or_a_config_error_of_whole_lines(text: str) -> None:
    found, lines = outcome(text)

    assert isinstance(found, Settings) or lines
    assert all(line.startswith("c.yaml:") and line.isprintable() for line in lines)


_NAMES = st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=253)
_IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,20}", fullmatch=True)


@given(st.dictionaries(_IDS, st.tuples(_NAMES, _NAMES, _NAMES), max_size=4))
def test_what_a_yaml_writer_writes_is_read_back(entries: dict[str, tuple[str, str, str]]) -> None:
    written = {
        "sandboxes": [
            {"id": sandbox_id, "agent_url": url, "pod": {"namespace": namespace, "name": name}}
            for sandbox_id, (url, namespace, name) in entries.items()
        ]
    }

    found = settings(yaml.safe_dump(written, allow_unicode=True)).sandboxes

    assert found == tuple(
        StaticSandbox(sandbox_id, url, Pod(namespace=namespace, name=name))
        for sandbox_id, (url, namespace, name) in entries.items()
    )
