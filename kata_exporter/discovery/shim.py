"""What is asked of a sandbox's shim: its agent's URL, and nothing else.

A shim's management socket also changes policies, volumes and firewalls, so nothing here takes a path
or a verb. Who broke into the shim writes the answer: every part of it has a bound, all of it has one
deadline, and whatever goes wrong is an `AddressError`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from kata_exporter.discovery.shim_connector import ShimConnector
from kata_exporter.errors import AddressError, DialError, Reason, shown
from kata_exporter.model import SANDBOX_ID
from kata_exporter.sockets import MAX_URL_CHARACTERS

SOCKET_NAME = "shim-monitor.sock"
"""In each sandbox's folder, with either runtime."""

TIMEOUT_SECONDS = 2.0
"""What all of a question may take, connecting included."""

MAX_BODY_BYTES = MAX_URL_CHARACTERS + 2
"""A URL and the end of its line."""

MAX_LINE_BYTES = 1024
MAX_HEADERS = 32

_HTTP_OK = 200
_URL = "http://shim/agent-url"
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=None)
"""One deadline holds, and it isn't aiohttp's."""


class ShimClient:
    """Asks shims for the URLs of their agents, each time over a connection of its own.

    Args:
        peer_uids: users that may be behind a shim's socket, beside root and our own.
        timeout_seconds: what all of a question may take.
    """

    def __init__(
        self,
        *,
        peer_uids: frozenset[int] = frozenset(),
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._peer_uids = peer_uids
        self._timeout_seconds = timeout_seconds

    async def agent_url(self, directory: str, sandbox_id: str) -> str:
        """Ask the shim of a sandbox for its agent's URL (``GET /agent-url``).

        The text is as the shim wrote it, without the end of its line: not to be trusted.

        Args:
            directory: where the sandboxes' folders are.
            sandbox_id: the name of its folder.

        Raises:
            AddressError: it gave none; the reason is ``connect_failed`` (nobody listens),
                ``rejected`` (no id, a socket that isn't trusted, or no text), ``timeout``,
                ``closed`` (ended early), ``protocol_error``, ``too_large``, or ``agent_error``
                (another status than 200).
        """
        if not SANDBOX_ID.fullmatch(sandbox_id):
            raise AddressError(f"{shown(sandbox_id)} is no sandbox's id")
        relative = f"{sandbox_id}/{SOCKET_NAME}"
        connector = ShimConnector(directory, relative, uids=self._peer_uids)
        question = _Question(connector, f"{directory}/{relative}")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await question.ask()
        except TimeoutError as error:
            raise question.failure(
                f"no answer within {self._timeout_seconds:g} s", Reason.TIMEOUT
            ) from error


class _Question:
    """One question to one shim."""

    def __init__(self, connector: ShimConnector, name: str) -> None:
        self._connector = connector
        self._name = name

    def failure(self, problem: str, reason: Reason) -> AddressError:
        """Return the error for an answer that didn't come, or can't be used."""
        return AddressError(f"shim: {problem}: {self._name}", reason)

    async def ask(self) -> str:
        """Return the text of the answer.

        Raises:
            AddressError: there is none.
        """
        session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "text/plain", "Accept-Encoding": "identity"},
            skip_auto_headers=("User-Agent",),
            timeout=_NO_TIMEOUT,
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            middlewares=(self._once,),
        )
        async with session, session.get(_URL, allow_redirects=False) as response:
            self._check_head(response)
            with self._told():
                body = await self._body(response)
        try:
            return body.decode().removesuffix("\n")
        except UnicodeDecodeError:
            raise self.failure("answer is no text", Reason.REJECTED) from None

    async def _once(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # Translated in here, since aiohttp would ask again where the shim hangs up.
        with self._told():
            return await send(request)

    def _check_head(self, response: aiohttp.ClientResponse) -> None:
        if response.status != _HTTP_OK:
            raise self.failure(f"answered with status {response.status}", Reason.AGENT_ERROR)
        length = response.content_length
        if length is None:
            # Else it would be over where the connection is, and so be whole wherever it was cut.
            if response.headers.get("Transfer-Encoding", "").lower() != "chunked":
                raise self._no_http("neither Content-Length nor chunks")
        elif length > MAX_BODY_BYTES:
            raise self._too_large()

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > MAX_BODY_BYTES:
                raise self._too_large()
        return bytes(body)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DialError as error:
            raise AddressError(f"shim: {error}", error.reason) from error
        except (aiohttp.ClientResponseError, HttpProcessingError) as error:
            raise self._no_http(shown(error.message)) from error
        except (aiohttp.ClientError, OSError) as error:
            if self._connector.overrun:
                raise self._too_large() from error
            raise self.failure("hung up before its answer was whole", Reason.CLOSED) from error

    def _no_http(self, problem: str) -> AddressError:
        return self.failure(f"answer is no HTTP as it should be: {problem}", Reason.PROTOCOL_ERROR)

    def _too_large(self) -> AddressError:
        return self.failure("answer is too long to be a URL", Reason.TOO_LARGE)
