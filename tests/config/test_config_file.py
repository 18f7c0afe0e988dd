"""Reading the configuration file."""

import errno
import os
import socket
from pathlib import Path

import pytest

from kata_exporter.config.file import MAX_FILE_BYTES, list_folder, open_folder, read_file
from kata_exporter.errors import ConfigError
from strangers import give_away


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


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EACCES, "Permission denied: let user {user} read it, and enter the folders"),
        (errno.EMFILE, "Too many open files: raise the limit"),
        (errno.ENFILE, "Too many open files in system: raise the limit"),
        (errno.ELOOP, "Too many levels of symbolic links: check the path"),
    ],
)
def test_a_file_that_cannot_be_opened_is_named_with_what_to_do(
    number: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)  # root, who may run this, is denied nothing

    with pytest.raises(ConfigError) as caught:
        read_file(Path("c.yaml"))

    told = told.format(user=os.geteuid())
    assert str(caught.value).startswith(f"c.yaml: can't be read: {told}")


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


def test_of_a_file_that_is_too_large_nothing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yaml").touch()
    os.truncate(tmp_path / "c.yaml", 1 << 40)
    monkeypatch.setattr("builtins.open", lambda *_, **__: pytest.fail("it was read"))

    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        read_file(tmp_path / "c.yaml")


def test_a_file_that_tells_no_size_is_bounded_too() -> None:
    with pytest.raises(ConfigError, match="larger than the 10 bytes"):
        read_file(Path("/proc/self/status"), at_most=10)


def test_text_that_is_no_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"log: {}\nname: \xff\n")

    with pytest.raises(ConfigError, match=r"c\.yaml:2: not UTF-8 text \(byte 14\)"):
        read_file(path)


def test_h9_a_file_that_every_user_may_write_is_refused_with_the_command_that_mends_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("x")
    path.chmod(0o646)

    with pytest.raises(ConfigError) as caught:
        read_file(path)

    assert str(caught.value) == (
        f"{path}: every user may write it, and so say what the exporter connects to:"
        f" sudo chmod o-w {path}"
    )


def test_h9_the_command_can_be_pasted_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a b;c.yaml"
    path.write_text("x")
    path.chmod(0o646)

    with pytest.raises(ConfigError, match=rf"sudo chmod o-w '{path}'$"):
        read_file(path)


def test_h9_a_file_that_belongs_to_a_stranger_is_refused_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("x")
    stranger = give_away(path, monkeypatch)
    own = os.geteuid() or "root"

    with pytest.raises(ConfigError) as caught:
        read_file(path)

    assert str(caught.value) == (
        f"{path}: belongs to user {stranger}, and must belong to root or the user that the exporter"
        f" runs as: sudo chown {own}: {path}"
    )


def test_h9_what_counts_is_the_file_behind_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may make links; what they say must not count."""
    real = tmp_path / "real"
    real.write_text("x")
    give_away(real, monkeypatch)
    (tmp_path / "c.yaml").symlink_to(real)

    with pytest.raises(ConfigError, match="belongs to user"):
        read_file(tmp_path / "c.yaml")


def test_h9_a_file_that_its_group_may_write_is_read(tmp_path: Path) -> None:
    """As where a pod has an fsGroup."""
    path = tmp_path / "c.yaml"
    path.write_text("x")
    path.chmod(0o664)

    assert read_file(path) == "x"


def test_h9_what_is_mounted_read_only_may_have_any_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes' volumes have folders of mode 0777, and nobody can write them."""
    (tmp_path / "c.yaml").write_text("x")
    (tmp_path / "c.yaml").chmod(0o666)
    tmp_path.chmod(0o777)

    class ReadOnly:
        f_flag = os.ST_RDONLY | os.ST_NOSUID

    monkeypatch.setattr(os, "fstatvfs", lambda _fd: ReadOnly)

    assert read_file(tmp_path / "c.yaml") == "x"
    with open_folder(tmp_path) as folder:
        assert folder is not None


def test_a_missing_folder_is_none(tmp_path: Path) -> None:
    with open_folder(tmp_path / "missing") as folder:
        assert folder is None


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "sandboxes.d").write_text("x")

    with (
        pytest.raises(ConfigError, match="can't be read: Not a directory"),
        open_folder(tmp_path / "sandboxes.d"),
    ):
        pytest.fail("opened")


def test_h9_a_folder_that_every_user_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)

    with pytest.raises(ConfigError, match="sudo chmod o-w"), open_folder(tmp_path):
        pytest.fail("opened")


def test_h9_a_folder_that_belongs_to_a_stranger_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sandboxes.d"
    folder.mkdir()
    give_away(folder, monkeypatch)

    with pytest.raises(ConfigError, match="belongs to user"), open_folder(folder):
        pytest.fail("opened")


def test_yaml_files_of_a_folder_are_listed_by_name_and_hidden_ones_passed_over(
    tmp_path: Path,
) -> None:
    for name in ("b.yaml", "a.yml", ".c.yaml", "d.yaml~", "e.json", "README"):
        (tmp_path / name).write_text("")
    (tmp_path / "0.yaml").symlink_to("nowhere")

    with open_folder(tmp_path) as folder:
        assert folder is not None
        listed = list_folder(folder, tmp_path)

    assert [path.name for path in listed] == ["0.yaml", "a.yml", "b.yaml"]


def test_a_folder_of_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kata_exporter.config.file.MAX_FILES", 2)
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        (tmp_path / name).write_text("")

    with open_folder(tmp_path) as folder:
        assert folder is not None
        with pytest.raises(ConfigError, match="holds more than 2 files"):
            list_folder(folder, tmp_path)
