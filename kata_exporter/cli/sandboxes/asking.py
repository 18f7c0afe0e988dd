"""Asking a running exporter: one request, one deadline, and a bounded answer."""

import errno

import aiohttp
from aiohttp import hdrs
from yarl import URL

from kata_exporter import __version__
from kata_exporter.cli.sandboxes.target import PATH, Target
from kata_exporter.errors import KataExporterError
from kata_exporter.ttrpc import printable

DEADLINE_SECONDS = 5.0
"""For all of it: resolving a name, connecting, and the answer's last byte."""

MAX_ANSWER_BYTES = 16 << 20

_JSON = "application/json"
_HEADERS = {
    hdrs.ACCEPT: _JSON,
    # What is compressed may be any size.
    hdrs.ACCEPT_ENCODING: "identity",
    hdrs.USER_AGENT: f"kata-exporter/{__version__}",
}
_SHOWN_CHARACTERS = 120


class AskError(KataExporterError):
    """There is no usable answer; the text says why in one line, and what to do."""


async def ask(target: Target, *, deadline_seconds: float = DEADLINE_SECONDS) -> bytes:
    """Return the body of the exporter's answer: JSON, by its own words.

    No proxy of the environment is used, and no redirect followed.

    Raises:
        AskError: there is none, or not from an exporter.
    """
    connector = aiohttp.UnixConnector(target.socket) if target.socket else aiohttp.TCPConnector()
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=deadline_seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers=_HEADERS,
            ) as session,
            session.get(URL(target.url), allow_redirects=False) as response,
        ):
            _require_ours(response, target)
            return await _bounded_body(response, target)
    except TimeoutError:
        raise AskError(
            f"{target.name} has not answered within {deadline_seconds:g} s: whether it lives,"
            " its /-/healthy tells"
        ) from None
    except aiohttp.ClientConnectorError as error:
        raise AskError(_not_there(target, error.os_error)) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        text = printable(str(error) or type(error).__name__, _SHOWN_CHARACTERS)
        raise AskError(f"{target.name} does not answer as an exporter does: {text}") from error


def _require_ours(response: aiohttp.ClientResponse, target: Target) -> None:
    if response.status == 404:
        raise AskError(f"{target.name} is no kata-exporter, or an older one: it has no {PATH}")
    if response.status in {401, 403}:
        raise AskError(f"{target.name} denies it, with status {response.status}")
    if 300 <= response.status < 400:
        raise AskError(
            f"{target.name} sends us elsewhere, where we do not go: give the exporter's own address"
        )
    if response.status != 200:
        raise AskError(f"{target.name} answered with status {response.status}: its log says why")
    encoding = response.headers.get(hdrs.CONTENT_ENCODING, "identity")
    if response.content_type != _JSON or encoding != "identity":
        raise AskError(f"{target.name} is no kata-exporter: its {PATH} is not plain JSON")


async def _bounded_body(response: aiohttp.ClientResponse, target: Target) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise AskError(
                f"{target.name} answers with more than {MAX_ANSWER_BYTES >> 20} MiB, which no"
                " exporter does"
            )
    return bytes(body)


def _not_there(target: Target, error: OSError) -> str:
    match error.errno:
        case errno.ECONNREFUSED:
            return (
                f"nobody listens at {target.name}: start kata-exporter serve, or say with --url or"
                " --socket where it is"
            )
        case errno.ENOENT:
            return f"there is no {target.name}: say with --url or --socket where the exporter is"
        case errno.EACCES | errno.EPERM:
            return f"{target.name}: permission denied: ask as root, or as the exporter's user"
    text = printable(error.strerror or str(error), _SHOWN_CHARACTERS)
    return f"{target.name}: no connection: {text}"
