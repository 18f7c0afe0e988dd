"""An HTTP server that answers what it is told to, well-formed or not."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

Answer = Callable[[socket.socket, Event], None]
"""Writes to a client whose request was read; the event says that the test is over."""


@dataclass
class CannedServer:
    """What it answers, and the requests that it has read."""

    answer: Answer
    requests: list[bytes] = field(default_factory=list)
    address: str = ""


def ok(body: str | bytes, content_type: str = "application/json", extra: str = "") -> Answer:
    """Answer with 200 and a body."""
    return status("200 OK", body, content_type, extra)


def status(
    line: str, body: str | bytes = b"", content_type: str = "application/json", extra: str = ""
) -> Answer:
    """Answer with a status and a body."""
    data = body.encode() if isinstance(body, str) else body
    head = (
        f"HTTP/1.1 {line}\r\nContent-Type: {content_type}\r\nContent-Length: {len(data)}\r\n"
        f"Connection: close\r\n{extra}\r\n"
    )
    return raw(head.encode() + data)


def raw(data: bytes) -> Answer:
    """Answer with these very bytes."""

    def answer(client: socket.socket, over: Event) -> None:
        del over
        client.sendall(data)

    return answer


@contextmanager
def canned(answer: Answer, socket_path: Path | None = None) -> Iterator[CannedServer]:
    """Serve on a port of the loopback, or on a unix socket, until the block ends."""
    if socket_path is None:
        listener = socket.create_server(("127.0.0.1", 0))
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(socket_path))
        listener.listen()
    server = CannedServer(answer)
    if socket_path is None:
        server.address = f"127.0.0.1:{listener.getsockname()[1]}"
    over = Event()
    thread = Thread(target=_serve, args=(listener, server, over))
    thread.start()
    try:
        yield server
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def _serve(listener: socket.socket, server: CannedServer, over: Event) -> None:
    while not over.is_set():
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, suppress(ConnectionError):
            client.settimeout(10)
            server.requests.append(client.recv(65536))
            server.answer(client, over)
