"""Paths of sockets that we listen on."""

import pytest

from kata_exporter.config.paths import parse_socket_path


@pytest.mark.parametrize("path", ["/run/kata-exporter/admin.sock", "/" + "a" * 106, "/run/é.sock"])
def test_an_absolute_path_is_taken_as_it_stands(path: str) -> None:
    assert parse_socket_path(path) == path


def test_the_word_none_is_no_socket() -> None:
    assert parse_socket_path("none") == ""


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "'' is no path"),
        ("admin.sock", "is no absolute path"),
        ("@abstract", "is no absolute path"),
        ("/run/../admin.sock", "is no absolute path"),
        ("/run/a\0b", "is no path of printable characters"),
        ("/run/\udcff.sock", "is no path of printable characters"),
        ("/" + "a" * 107, "more than 107 bytes"),
        ("/" + "é" * 60, "more than 107 bytes"),
    ],
)
def test_any_other_is_refused(path: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_socket_path(path)
