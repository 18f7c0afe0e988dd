"""The web server with its API on both listeners, and clients to them."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from fake_clock import FakeClock
from kata_exporter.config.settings import ListenAddress, WebSettings
from kata_exporter.discovery.registration import RegistrationSource
from kata_exporter.exposition import Choices, PageFormat, Selection
from kata_exporter.model import Sandbox
from kata_exporter.oom.journal import Journal
from kata_exporter.registry import FirstSeen, Registry
from kata_exporter.web import Api, ListedSandbox, WebServer

BOX: dict[str, Any] = {
    "id": "box-1",
    "agent_url": "unix:///run/box-1.sock",
    "pod": {"namespace": "shop", "name": "web-0", "uid": "u-1"},
    "containers": [{"id": "ctr-1", "name": "app", "image": "app:1"}],
    "lease_seconds": 45,
}


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Known:
    """Who is there, as the exporter would tell; nobody is asked, so all are pending but some."""

    def __init__(self, clock: FakeClock) -> None:
        self.first_seen = FirstSeen(clock)
        self.registry = Registry([self.first_seen])
        self.registrations = RegistrationSource(clock)
        self.registrations.watch(self.registry.apply)
        self.silent: dict[str, tuple[str, str]] = {}

    def listed_sandboxes(self) -> Iterator[ListedSandbox]:
        return map(self._listed, self.registry.sandboxes())

    def listed_sandbox(self, sandbox_id: str) -> ListedSandbox | None:
        sandbox = self.registry.sandbox(sandbox_id)
        return None if sandbox is None else self._listed(sandbox)

    def _listed(self, sandbox: Sandbox) -> ListedSandbox:
        reason, detail = self.silent.get(sandbox.id, ("ok", ""))
        return ListedSandbox(
            sandbox,
            up=reason == "ok",
            reason=reason,
            detail=detail,
            known_seconds=self.first_seen.age_seconds(sandbox.id),
            published=True,
            lease_seconds=self.registrations.lease_seconds(sandbox.id),
        )


class Pages:
    """Pages that nobody looks at here."""

    def render(self, selection: Selection, page_format: PageFormat) -> bytes:
        del selection, page_format
        return b"x 1\n"

    def choices(self) -> Choices:
        return Choices({}, {}, frozenset())

    def ready(self) -> bool:
        return True


class ApiSite:
    """A server on loopback and on an admin socket."""

    def __init__(self, clock: FakeClock, folder: Path, *, body_seconds: float = 5.0) -> None:
        self.socket = folder / "admin.sock"
        self.known = Known(clock)
        self.journal = Journal()
        self.requests: list[tuple[str, int]] = []
        self.reloads = 0
        self.server = WebServer(
            Pages(),
            WebSettings((ListenAddress("127.0.0.1", 0),), admin_socket=str(self.socket)),
            api=Api(
                self.known,
                self.known.registrations,
                self.journal,
                clock=clock,
                body_seconds=body_seconds,
            ),
            clock=clock,
            on_request=lambda path, status: self.requests.append((path, status)),
            reload=self._reload,
        )

    async def start(self) -> None:
        await self.server.start()

    async def _reload(self) -> str:
        self.reloads += 1
        return "reloaded"

    async def aclose(self) -> None:
        await self.server.aclose()
        await self.known.registrations.aclose()

    async def public(self, method: str, path: str, **arguments: Any) -> Answer:
        async with aiohttp.ClientSession() as session:
            url = f"http://{self.server.addresses[0]}{path}"
            return await _answer(session, method, url, arguments)

    async def admin(self, method: str, path: str, **arguments: Any) -> Answer:
        connector = aiohttp.UnixConnector(str(self.socket))
        async with aiohttp.ClientSession(connector=connector) as session:
            return await _answer(session, method, f"http://admin{path}", arguments)

    async def register(self, **changes: Any) -> Answer:
        return await self.admin("POST", "/api/v1/sandboxes", json={**BOX, **changes})

    async def raw(self, request: bytes) -> bytes:
        """Send bytes to the admin socket, and return all that comes until it is closed."""
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()


async def _answer(
    session: aiohttp.ClientSession, method: str, url: str, arguments: dict[str, Any]
) -> Answer:
    async with session.request(method, url, **arguments) as answer:
        return Answer(answer.status, answer.headers, await answer.read())
