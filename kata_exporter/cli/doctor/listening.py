"""Whether the exporter can listen where it is told to, or listens there already."""

import asyncio
import errno
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.config.settings import ListenAddress

ID = "listen-address"
ASK_SECONDS = 2.0

_QUESTION = b"GET /-/healthy HTTP/1.0\r\nHost: exporter\r\n\r\n"
_OUR_ANSWER = b"kata-exporter is healthy."
_MAX_ANSWER_BYTES = 4096
_ELSEWHERE = "choose another with --web.listen-address"


class Listener(StrEnum):
    """Who listens at an address."""

    NOBODY = "nobody"
    EXPORTER = "exporter"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ListenFacts:
    """One address; ``error`` names the errno that binding it gave, empty where it wasn't in the way."""

    address: str
    listener: Listener
    error: str


async def probe(node: Node) -> Sequence[ListenFacts]:
    """Look at each address: ask who listens there, and where nobody does, bind it for a moment."""
    addresses = node.settings.web.listen_addresses
    return await asyncio.gather(*(_look(address) for address in addresses))


async def _look(address: ListenAddress) -> ListenFacts:
    if not address.port:
        return ListenFacts(str(address), Listener.NOBODY, "")
    listener = await _who_listens(address.reachable())
    error = await asyncio.to_thread(_bind, address) if listener is Listener.NOBODY else ""
    return ListenFacts(str(address), listener, error)


async def _who_listens(address: ListenAddress) -> Listener:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            reader, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError):
        return Listener.NOBODY
    answer = b""
    try:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ASK_SECONDS):
                writer.write(_QUESTION)
                while (part := await reader.read(1024)) and len(answer) < _MAX_ANSWER_BYTES:
                    answer += part
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return Listener.EXPORTER if _OUR_ANSWER in answer else Listener.OTHER


def _bind(address: ListenAddress) -> str:
    try:
        places = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, place in places:
            with socket.socket(family, kind, protocol) as sock:
                # As a server does: what is left of ended connections is not in its way.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(place)
    except socket.gaierror as error:
        return error.strerror or "no such host"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return ""


def judge(facts: Sequence[ListenFacts]) -> Sequence[Finding]:
    """Judge each address."""
    return [_judge_one(each) for each in facts]


def _judge_one(facts: ListenFacts) -> Finding:
    def finding(verdict: Verdict, summary: str, *advice: str) -> Finding:
        summary = f"{facts.address}: {summary}"
        return Finding(ID, verdict, summary, advice, facts.address, facts)

    match facts.listener:
        case Listener.EXPORTER:
            return finding(Verdict.OK, "an exporter listens there")
        case Listener.OTHER:
            advice = f"stop what listens there, or {_ELSEWHERE}"
            return finding(Verdict.PROBLEM, "taken by another program", advice)
        case Listener.NOBODY if facts.error:
            summary = f"can't be listened on ({facts.error})"
            return finding(Verdict.PROBLEM, summary, _what_to_do(facts.error))
        case Listener.NOBODY:
            return finding(Verdict.OK, "free")


def _what_to_do(error: str) -> str:
    match error:
        case "EACCES":
            return f"ports below 1024 are root's: {_ELSEWHERE}"
        case "EADDRNOTAVAIL":
            return f"it is no address of this machine: {_ELSEWHERE}"
        case "EADDRINUSE":
            return f"somebody has bound it and answers nobody: stop it, or {_ELSEWHERE}"
    return _ELSEWHERE


CHECK = Check(ID, probe, judge)
