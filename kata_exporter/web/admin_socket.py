"""The admin socket: a unix socket that takes requests of root and of our own user alone."""

import errno
import logging
import os
import socket
import stat
from http import HTTPStatus
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from kata_exporter.errors import ConfigError
from kata_exporter.sockets import bind_unix, peer_uid
from kata_exporter.telemetry.logs import fields
from kata_exporter.web.problem import Problem

logger = logging.getLogger(__name__)

_MODE = 0o600
_ROOT = 0


class AdminSocket:
    """The socket as a file.

    Args:
        path: absolute, 107 bytes at most.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None

    def open(self) -> socket.socket:
        """Listen; what an exporter that is dead has left there is replaced.

        Nobody but root and our own user may connect at any time, whatever the umask.

        Raises:
            ConfigError: somebody listens there, something else or a stranger's socket is there, or
                the folder doesn't let us.
        """
        try:
            sock = self._bind()
        except OSError as error:
            raise self._refused(error.strerror or str(error)) from error
        self._identity = _identity(self._path)
        return sock

    def remove(self) -> None:
        """Remove the file, unless it is another one by now."""
        identity, self._identity = self._identity, None
        if identity is None or _identity(self._path) != identity:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            problem = error.strerror or str(error)
            logger.warning(
                "admin socket not removed", extra=fields(path=str(self._path), error=problem)
            )

    def _bind(self) -> socket.socket:
        try:
            return bind_unix(str(self._path), mode=_MODE)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        self._make_sure_that_it_is_dead()
        self._path.unlink()
        return bind_unix(str(self._path), mode=_MODE)

    def _make_sure_that_it_is_dead(self) -> None:
        found = self._path.lstat()
        if not stat.S_ISSOCK(found.st_mode):
            raise self._refused("something is there that is no socket: remove it")
        if found.st_uid not in {_ROOT, os.geteuid()}:
            raise self._refused(f"a socket of user {found.st_uid} is there: remove it")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
            # A unix socket connects at once or not at all; a full backlog is a sign of life too.
            result = probe.connect_ex(str(self._path))
        if result != errno.ECONNREFUSED:
            raise self._refused("somebody listens there, or may: stop that one")

    def _refused(self, why: str) -> ConfigError:
        return ConfigError(
            f"cannot listen on {self._path}: {why}, or choose another place with --web.admin-socket"
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file is at `path`; None where there is none that can be seen."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@web.middleware
async def root_and_ourselves_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse who is neither root nor our own user, whatever the rights of the file are by now."""
    sock = request.get_extra_info("socket")
    uid = None if sock is None else peer_uid(sock)  # None: the connection is gone
    if uid not in {_ROOT, os.geteuid()}:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"user {uid} is neither root nor the exporter's own user, and nobody else may ask here",
        )
    return await handler(request)
