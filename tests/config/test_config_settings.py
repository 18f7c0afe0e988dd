"""Settings: listen addresses, and defaults that follow from other settings."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.config.settings import (
    CollectionSettings,
    ListenAddress,
    LogFormat,
    LogLevel,
    Settings,
    StaticSandbox,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9823", "127.0.0.1", 9823),
        ("[::1]:9823", "::1", 9823),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        ("[::]:9823", "::", 9823),
        (":9823", "", 9823),
        ("localhost:0", "localhost", 0),
        ("node-1.example:65535", "node-1.example", 65535),
    ],
)
def test_a_listen_address_is_read_and_written_back(text: str, host: str, port: int) -> None:
    address = ListenAddress.parse(text)

    assert address == ListenAddress(host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no port"),
        ("9823", "has no port"),
        ("127.0.0.1", "has no port"),
        ("[::1]", "has no port"),
        ("127.0.0.1:", "no number from 0 to 65535"),
        ("127.0.0.1:http", "no number from 0 to 65535"),
        ("127.0.0.1:65536", "no number from 0 to 65535"),
        ("127.0.0.1:-1", "no number from 0 to 65535"),
        ("127.0.0.1:٩", "no number from 0 to 65535"),
        ("::1:9823", "stands in brackets"),
        ("[::g]:9823", "no host name"),
        ("[1::2::3]:9823", "no IP address"),
        ("[]:9823", "no host name"),
        ("256.1.1.1:9823", "no IP address"),
        ("1.2.3:9823", "no IP address"),
        ("a b:9823", "no host name"),
        ("http://x:9823", "stands in brackets|no host name"),
        ("-x:9823", "no host name"),
        ("x" * 400 + ":1", "too long"),
    ],
)
def test_a_listen_address_that_is_none_is_refused_with_the_part_at_fault(
    text: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        ListenAddress.parse(text)


@given(st.text())
def test_any_text_is_a_listen_address_or_a_value_error(text: str) -> None:
    address, problem = ListenAddress("", 0), ""
    try:
        address = ListenAddress.parse(text)
    except ValueError as error:
        problem = str(error)

    assert problem.isprintable()
    assert ListenAddress.parse(str(address)) == address


def test_defaults() -> None:
    settings = Settings()

    assert settings.collection.interval_seconds == 15
    assert settings.collection.timeout_seconds == 5
    assert settings.collection.max_age_seconds == 45
    assert settings.collection.concurrency == 64
    assert [str(address) for address in settings.web.listen_addresses] == ["127.0.0.1:9823"]
    assert settings.log.level is LogLevel.INFO
    assert settings.log.format is LogFormat.LOGFMT
    assert settings.sandboxes == ()


def test_timeout_and_max_age_follow_a_short_interval() -> None:
    collection = CollectionSettings(interval_seconds=1)

    assert collection.timeout_seconds == 1
    assert collection.max_age_seconds == 3


def test_timeout_and_max_age_are_kept_where_given() -> None:
    collection = CollectionSettings(interval_seconds=60, timeout_seconds=20, max_age_seconds=61)

    assert collection.timeout_seconds == 20
    assert collection.max_age_seconds == 61


def test_a_sandbox_that_moved_to_another_line_is_the_same() -> None:
    sandbox = StaticSandbox("demo-1", "unix:///run/demo-1.sock", line=3)

    assert replace(sandbox, line=9) == sandbox
