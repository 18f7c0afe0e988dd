"""What a look takes for a sandbox, and what it leaves alone."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kata_exporter.discovery.directory.folder import Found, ids_in, look_at, open_directory
from kata_exporter.discovery.shim import SOCKET_NAME
from kata_exporter.errors import Reason
from shim_directory import make_shim, make_socket

ID = "box-1"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    descriptor = open_directory(str(tmp_path))
    yield descriptor
    os.close(descriptor)


def look(directory: int, sandbox_id: str = ID) -> Found | None:
    return look_at(directory, sandbox_id, lambda _folder, _identity: None)


def birth(directory: int, sandbox_id: str = ID) -> str:
    found = look(directory, sandbox_id)
    assert found is not None
    assert found.refusal is None
    return found.birth


def refusal(directory: int) -> str:
    found = look(directory)
    assert found is not None
    assert found.refusal is not None
    assert found.refusal.reason == Reason.REJECTED
    return found.refusal.detail


def test_a_socket_in_a_folder_is_a_sandbox(tmp_path: Path, directory: int) -> None:
    make_shim(tmp_path, ID)

    assert birth(directory)


def test_a_folder_without_the_socket_is_none(tmp_path: Path, directory: int) -> None:
    (tmp_path / ID).mkdir()
    (tmp_path / ID / "persist.json").touch()

    assert look(directory) is None


def test_nothing_and_a_plain_file_are_none(tmp_path: Path, directory: int) -> None:
    (tmp_path / "note").touch()

    assert look(directory) is None
    assert look(directory, "note") is None


def test_what_is_made_in_the_folder_is_no_other_birth(tmp_path: Path, directory: int) -> None:
    make_shim(tmp_path, ID)
    before = birth(directory)

    (tmp_path / ID / "root").mkdir()
    (tmp_path / ID).chmod(0o700)
    (tmp_path / ID / SOCKET_NAME).chmod(0o600)

    assert birth(directory) == before


def test_another_socket_is_another_birth(tmp_path: Path, directory: int) -> None:
    path = make_shim(tmp_path, ID)
    before = birth(directory)
    # Kept elsewhere, so that its inode can't be given again.
    path.rename(tmp_path / "old.sock")

    make_socket(path)

    assert birth(directory) != before


def test_another_socket_with_an_inode_given_again_is_another_birth(
    tmp_path: Path, directory: int
) -> None:
    path = make_shim(tmp_path, ID)
    before = birth(directory)

    os.utime(path, ns=(1, 1))

    assert birth(directory) != before


def test_another_folder_is_another_birth(tmp_path: Path, directory: int) -> None:
    make_shim(tmp_path, ID)
    before = birth(directory)
    (tmp_path / ID).rename(tmp_path / "old")
    (tmp_path / ID).mkdir()
    (tmp_path / "old" / SOCKET_NAME).rename(tmp_path / ID / SOCKET_NAME)

    assert birth(directory) != before


def test_a_symlink_to_a_folder_is_refused(tmp_path: Path, directory: int) -> None:
    make_shim(tmp_path / "elsewhere", ID)
    (tmp_path / ID).symlink_to(tmp_path / "elsewhere" / ID)

    assert refusal(directory) == "box-1 is a symlink where a folder should be"


def test_a_symlink_to_a_socket_is_refused(tmp_path: Path, directory: int) -> None:
    make_socket(tmp_path / "other.sock")
    (tmp_path / ID).mkdir()
    (tmp_path / ID / SOCKET_NAME).symlink_to(tmp_path / "other.sock")

    assert refusal(directory) == "shim-monitor.sock is a symlink where a socket should be"


def test_a_symlink_to_nothing_is_refused(tmp_path: Path, directory: int) -> None:
    (tmp_path / ID).symlink_to("nowhere")

    assert "a symlink" in refusal(directory)


def test_a_fifo_in_either_place_is_refused_and_not_opened(tmp_path: Path, directory: int) -> None:
    os.mkfifo(tmp_path / ID)
    assert refusal(directory) == "box-1 is a FIFO where a folder should be"

    (tmp_path / ID).unlink()
    (tmp_path / ID).mkdir()
    os.mkfifo(tmp_path / ID / SOCKET_NAME)
    assert refusal(directory) == "shim-monitor.sock is a FIFO where a socket should be"


def test_a_plain_file_as_the_socket_is_refused_and_stays_one_birth(
    tmp_path: Path, directory: int
) -> None:
    (tmp_path / ID).mkdir()
    (tmp_path / ID / SOCKET_NAME).touch()
    before = look(directory)
    assert refusal(directory) == "shim-monitor.sock is a plain file where a socket should be"

    (tmp_path / ID / SOCKET_NAME).write_text("it grows")

    assert look(directory) == before


def test_a_folder_as_the_socket_is_refused(tmp_path: Path, directory: int) -> None:
    (tmp_path / ID / SOCKET_NAME).mkdir(parents=True)

    assert refusal(directory) == "shim-monitor.sock is a folder where a socket should be"


def test_a_socket_as_the_folder_is_refused(tmp_path: Path, directory: int) -> None:
    make_socket(tmp_path / ID)

    assert refusal(directory) == "box-1 is a socket where a folder should be"


def test_nobody_is_connected_to(tmp_path: Path, directory: int) -> None:
    (tmp_path / ID).mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / ID / SOCKET_NAME))
        listener.listen()
        listener.setblocking(False)

        assert birth(directory)

        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "name",
    [
        "a", "-box", ".box", "box 1", "box\n", "bóx", "\u04311", "box\x1b[2J", "b%2f", "x" * 129,
        b"bo\xff",
    ],
)  # fmt: skip
def test_other_names_are_no_ids(name: str | bytes, tmp_path: Path, directory: int) -> None:
    (tmp_path / os.fsdecode(name)).mkdir()
    make_shim(tmp_path, "a..b")  # two dots within are a name like any other

    assert ids_in(directory) == {"a..b"}


def test_a_folder_is_given_before_it_is_looked_into(tmp_path: Path, directory: int) -> None:
    (tmp_path / ID).mkdir()

    # What comes between is seen by the look, and what comes later by the watch.
    found = look_at(directory, ID, lambda _folder, _id: make_socket(tmp_path / ID / SOCKET_NAME))

    assert found is not None
