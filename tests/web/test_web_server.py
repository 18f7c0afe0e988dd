"""What the web server answers, over real HTTP on loopback."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy

from api_site import Known
from fake_clock import FakeClock
from kata_exporter.config.settings import ListenAddress, WebSettings
from kata_exporter.errors import ConfigError
from kata_exporter.exposition import Choices, PageFormat, Selection
from kata_exporter.oom.journal import Journal
from kata_exporter.telemetry.hooks import RequestHook, RequestInfo
from kata_exporter.web import Api, WebServer
from kata_exporter.web.page_cache import REUSE_SECONDS

NAMES = {"kata_sandbox_up": "kata_sandbox_up", "kata_guest_load1": "kata_guest_load1"}
LOOPBACK = ListenAddress("127.0.0.1", 0)


class FakePages:
    def __init__(self) -> None:
        self.is_ready = False
        self.page = b"# HELP x X.\n# TYPE x gauge\nx 1\n"
        self.error: Exception | None = None
        self.rendered: list[Selection] = []

    def render(self, selection: Selection, page_format: PageFormat) -> bytes:
        self.rendered.append(selection)
        if self.error is not None:
            raise self.error
        return self.page if page_format is PageFormat.TEXT else self.page + b"# EOF\n"

    def choices(self) -> Choices:
        return Choices(
            {"guest_metrics": True, "container_stats": False}, NAMES, frozenset({"box-a"})
        )

    def ready(self) -> bool:
        return self.is_ready


def api_for(clock: FakeClock) -> Api:
    known = Known(clock)
    return Api(known, known.registrations, Journal(), clock=clock)


class Site:
    """A running server, and a client to it."""

    def __init__(
        self, clock: FakeClock, *, lifecycle: bool = False, hook: RequestHook | None = None
    ) -> None:
        self.pages = FakePages()
        self.requests: list[tuple[str, int]] = []
        self.reloads: list[str] = []
        self.problems = ""
        self.server = WebServer(
            self.pages,
            WebSettings((LOOPBACK,), enable_lifecycle=lifecycle),
            api=api_for(clock),
            clock=clock,
            on_request=lambda path, status: self.requests.append((path, status)),
            reload=self._reload,
            hook=hook,
        )

    async def _reload(self) -> str:
        if self.problems:
            raise ConfigError(self.problems)
        self.reloads.append("done")
        return "reloaded"

    async def get(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, CIMultiDictProxy[str], bytes]:
        url = f"http://{self.server.addresses[0]}{path}"
        async with (
            aiohttp.ClientSession(
                auto_decompress=False, skip_auto_headers=["Accept-Encoding"]
            ) as s,
            s.request(method, url, headers=headers) as answer,
        ):
            return answer.status, answer.headers, await answer.read()


@pytest_asyncio.fixture
async def site(clock: FakeClock) -> AsyncIterator[Site]:
    site = Site(clock)
    await site.server.start()
    yield site
    await site.server.aclose()


async def test_metrics_are_plain_text_of_format_0_0_4(site: Site) -> None:
    status, headers, body = await site.get("/metrics")

    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Encoding" not in headers
    assert body == site.pages.page


@pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=1.0", "GZIP", "*"])
async def test_metrics_are_compressed_for_who_accepts_gzip(site: Site, accepted: str) -> None:
    _, headers, body = await site.get("/metrics", **{"Accept-Encoding": accepted})

    assert headers["Content-Encoding"] == "gzip"
    assert headers["Vary"] == "Accept, Accept-Encoding"
    assert gzip.decompress(body) == site.pages.page


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "gzip; q=0.0", "br"])
async def test_metrics_are_plain_for_who_does_not(site: Site, accepted: str) -> None:
    _, headers, body = await site.get("/metrics", **{"Accept-Encoding": accepted})

    assert "Content-Encoding" not in headers
    assert body == site.pages.page


async def test_the_landing_page_links_to_every_page(site: Site) -> None:
    status, headers, body = await site.get("/")

    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    paths = ("/metrics", "/api/v1/sandboxes", "/api/v1/openapi.json", "/-/healthy", "/-/ready")
    for path in paths:
        assert f'href="{path}"'.encode() in body


async def test_healthy_at_once_and_ready_after_the_first_round(site: Site) -> None:
    assert (await site.get("/-/healthy"))[0] == 200
    assert (await site.get("/-/ready"))[0] == 503

    site.pages.is_ready = True

    assert (await site.get("/-/ready"))[0] == 200


async def test_unknown_paths_and_methods_are_refused_and_counted_under_a_closed_set(
    site: Site,
) -> None:
    status, headers, _ = await site.get("/nobody/knows")
    assert (status, headers["X-Content-Type-Options"]) == (404, "nosniff")
    assert (await site.get("/metrics", "POST"))[0] == 405
    assert (await site.get("/metrics", "HEAD"))[0] == 200

    assert site.requests == [("unknown", 404), ("unknown", 405), ("/metrics", 200)]


async def test_a_fault_while_rendering_is_a_500_and_never_half_a_page(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.pages.error = RuntimeError("a bug")

    with caplog.at_level(logging.CRITICAL, "aiohttp.server"):
        status, _, body = await site.get("/metrics")

    assert status == 500
    assert b"a bug" not in body
    assert site.requests == [("/metrics", 500)]


async def test_an_address_in_use_is_one_clear_line(clock: FakeClock, site: Site) -> None:
    taken = ListenAddress.parse(site.server.addresses[0])
    second = WebServer(
        FakePages(),
        WebSettings((LOOPBACK, taken)),
        api=api_for(clock),
        clock=clock,
        on_request=lambda *_: None,
    )

    with pytest.raises(ConfigError) as caught:
        await second.start()

    assert str(caught.value).startswith(f"cannot listen on {taken}: the address is in use")
    assert "--web.listen-address" in str(caught.value)
    assert second.addresses == ()


async def test_an_address_that_is_not_ours_is_one_clear_line(clock: FakeClock) -> None:
    server = WebServer(
        FakePages(),
        WebSettings((ListenAddress("192.0.2.1", 9823),)),
        api=api_for(clock),
        clock=clock,
        on_request=lambda *_: None,
    )

    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:9823"):
        await server.start()


async def test_closing_ends_idle_connections(clock: FakeClock) -> None:
    """A scraper that keeps its connection doesn't keep the server."""
    site = Site(clock)
    await site.server.start()
    host, _, port = site.server.addresses[0].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")

    await asyncio.wait_for(site.server.aclose(), 2.0)

    await asyncio.wait_for(reader.read(), 2.0)
    writer.close()
    await writer.wait_closed()


