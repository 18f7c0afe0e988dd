"""The HTTP server: its listeners and pages. A scrape renders what was collected; it asks no agent."""

import asyncio
import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import MultiMapping

from kata_exporter.clock import Clock
from kata_exporter.config.settings import ListenAddress, WebSettings
from kata_exporter.errors import ConfigError
from kata_exporter.exposition import EVERYTHING, PageFormat, negotiate
from kata_exporter.telemetry.hooks import RequestGuard, RequestHook, RequestInfo
from kata_exporter.web.admin_socket import AdminSocket, root_and_ourselves_only
from kata_exporter.web.api import Api
from kata_exporter.web.json_body import MAX_BODY_BYTES
from kata_exporter.web.landing import landing_page
from kata_exporter.web.page_cache import PageCache
from kata_exporter.web.pages import Pages, Reload
from kata_exporter.web.problem import problems
from kata_exporter.web.query import QueryError, has_selection, parse_selection
from kata_exporter.web.selected_pages import SelectedPages

SHUTDOWN_SECONDS = 0.5
"""How long requests under way may take once the server is told to stop."""

LINGERING_SECONDS = 0.5
"""How long the rest of a refused body is read, so that its sender gets to read the answer; aiohttp
goes on with it even when the sender is gone."""

_CALLER_HAS_GONE = 499
"""The status that proxies note for it; nothing is answered."""

_VARY = f"{hdrs.ACCEPT}, {hdrs.ACCEPT_ENCODING}"

OnRequest = Callable[[str, int], None]
"""Told of each answered request: the path of its route, and the status."""

NO_LIFECYCLE = (
    "Reloading over HTTP is switched off: start kata-exporter with --web.enable-lifecycle, ask on its"
    " admin socket, or send it SIGHUP.\n"
)


class WebServer:
    """Serves pages, health, ``/-/reload``, and what is below ``/api/``.

    On the admin socket it serves the same, and takes what changes something.

    Args:
        pages: what is served.
        settings: where, and whether reloading is for everybody.
        api: what is below ``/api/``.
        clock: says when a page is too old to be served again.
        on_request: is told of each answered request.
        reload: loads the configuration anew; None where there is none to load.
        hook: watches each scrape.
    """

    def __init__(
        self,
        pages: Pages,
        settings: WebSettings,
        *,
        api: Api,
        clock: Clock,
        on_request: OnRequest,
        reload: Reload | None = None,
        hook: RequestHook | None = None,
    ) -> None:
        self._guard = RequestGuard(hook)
        self._pages = pages
        self._caches = {
            each: PageCache(partial(pages.render, EVERYTHING, each), clock) for each in PageFormat
        }
        self._selected = SelectedPages(pages.render, clock)
        self._on_request = on_request
        self._settings = settings
        self._reload = reload
        self._api = api
        self._admin_socket = (
            AdminSocket(Path(settings.admin_socket)) if settings.admin_socket else None
        )
        self._landing = landing_page()
        self._runner: web.AppRunner | None = None
        self._admin_runner: web.AppRunner | None = None

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
            ConfigError: an address or the admin socket can't be listened on; none is then.
        """
        try:
            self._runner = await self._start_runner(self._public_application())
            for address in self._settings.listen_addresses:
                await _listen(self._runner, address)
            # Last: a second exporter with our settings has failed by now, and not at the socket.
            if self._admin_socket is not None:
                self._admin_runner = await self._start_runner(self._admin_application())
                await web.SockSite(self._admin_runner, self._admin_socket.open()).start()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Stop listening, and return when every connection is closed."""
        if self._admin_socket is not None:
            self._admin_socket.remove()
        admin_runner, self._admin_runner = self._admin_runner, None
        runner, self._runner = self._runner, None
        for each in (admin_runner, runner):
            if each is not None:
                await each.cleanup()

    async def _start_runner(self, app: web.Application) -> web.AppRunner:
        # Bodies are bounded as they come, so they are taken as they come: none is decompressed.
        runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            lingering_time=LINGERING_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        return runner

    def _public_application(self) -> web.Application:
        reload = self._reload if self._settings.enable_lifecycle else None
        app = self._application(reload, problems)
        self._api.add_public_routes(app.router)
        return app

    def _admin_application(self) -> web.Application:
        app = self._application(self._reload, problems, root_and_ourselves_only)
        self._api.add_admin_routes(app.router)
        return app

    def _application(self, reload: Reload | None, *middlewares: Middleware) -> web.Application:
        """Return what both listeners have; who may not reload is told so."""
        app = web.Application(
            middlewares=[self._middleware, *middlewares], client_max_size=MAX_BODY_BYTES
        )
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/", self._landing_page)
        app.router.add_get("/-/healthy", self._healthy)
        app.router.add_get("/-/ready", self._ready)
        reloading = _reloading(reload)
        app.router.add_post("/-/reload", reloading)
        app.router.add_put("/-/reload", reloading)
        return app

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "unknown"
        try:
            response = await handler(request)
        except web.HTTPException as answer:
            answer.headers[hdrs.X_CONTENT_TYPE_OPTIONS] = "nosniff"
            self._on_request(route, answer.status)
            raise
        except Exception:
            self._on_request(route, 500)
            raise
        response.headers[hdrs.X_CONTENT_TYPE_OPTIONS] = "nosniff"
        self._on_request(route, response.status)
        return response

    async def _metrics(self, request: web.Request) -> web.Response:
        watch = self._guard.started(
            RequestInfo(request.method, "/metrics", request.scheme, request.headers)
        )
        try:
            response = await self._page_response(request)
        except asyncio.CancelledError:
            watch.ended(_CALLER_HAS_GONE)
            raise
        except Exception:
            watch.ended(500)
            raise
        watch.ended(response.status, response.content_length or 0)
        return response

    async def _page_response(self, request: web.Request) -> web.Response:
        page_format = negotiate(request.headers.get(hdrs.ACCEPT, ""))
        try:
            page = self._page(request.query, page_format)
        except QueryError as error:
            return web.Response(status=400, text=f"{error}\n")
        headers = {hdrs.CONTENT_TYPE: page_format.content_type, hdrs.VARY: _VARY}
        if _accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            return web.Response(body=await page.gzipped(), headers=headers)
        return web.Response(body=page.plain(), headers=headers)

    def _page(self, query: MultiMapping[str], page_format: PageFormat) -> PageCache:
        if has_selection(query):
            selection = parse_selection(query, self._pages.choices())
            return self._selected.page(selection, page_format)
        self._selected.drop_old()
        for cache in self._caches.values():
            cache.drop_if_old()
        return self._caches[page_format]

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


def _reloading(reload: Reload | None) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        del request
        if reload is None:
            return web.Response(status=403, text=NO_LIFECYCLE)
        try:
            done = await reload()
        except ConfigError as error:
            return web.Response(status=500, text=f"configuration not reloaded:\n{error}\n")
        return web.Response(text=f"{done}\n")

    return handler


async def _listen(runner: web.AppRunner, address: ListenAddress) -> None:
    try:
        await web.TCPSite(runner, address.host or None, address.port).start()
    except OSError as error:
        raise ConfigError(_cannot_listen(address, error)) from error


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
