"""The files that clients have copied into a simulated guest."""

import errno
import stat
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter.simulator.agent.handler import os_error

SHARED_FOLDER = PurePosixPath("/run/kata-containers/shared/containers")
"""Below which a client may copy files."""
MOST_BYTES = 64 << 20
"""What all of them have room for."""

_PERMISSIONS = 0o7777
_FOLDER_PERMISSIONS = 0o777


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file, folder or symbolic link; `mode` has the bits of its type, and `data` is its target."""

    mode: int
    uid: int
    gid: int
    data: bytes = b""


@dataclass(slots=True)
class CopiedFiles:
    """Files by path, and those of which pieces are missing still, by the path they have meanwhile.

    Pieces may come in any order; a file is where it belongs once it has its size.
    """

    files: dict[PurePosixPath, CopiedFile] = field(default_factory=dict)
    _parts: dict[PurePosixPath, bytearray] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """Return what a regular file has in it; None where there is none."""
        file = self.files.get(PurePosixPath(path))
        return file.data if file is not None and stat.S_ISREG(file.mode) else None

    def copy(self, request: pb.CopyFileRequest) -> None:
        """Take one piece.

        Raises:
            StatusError: it doesn't belong below the shared folder, a file is where a folder has to
                be, or there is no room for it.
        """
        path = PurePosixPath(request.path)
        if SHARED_FOLDER not in path.parents or ".." in path.parts:
            raise os_error(errno.EACCES)
        self._make_parents(path, request)
        kind = stat.S_IFMT(request.file_mode)
        if kind == stat.S_IFDIR:
            self._make_folder(path, request)
            return
        if request.offset == 0:
            self._remove(path)
        if kind == stat.S_IFLNK:
            self._check_room(len(request.data))
            self.files[path] = CopiedFile(kind, request.uid, request.gid, request.data)
            return
        self._add_piece(path, request)

    def _make_parents(self, path: PurePosixPath, request: pb.CopyFileRequest) -> None:
        inside = [folder for folder in path.parents if SHARED_FOLDER in folder.parents]
        for folder in reversed(inside):
            there = self.files.get(folder)
            if there is None:
                mode = stat.S_IFDIR | request.dir_mode & _FOLDER_PERMISSIONS
                self.files[folder] = CopiedFile(mode, request.uid, request.gid)
            elif not stat.S_ISDIR(there.mode):
                raise os_error(errno.ENOTDIR)

    def _make_folder(self, path: PurePosixPath, request: pb.CopyFileRequest) -> None:
        mode = stat.S_IFDIR | request.file_mode & _PERMISSIONS
        self.files[path] = CopiedFile(mode, request.uid, request.gid)

    def _add_piece(self, path: PurePosixPath, request: pb.CopyFileRequest) -> None:
        # As there, files that differ in their suffix alone have one place for their pieces.
        place = path.with_suffix(".tmp")
        if request.offset == 0:
            self._parts.pop(place, None)
        data = self._parts.get(place, bytearray())
        end = request.offset + len(request.data)
        if request.offset < 0:
            raise os_error(errno.EINVAL)
        self._check_room(end - len(data))
        data.extend(bytes(max(0, end - len(data))))
        data[request.offset : end] = request.data
        self._parts[place] = data
        if len(data) == request.file_size:
            mode = stat.S_IFREG | request.file_mode & _PERMISSIONS
            self.files[path] = CopiedFile(mode, request.uid, request.gid, bytes(data))
            del self._parts[place]

    def _remove(self, path: PurePosixPath) -> None:
        for other in [other for other in self.files if other == path or path in other.parents]:
            del self.files[other]

    def _check_room(self, more: int) -> None:
        used = sum(len(file.data) for file in self.files.values())
        used += sum(map(len, self._parts.values()))
        if used + more > MOST_BYTES:
            raise os_error(errno.ENOSPC)
