"""Accepting connections in the background, with nothing left behind however it ends."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

logger = logging.getLogger(__name__)

ACCEPT_RETRY_SECONDS = 1.0
"""How long a listener is left alone after accepting failed."""


class Acceptor:
    """Hands each connection of its listeners to `serve`, in a task of its own.

    Args:
        serve: serves a connected, non-blocking socket until it closes. The socket is closed when
            that is done, if it isn't by then.
    """

    def __init__(self, serve: Callable[[socket.socket], Coroutine[Any, Any, None]]) -> None:
        self._serve = serve
        self._listeners: set[socket.socket] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._paused = False

    def listen(self, listener: socket.socket) -> None:
        """Accept on a listening, non-blocking socket; it is ours from here on."""
        self._listeners.add(listener)
        self._watch(listener)

    def pause(self) -> None:
        """Accept nobody for a while; who connects waits in the listener's backlog."""
        self._paused = True
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)

    def resume(self) -> None:
        """Accept again."""
        self._paused = False
        for listener in self._listeners:
            self._watch(listener)

    async def drop(self) -> None:
        """End every connection, and return when they have ended; new ones are accepted."""
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        if serving:
            await asyncio.wait(serving)

    async def aclose(self) -> None:
        """Stop accepting, and end every connection."""
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()
        self._listeners.clear()
        self._paused = False
        await self.drop()

    def _watch(self, listener: socket.socket) -> None:
        if listener in self._listeners and not self._paused:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    # Not loop.sock_accept: where that is cancelled as a client comes, the connection is lost open.
    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            sock, _ = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            # Out of descriptors, mostly: the listener stays readable, so leave it for a while.
            logger.warning("can't accept a connection: %s", error)
            loop.remove_reader(listener)
            loop.call_later(ACCEPT_RETRY_SECONDS, self._watch, listener)
            return
        sock.setblocking(False)
        task = loop.create_task(self._serve(sock))
        self._serving.add(task)
        task.add_done_callback(partial(self._served, sock))

    def _served(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        sock.close()  # a task that was cancelled before its first step never had it
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("serving a connection failed", exc_info=error)
