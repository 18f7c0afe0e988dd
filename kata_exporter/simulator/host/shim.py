"""The shim of a simulated sandbox: its HTTP socket, where monitors learn the agent's address."""

import asyncio
import shutil
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from aiohttp import hdrs, web

from kata_exporter.model import SANDBOX_ID
from kata_exporter.simulator.agent.door import AGENT_PORT
from kata_exporter.simulator.host.whole import whole
from kata_exporter.sockets import bind_unix

SOCKET_NAME = "shim-monitor.sock"

_SHUTDOWN_SECONDS = 0.1
_METRICS_PAGE = """\
# HELP kata_shim_fds Kata containerd shim v2 open FDs.
# TYPE kata_shim_fds gauge
kata_shim_fds 27
# HELP kata_shim_threads Kata containerd shim v2 process threads.
# TYPE kata_shim_threads gauge
kata_shim_threads 14
"""
"""Two families that the shims of both runtimes have."""


class ShimLayout(StrEnum):
    """Which runtime's shim it is: where its folder is, and how it answers."""

    GO = "go"
    RUST = "rust"

    @property
    def folder(self) -> Path:
        """The folder of its sandboxes, relative to the host's root."""
        return Path("run/vc/sbs" if self is ShimLayout.GO else "run/kata")

    def announced(self, url: str) -> str:
        """Return an agent's URL as this runtime's shim writes it.

        A socket that speaks ttrpc without a handshake (``unix``) is ``remote`` in Kata's words.
        runtime-rs puts the port behind every address (``KataAgent::agent_sock``), ``remote``
        included; the Go runtime only where its scheme has one.
        """
        scheme, _, rest = url.partition("://")
        if scheme == "unix":
            scheme = "remote"
        has_port = scheme in {"hvsock", "vsock"}
        if self is ShimLayout.RUST and not has_port:
            rest += f":{AGENT_PORT}"
        return f"{scheme}://{rest}"


class SimulatedShim:
    """Serves ``/agent-url`` and ``/metrics`` on DIRECTORY/ID/shim-monitor.sock.

    Args:
        directory: of all shims of this runtime.
        sandbox_id: whose shim it is.
        agent_url: gives the agent's URL, ports included.
        layout: whose manners it has.

    Attributes:
        status: of each answer, where it isn't to be honest.
        body: of each answer, likewise.
        requests: how many it has read.

    Raises:
        ValueError: that is no id of a sandbox.
    """

    def __init__(
        self,
        directory: Path,
        sandbox_id: str,
        agent_url: Callable[[], str],
        *,
        layout: ShimLayout,
    ) -> None:
        if not SANDBOX_ID.fullmatch(sandbox_id):
            raise ValueError(f"{sandbox_id!r} is no id of a sandbox: it names a folder")
        self.folder = directory / sandbox_id
        self.status: int | None = None
        self.body: bytes | None = None
        self.requests = 0
        self._agent_url = agent_url
        self._layout = layout
        self._answers = asyncio.Event()
        self._answers.set()
        self._runner: web.ServerRunner | None = None

    @property
    def path(self) -> Path:
        """Its socket."""
        return self.folder / SOCKET_NAME

    @property
    def hang(self) -> bool:
        """Whether it reads requests and says nothing; switched off, those held are answered."""
        return not self._answers.is_set()

    @hang.setter
    def hang(self, on: bool) -> None:
        if on:
            self._answers.clear()
        else:
            self._answers.set()

    async def start(self) -> None:
        """Make the folder, and serve; a socket that a killed shim left there is replaced.

        Raises:
            OSError: the folder can't be made, or the socket can't be bound.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        runner = web.ServerRunner(
            web.Server(self._answer, access_log=None), shutdown_timeout=_SHUTDOWN_SECONDS
        )
        self._runner = runner
        try:
            await runner.setup()
            # Cancelled halfway, it would leave its listener open.
            await whole(web.SockSite(runner, bind_unix(str(self.path))).start())
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """End every connection and remove the folder; may be called again."""
        if self._runner is not None:
            try:
                await self.kill()
            finally:
                # Whoever has removed it already is welcome.
                shutil.rmtree(self.folder, ignore_errors=True)

    async def kill(self) -> None:
        """End every connection and leave the folder and a dead socket behind, as a crash does."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        self.requests += 1
        await self._answers.wait()
        response = self._honest(request)
        if self.status is not None:
            response.set_status(self.status)
        if self.body is not None:
            response.body = self.body
        return response

    def _honest(self, request: web.BaseRequest) -> web.Response:
        is_go = self._layout is ShimLayout.GO
        # The Go runtime's handlers don't look at the method.
        if is_go or request.method == hdrs.METH_GET:
            match request.path:
                case "/agent-url":
                    return web.Response(text=self._layout.announced(self._agent_url()))
                case "/metrics":
                    return web.Response(text=_METRICS_PAGE)
        return web.Response(status=404, text="404 page not found\n" if is_go else "URL NOT FOUND")
