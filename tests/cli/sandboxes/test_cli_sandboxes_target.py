"""Which exporter is asked."""

import re

import pytest

from kata_exporter.cli.sandboxes.target import Target, at_listener, at_socket, at_url
from kata_exporter.config.settings import ListenAddress
from kata_exporter.errors import ConfigError


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("127.0.0.1:9823", "http://127.0.0.1:9823"),
        (":9000", "http://127.0.0.1:9000"),
        ("0.0.0.0:9000", "http://127.0.0.1:9000"),
        ("[::]:9000", "http://[::1]:9000"),
        ("node-1:9000", "http://node-1:9000"),
    ],
)
def test_of_an_exporter_that_listens_everywhere_the_loopback_is_asked(
    address: str, name: str
) -> None:
    target = at_listener([ListenAddress.parse(address), ListenAddress("other", 1)])

    assert target == Target(name, f"{name}/api/v1/sandboxes")


def test_a_port_that_the_kernel_chooses_has_to_be_named() -> None:
    with pytest.raises(ConfigError, match="name it with --url"):
        at_listener([ListenAddress("127.0.0.1", 0)])


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://a:1", "http://a:1/api/v1/sandboxes"),
        ("http://a:1/", "http://a:1/api/v1/sandboxes"),
        ("https://a/behind/", "https://a/behind/api/v1/sandboxes"),
        ("http://a:1/api/v1/sandboxes", "http://a:1/api/v1/sandboxes"),
    ],
)
def test_a_url_may_have_a_path_in_front_of_the_exporters_own(text: str, url: str) -> None:
    assert at_url(text).url == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:9823",
        "ftp://a",
        "http://",
        "http://a:0",
        "http://a:x",
        "http://a:99999",
        "http://[::1",
        "http://u:p@a",
        "http://a?x=1",
        "http://a#x",
        "http://a b",
        "http://a\n",
        "http://\u202ea",
        "http://" + "a" * 2000,
    ],
)
def test_what_is_no_url_of_an_exporter_is_a_mistake_of_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape("--url: ")) as caught:
        at_url(text)

    assert str(caught.value).isprintable()


@pytest.mark.parametrize("path", ["", "a\0b", "/" + "a" * 107])
def test_what_is_no_path_of_a_socket_is_a_mistake(path: str) -> None:
    with pytest.raises(ConfigError, match="--socket: "):
        at_socket(path)


def test_a_socket_is_asked_with_a_name_in_quotes() -> None:
    target = at_socket("/run/a\n.sock")

    assert (target.name, target.socket) == (r"'/run/a\n.sock'", "/run/a\n.sock")