@pytest_asyncio.fixture
async def open_site(clock: FakeClock) -> AsyncIterator[Site]:
    site = Site(clock, lifecycle=True)
    await site.server.start()
    yield site
    await site.server.aclose()


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_reload_is_done_and_told(open_site: Site, method: str) -> None:
    status, headers, body = await open_site.get("/-/reload", method)

    assert (status, body) == (200, b"reloaded\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert open_site.reloads == ["done"]
    assert open_site.requests == [("/-/reload", 200)]


async def test_a_reload_that_fails_is_a_500_with_every_error(open_site: Site) -> None:
    open_site.problems = "c.yaml:1: a\nc.yaml:2: b"

    status, _, body = await open_site.get("/-/reload", "POST")

    assert (status, body) == (500, b"configuration not reloaded:\nc.yaml:1: a\nc.yaml:2: b\n")


async def test_a_reload_is_refused_with_the_flag_that_allows_it(site: Site) -> None:
    status, _, body = await site.get("/-/reload", "POST")

    assert status == 403
    assert b"--web.enable-lifecycle" in body
    assert site.reloads == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_reload_is_asked_for_by_post_or_put_alone(open_site: Site, method: str) -> None:
    status, headers, _ = await open_site.get("/-/reload", method)

    assert status == 405
    assert set(headers["Allow"].split(",")) == {"POST", "PUT"}
    assert open_site.reloads == []


class RequestNotes:
    """A hook of requests, and its watch, that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def started(self, info: RequestInfo) -> "RequestNotes":
        self.told.append((info.method, info.route, info.scheme, info.headers.get("Traceparent")))
        return self

    def ended(self, status: int, body_bytes: int) -> None:
        self.told.append((status, body_bytes))


async def test_scrapes_are_watched_and_nothing_else_is(clock: FakeClock) -> None:
    notes = RequestNotes()
    site = Site(clock, hook=notes)
    await site.server.start()
    try:
        await site.get("/-/healthy")
        await site.get("/metrics", traceparent="00-1-2-01")
        await site.get("/metrics?collect[]=nothing")
        site.pages.error = RuntimeError("a bug")
        clock.advance(2.0)
        await site.get("/metrics")
    finally:
        await site.server.aclose()

    good, answer, _, refusal, _, fault = notes.told
    assert good == ("GET", "/metrics", "http", "00-1-2-01")
    assert answer == (200, len(site.pages.page))
    assert isinstance(refusal, tuple)
    assert refusal[0] == 400
    assert fault == (500, 0)


OPENMETRICS = "application/openmetrics-text;version=1.0.0"


async def test_who_asks_for_openmetrics_gets_it_and_who_does_not_gets_text(site: Site) -> None:
    _, headers, body = await site.get("/metrics", Accept=f"{OPENMETRICS};q=0.6, text/plain;q=0.3")
    assert headers["Content-Type"] == PageFormat.OPENMETRICS.content_type
    assert headers["Vary"] == "Accept, Accept-Encoding"
    assert body == site.pages.page + b"# EOF\n"

    _, headers, body = await site.get("/metrics", Accept=f"{OPENMETRICS};q=0.1, text/plain;q=0.3")
    assert headers["Content-Type"] == PageFormat.TEXT.content_type
    assert body == site.pages.page
    assert len(site.pages.rendered) == 2


async def test_a_page_of_a_format_that_nobody_asks_for_any_more_is_let_go(
    site: Site, clock: FakeClock
) -> None:
    await site.get("/metrics", Accept=OPENMETRICS)
    await site.get("/metrics")
    clock.advance(REUSE_SECONDS)
    await site.get("/metrics")

    sizes = {each: cache.size_bytes for each, cache in site.server._caches.items()}
    assert sizes == {PageFormat.TEXT: len(site.pages.page), PageFormat.OPENMETRICS: 0}


async def test_selections_are_given_in_the_format_that_is_asked_for(site: Site) -> None:
    path = "/metrics?name[]=kata_sandbox_up"
    _, _, text = await site.get(path)
    _, headers, openmetrics = await site.get(path, Accept=OPENMETRICS)

    assert openmetrics == text + b"# EOF\n"
    assert headers["Content-Type"] == PageFormat.OPENMETRICS.content_type
