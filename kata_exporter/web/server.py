"""The HTTP server. A scrape renders what was collected; it asks no agent."""

import errno
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import hdrs, web

from kata_exporter.clock import Clock
from kata_exporter.config.settings import ListenAddress
from kata_exporter.errors import ConfigError
from kata_exporter.exposition.text import CONTENT_TYPE
from kata_exporter.web.landing import landing_page
from kata_exporter.web.page_cache import PageCache
from kata_exporter.web.pages import Pages, Reload

SHUTDOWN_SECONDS = 0.5
"""How long requests under way may take once the server is told to stop."""

OnRequest = Callable[[str, int], None]
"""Told of each answered request: the path of its route, and the status."""

NO_LIFECYCLE = (
    "Reloading over HTTP is switched off: start kata-exporter with --web.enable-lifecycle, or send it"
    " SIGHUP.\n"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer:
    """Serves ``/metrics``, ``/``, ``/-/healthy``, ``/-/ready`` and ``/-/reload``.

    Args:
        pages: what is served.
        listen_addresses: where.
        clock: says when a page is too old to be served again.
        on_request: is told of each answered request.
        reload: loads the configuration anew; without it, whoever asks for that is refused.
    """

    def __init__(
        self,
        pages: Pages,
        listen_addresses: Sequence[ListenAddress],
        *,
        clock: Clock,
        on_request: OnRequest,
        reload: Reload | None = None,
    ) -> None:
        self._pages = pages
        self._listen_addresses = tuple(listen_addresses)
        self._cache = PageCache(pages.render, clock)
        self._on_request = on_request
        self._reload = reload
        self._landing = landing_page()
        self._runner: web.AppRunner | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return where it listens, as ``host:port``, port 0 resolved."""
        if self._runner is None:
            return ()
        return tuple(
            str(ListenAddress(address[0], address[1])) for address in self._runner.addresses
        )

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigError: an address can't be listened on; none is then.
        """
        app = web.Application(middlewares=[self._middleware])
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/", self._landing_page)
        app.router.add_get("/-/healthy", self._healthy)
        app.router.add_get("/-/ready", self._ready)
        app.router.add_post("/-/reload", self._reload_configuration)
        app.router.add_put("/-/reload", self._reload_configuration)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        for address in self._listen_addresses:
            try:
                await web.TCPSite(self._runner, address.host or None, address.port).start()
            except OSError as error:
                await self.aclose()
                raise ConfigError(_cannot_listen(address, error)) from error

    async def aclose(self) -> None:
        """Stop listening, and return when every connection is closed."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "unknown"
        try:
            response = await handler(request)
        except web.HTTPException as answer:
            self._on_request(route, answer.status)
            raise
        except Exception:
            self._on_request(route, 500)
            raise
        response.headers[hdrs.X_CONTENT_TYPE_OPTIONS] = "nosniff"
        self._on_request(route, response.status)
        return response

    async def _metrics(self, request: web.Request) -> web.Response:
        headers = {hdrs.CONTENT_TYPE: CONTENT_TYPE, hdrs.VARY: hdrs.ACCEPT_ENCODING}
        if _accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            return web.Response(body=await self._cache.gzipped(), headers=headers)
        return web.Response(body=self._cache.plain(), headers=headers)

    async def _landing_page(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text=self._landing, content_type="text/html")

    async def _healthy(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text="kata-exporter is healthy.\n")

    async def _ready(self, request: web.Request) -> web.Response:
        del request
        if self._pages.ready():
            return web.Response(text="kata-exporter is ready.\n")
        return web.Response(status=503, text="kata-exporter is not ready: first round under way.\n")

    async def _reload_configuration(self, request: web.Request) -> web.Response:
        del request
        if self._reload is None:
            return web.Response(status=403, text=NO_LIFECYCLE)
        try:
            done = await self._reload()
        except ConfigError as error:
            return web.Response(status=500, text=f"configuration not reloaded:\n{error}\n")
        return web.Response(text=f"{done}\n")


def _accepts_gzip(accept_encoding: str) -> bool:
    for item in accept_encoding.split(","):
        coding, _, parameters = item.partition(";")
        if coding.strip().lower() in {"gzip", "x-gzip", "*"}:
            quality = parameters.replace(" ", "").lower()
            return quality not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _cannot_listen(address: ListenAddress, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"cannot listen on {address}: the address is in use; stop who listens there, or choose "
            "another with --web.listen-address"
        )
    return f"cannot listen on {address}: {error.strerror or error}"
