"""Reading the configuration file."""

import errno
import os
import socket
from pathlib import Path

import pytest

from kata_exporter.config.file import MAX_FILE_BYTES, read_file
from kata_exporter.errors import ConfigError


def test_text_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbflog: {}\n")

    assert read_file(path) == "log: {}\n"


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    """A mounted ConfigMap is a link."""
    (tmp_path / "real").write_text("x")
    (tmp_path / "c.yaml").symlink_to("real")

    assert read_file(tmp_path / "c.yaml") == "x"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"

    with pytest.raises(ConfigError) as caught:
        read_file(path)

    assert str(caught.value) == f"{path}: can't be read: No such file or directory: check the path"


def test_a_file_without_permission_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", deny)  # root, who may run this, is denied nothing

    with pytest.raises(ConfigError, match=r"c\.yaml: can't be read: Permission denied"):
        read_file(Path("c.yaml"))


def test_a_null_byte_in_the_path_is_told() -> None:
    with pytest.raises(ConfigError, match=r"no path: .*embedded null"):
        read_file(Path("a\0b"))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a regular file"):
        read_file(tmp_path)


def test_a_named_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ConfigError, match="not a regular file"):
        read_file(tmp_path / "pipe")


def test_a_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))

        with pytest.raises(ConfigError, match="can't be read"):
            read_file(tmp_path / "s")


def test_an_endless_device_is_refused() -> None:
    with pytest.raises(ConfigError, match="not a regular file"):
        read_file(Path("/dev/zero"))


def test_a_file_of_the_largest_size_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"#" * MAX_FILE_BYTES)
    assert len(read_file(path)) == MAX_FILE_BYTES

    path.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        read_file(path)


def test_text_that_is_no_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"log: {}\nname: \xff\n")

    with pytest.raises(ConfigError, match=r"c\.yaml:2: not UTF-8 text \(byte 14\)"):
        read_file(path)
