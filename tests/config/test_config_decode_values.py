"""The configuration file: what it may hold, and what is read of it."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from decoded import settings
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
    pod = "{namespace: 店, name: '\"\\'}"
    (sandbox,) = settings(f"sandboxes: [{{id: demo-1, agent_url: x, pod: {pod}}}]").sandboxes

    assert sandbox.pod == Pod(namespace="店", name='"\\')
    assert sandbox.containers == ()


def test_a_container_id_may_come_back_in_another_sandbox() -> None:
    text = (
        "sandboxes:\n"
        "- {id: demo-1, agent_url: 'unix:///a', containers: [{id: ctr-one}]}\n"
        "- {id: demo-2, agent_url: 'unix:///b', containers: [{id: ctr-one}]}\n"
    )

    assert [sandbox.id for sandbox in settings(text).sandboxes] == ["demo-1", "demo-2"]


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
