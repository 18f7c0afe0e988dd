"""Files of the host in pieces: of any kind and size, unchanged or not at all."""

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.agent import CopyError
from kata_exporter.agent.calls import source as source_module
from kata_exporter.agent.calls.source import PIECE_BYTES, Piece, Source
from kata_exporter.errors import ArgumentError


def pieces_of(path: Path) -> list[Piece]:
    source = Source.open(path)
    try:
        return list(iter(source.next_piece, None))
    finally:
        source.close()


@given(st.binary(max_size=300), st.integers(1, 40))
def test_pieces_of_any_size_make_up_the_file(data: bytes, piece_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_module, "PIECE_BYTES", piece_bytes)
        path = Path(folder) / "file"
        path.write_bytes(data)
        pieces = pieces_of(path)

    assert b"".join(piece.data for piece in pieces) == data
    assert [piece.offset for piece in pieces] == list(range(0, max(1, len(data)), piece_bytes))
    assert all(len(piece.data) <= piece_bytes for piece in pieces)


@pytest.mark.parametrize(
    ("size_bytes", "pieces"),
    [
        (0, [0]),
        (1, [1]),
        (PIECE_BYTES, [PIECE_BYTES]),
        (PIECE_BYTES + 1, [PIECE_BYTES, 1]),
        (2 * PIECE_BYTES, [PIECE_BYTES, PIECE_BYTES]),
    ],
)
def test_pieces_are_of_one_mebibyte(tmp_path: Path, size_bytes: int, pieces: list[int]) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size_bytes))

    assert [len(piece.data) for piece in pieces_of(path)] == pieces


def test_file_has_its_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    path.chmod(0o640)
    source = Source.open(path)
    source.close()

    assert (source.mode, source.size_bytes) == (0o100640, 3)
    assert (source.uid, source.gid) == (os.getuid(), os.getgid())


def test_folder_is_one_empty_piece(tmp_path: Path) -> None:
    (tmp_path / "inside").touch()
    source = Source.open(tmp_path)

    assert (source.mode & 0o170000, source.size_bytes) == (0o040000, 0)
    assert pieces_of(tmp_path) == [Piece(0, b"")]


@pytest.mark.parametrize("target", ["file", "/nowhere", "../up", "loop", "bytes-\udcff"])
def test_link_is_its_target_and_is_not_followed(tmp_path: Path, target: str) -> None:
    link = tmp_path / "loop"
    link.symlink_to(target)

    assert pieces_of(link) == [Piece(0, os.fsencode(target))]
    assert Source.open(link).mode & 0o170000 == 0o120000


def test_path_through_a_loop_of_links_cannot_be_copied(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(CopyError, match="Too many levels of symbolic links"):
        Source.open(tmp_path / "loop" / "file")


def test_what_is_not_there_cannot_be_copied(tmp_path: Path) -> None:
    with pytest.raises(
        CopyError, match=r"No such file or directory \(nothing was sent\)"
    ) as caught:
        Source.open(tmp_path / "none")

    assert caught.value.source == tmp_path / "none"
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_fifo_and_device_are_refused_by_their_type_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, kind in ((tmp_path / "fifo", "0o10000"), (Path("/dev/null"), "0o20000")):
        with pytest.raises(ArgumentError, match=f"is of type {kind}") as caught:
            Source.open(path)
        assert caught.value.argument == "source"


def test_socket_is_refused_by_its_type(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "sock"))
        with pytest.raises(ArgumentError, match="is of type 0o140000"):
            Source.open(tmp_path / "sock")


def test_path_with_a_nul_is_refused() -> None:
    with pytest.raises(ArgumentError, match="null byte"):
        Source.open(Path("a\0b"))


def change(path: Path, how: str) -> None:
    match how:
        case "grow":
            os.truncate(path, 3 * PIECE_BYTES)
        case "shrink":
            os.truncate(path, PIECE_BYTES + 5)
        case "touch":
            os.utime(path, ns=(1, 1))
        case "chmod":
            path.chmod(0o600)
        case "remove":
            path.unlink()
        case "replace":
            other = path.with_name("other")
            other.write_bytes(bytes(2 * PIECE_BYTES))
            other.rename(path)


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("grow", "changed"),
        ("shrink", "changed"),
        ("touch", "changed"),
        ("chmod", "changed"),
        ("remove", "removed"),
        ("replace", "removed"),
    ],
)
def test_file_that_is_changed_between_pieces_is_never_complete(
    tmp_path: Path, how: str, problem: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE_BYTES))
    path.chmod(0o640)
    source = Source.open(path)
    assert source.next_piece() is not None
    change(path, how)

    with pytest.raises(CopyError) as caught:
        source.next_piece()
    source.close()
    assert (caught.value.sent_bytes, caught.value.size_bytes) == (PIECE_BYTES, 2 * PIECE_BYTES)
    assert str(caught.value) == (
        f"can't copy {path}: it was {problem} while it was read (1048576 of 2097152 bytes were sent)"
    )


def test_file_that_has_another_name_left_is_still_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(PIECE_BYTES) + b"end")
    path.with_name("link").hardlink_to(path)
    source = Source.open(path)
    source.next_piece()
    path.unlink()

    assert source.next_piece() == Piece(PIECE_BYTES, b"end")
    source.close()


def test_file_without_a_size_of_its_own_is_not_copied_as_an_empty_one() -> None:
    """As all of /proc: the guest would be given nothing, and nobody told."""
    source = Source.open(Path("/proc/self/status"))
    assert source.size_bytes == 0

    with pytest.raises(CopyError, match=r"more than its size says \(nothing was sent\)"):
        source.next_piece()
    source.close()


def test_file_that_is_replaced_while_it_is_opened_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"mine")
    other.write_bytes(b"theirs")
    found = path.lstat()
    other.rename(path)
    monkeypatch.setattr(Path, "lstat", lambda _: found)

    with pytest.raises(CopyError, match="replaced while it was opened"):
        Source.open(path)
