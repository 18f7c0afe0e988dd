"""Fault 31: whatever a shim says, it costs a bounded time and amount, and has a reason."""

import asyncio
import gzip
import tempfile
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kata_exporter.discovery.shim import MAX_BODY_BYTES, ShimClient
from kata_exporter.errors import AddressError, Reason
from raw_shim import RawShim, raw_shim, serving
from waiting import soon

ID = "demo-1"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
URL = b"vsock://3:1024"
MEGABYTE = 1_000_000

CLOSED, TOO_LARGE, PROTOCOL = Reason.CLOSED, Reason.TOO_LARGE, Reason.PROTOCOL_ERROR


def with_length(length: int | str, body: bytes = URL) -> bytes:
    return OK + f"Content-Length: {length}\r\n\r\n".encode() + body


async def refusal(directory: Path, *, timeout_seconds: float = 10.0) -> AddressError:
    with pytest.raises(AddressError) as caught:
        await ShimClient(timeout_seconds=timeout_seconds).agent_url(str(directory), ID)
    text = str(caught.value)
    assert text.startswith("shim: ")
    assert text.endswith(f": {directory}/{ID}/shim-monitor.sock")
    assert text.isprintable()
    assert text.isascii()
    assert len(text.removesuffix(str(directory))) < 600
    return caught.value


async def assert_asked_once(shim: RawShim) -> None:
    await soon(lambda: shim.ended)
    assert shim.connections == 1


@pytest.mark.parametrize(
    ("status", "more"),
    [
        (b"500 Internal Server Error", b"Content-Length: 3\r\n\r\nno\n"),
        (b"404 Not Found", b"Content-Length: 0\r\n\r\n"),
        (b"503 \x80\xff", b"Content-Length: 0\r\n\r\n"),
        (b"204 No Content", b"\r\n"),
        (b"206 Partial Content", b"Content-Length: 14\r\n\r\n" + URL),
        (b"101 Switching Protocols", b"Upgrade: h2c\r\nConnection: upgrade\r\n\r\n" + URL),
        (b"401 Unauthorized", b"WWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
        (b"407 Proxy", b"Proxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_status_other_than_200_is_no_answer(
    tmp_path: Path, status: bytes, more: bytes
) -> None:
    async with raw_shim(tmp_path / ID, b"HTTP/1.1 " + status + b"\r\n" + more) as shim:
        error = await refusal(tmp_path)
        await assert_asked_once(shim)

    assert error.reason is Reason.AGENT_ERROR
    assert f"status {status[:3].decode()}" in str(error)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["/metrics", "http://127.0.0.1:1/", "http://shim/agent-url"])
async def test_redirect_is_not_followed(tmp_path: Path, status: int, where: str) -> None:
    head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n"
    async with raw_shim(tmp_path / ID, head.encode()) as shim:
        error = await refusal(tmp_path)
        await assert_asked_once(shim)

    assert error.reason is Reason.AGENT_ERROR


@pytest.mark.parametrize(
    "said", [b"", b"H", OK, OK + b"X: y", with_length(14, URL[:-1]), CHUNKED, CHUNKED + b"e\r\nvso"]
)
@pytest.mark.parametrize("reason", [Reason.CLOSED, Reason.TIMEOUT])
async def test_answer_that_is_cut_off_is_closed_and_one_that_never_ends_is_a_timeout(
    tmp_path: Path, said: bytes, reason: Reason
) -> None:
    hang_up = reason is Reason.CLOSED
    async with raw_shim(tmp_path / ID, said, hang_up=hang_up) as shim:
        error = await refusal(tmp_path, timeout_seconds=10.0 if hang_up else 0.1)
        await assert_asked_once(shim)

    assert error.reason is reason


async def test_drip_ends_at_the_deadline(tmp_path: Path) -> None:
    drops = [bytes([byte]) for byte in with_length(4000, b"x" * 4000)]
    async with raw_shim(tmp_path / ID, *drops, pause_seconds=0.01) as shim:
        start = time.monotonic()
        error = await refusal(tmp_path, timeout_seconds=0.3)
        took = time.monotonic() - start
        await assert_asked_once(shim)

    assert error.reason is Reason.TIMEOUT
    assert shim.sent_bytes > 1
    assert took < 5.0


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        # No HTTP.
        (b"SSH-2.0-OpenSSH_9.9\r\n", PROTOCOL),
        (b"\0\0\0\4\0\0\0\0\0", PROTOCOL),
        (b"\x1b[2J\x1b]0;owned\x07\r\n\r\n", PROTOCOL),
        (b"HTTP/1.1 99999 OK\r\n\r\n", PROTOCOL),
        (b"HTTP/9.9 200 OK\r\n\r\n", PROTOCOL),
        (OK + b"a b: c\r\n\r\n", PROTOCOL),
        # Lengths that lie.
        (with_length(13), PROTOCOL),
        (with_length("-1"), PROTOCOL),
        (with_length("14, 14"), PROTOCOL),
        (with_length("14\r\nContent-Length: 15"), PROTOCOL),
        (with_length("14\r\nTransfer-Encoding: chunked"), PROTOCOL),
        (with_length(10**30), PROTOCOL),
        (with_length(10**10), TOO_LARGE),
        (with_length(MAX_BODY_BYTES + 1), TOO_LARGE),
        (OK + b"\r\n" + URL, PROTOCOL),
        (OK + b"Transfer-Encoding: gzip\r\n\r\n" + URL, PROTOCOL),
        (b"HTTP/1.0 200 OK\r\n\r\n" + URL, PROTOCOL),
        # Chunks.
        (CHUNKED + b"zz\r\n" + URL, PROTOCOL),
        (CHUNKED + b"-1\r\n" + URL, PROTOCOL),
        (CHUNKED + b"e\r\n" + URL + b"more\r\n0\r\n\r\n", PROTOCOL),
        (CHUNKED + b"f" * 17 + b"\r\n" + URL, PROTOCOL),
        (CHUNKED + b"2000\r\n" + b"x" * 0x2000, TOO_LARGE),
        # Text that is none.
        (with_length(2, b"\xff\xfe"), Reason.REJECTED),
    ],
)
async def test_answer_that_is_none_is_refused(tmp_path: Path, said: bytes, reason: Reason) -> None:
    async with raw_shim(tmp_path / ID, said) as shim:
        error = await refusal(tmp_path)
        await assert_asked_once(shim)

    assert error.reason is reason


@pytest.mark.parametrize(
    ("head", "rest", "reason"),
    [
        (CHUNKED, b"zz\r\n" + URL, PROTOCOL),
        (CHUNKED + b"e\r\n", URL + b"more\r\n", PROTOCOL),
        (CHUNKED + b"e\r\n" + URL + b"\r\n0\r\n", b"a b\r\n\r\n", PROTOCOL),
        (with_length(20), b"", CLOSED),
    ],
)
async def test_fault_that_comes_after_the_head_is_told_at_once(
    tmp_path: Path, head: bytes, rest: bytes, reason: Reason
) -> None:
    """Not at the deadline: what can't be parsed any more has no end to wait for."""
    async with raw_shim(tmp_path / ID, head, rest, pause_seconds=0.05, hang_up=True):
        error = await refusal(tmp_path, timeout_seconds=30.0)

    assert error.reason is reason


@pytest.mark.parametrize("length", [MAX_BODY_BYTES - 1, MAX_BODY_BYTES])
async def test_answer_at_the_cap_is_read(tmp_path: Path, length: int) -> None:
    async with raw_shim(tmp_path / ID, with_length(length, b"x" * length)):
        assert await ShimClient().agent_url(str(tmp_path), ID) == "x" * length


@pytest.mark.parametrize(
    ("head", "endless", "reason"),
    [
        (CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n", TOO_LARGE),
        (CHUNKED, b"1\r\nx\r\n", TOO_LARGE),
        (CHUNKED + b"1;", b"x" * 1000, TOO_LARGE),
        (CHUNKED + b"0\r\n", b"X: y\r\n", PROTOCOL),
        (with_length(10**12), b"x" * 1000, TOO_LARGE),
        (OK + b"X: ", b"x" * 1000, PROTOCOL),
        (OK, b"x" * 1000, PROTOCOL),
        (OK, b"X: y\r\n", PROTOCOL),
        (b"HTTP/1.1 200 ", b"x" * 1000, PROTOCOL),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", TOO_LARGE),
        (b"", b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n", TOO_LARGE),
    ],
)
async def test_what_has_no_end_is_cut_off_early(
    tmp_path: Path, head: bytes, endless: bytes, reason: Reason
) -> None:
    def pieces() -> Iterator[bytes]:
        yield head
        yield from repeat(endless * 64)

    async with serving(tmp_path / ID, pieces()) as shim:
        error = await refusal(tmp_path)
        await assert_asked_once(shim)

    assert error.reason is reason
    assert shim.sent_bytes < 2 * MEGABYTE  # most of it in buffers of the kernel and of asyncio


@pytest.mark.parametrize(
    "headers",
    [
        b"X: " + b"x" * MEGABYTE + b"\r\n",
        b"x" * MEGABYTE + b": y\r\n",
        b"X: y\r\n" * 100_000,
        b"".join(b"X-%d: y\r\n" % number for number in range(33)),
        b"X: " + b"x" * 1100 + b"\r\n",
    ],
)
async def test_huge_and_many_headers_are_refused(tmp_path: Path, headers: bytes) -> None:
    answer = OK + headers + b"Content-Length: 14\r\n\r\n" + URL
    async with raw_shim(tmp_path / ID, answer) as shim:
        error = await refusal(tmp_path)
        await assert_asked_once(shim)

    assert error.reason is Reason.PROTOCOL_ERROR


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_gzip_bomb_is_never_unpacked(tmp_path: Path, encoding: str) -> None:
    bomb = gzip.compress(b"x" * MEGABYTE)
    assert len(bomb) < MAX_BODY_BYTES
    head = f"{len(bomb)}\r\nContent-Encoding: {encoding}"
    async with raw_shim(tmp_path / ID, with_length(head, bomb)):
        error = await refusal(tmp_path)

    assert error.reason is Reason.REJECTED


async def test_cookies_are_not_kept(tmp_path: Path) -> None:
    client = ShimClient()
    head = "14\r\nSet-Cookie: session=stolen; Path=/"
    async with raw_shim(tmp_path / ID, with_length(head)) as shim:
        for _ in range(2):
            assert await client.agent_url(str(tmp_path), ID) == URL.decode()

    assert shim.connections == 2
    assert b"Cookie" not in shim.received


async def test_interim_answers_are_passed_over(tmp_path: Path) -> None:
    async with raw_shim(tmp_path / ID, b"HTTP/1.1 100 Continue\r\n\r\n" + with_length(14)):
        assert await ShimClient().agent_url(str(tmp_path), ID) == URL.decode()


pieces = st.one_of(
    st.sampled_from(
        [
            *(OK, CHUNKED, URL, b"\r\n", b"\r\n\r\n", b"\n", b":", b"Content-Length: ", b"14"),
            *(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 200 \r\n", b"HTTP/1.1 304 -\r\n", b"0"),
            *(b"Transfer-Encoding: gzip\r\n", b"Transfer-Encoding: chunked\r\n", b"e\r\n", b"-"),
            *(b"Content-Encoding: gzip\r\n", b"Content-Type: text/plain;charset=\xff\r\n"),
            *(b"Set-Cookie: a=b\r\n", b"Connection: upgrade\r\n", b"Upgrade: h2c\r\n"),
            *(b"Link: <", b"Location: //\r\n", b"Keep-Alive: timeout=-1\r\n"),
        ]
    ),
    st.binary(max_size=8),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=10), st.lists(pieces, max_size=4))
def test_whatever_a_shim_says_is_a_text_or_an_address_error(
    first: list[bytes], second: list[bytes]
) -> None:
    async def ask() -> str | AddressError:
        with tempfile.TemporaryDirectory() as directory:
            said = (b"".join(first), b"".join(second))
            async with raw_shim(Path(directory, ID), *said, hang_up=True):
                try:
                    return await ShimClient(timeout_seconds=30).agent_url(directory, ID)
                except AddressError as error:
                    return error

    got = asyncio.run(ask())

    if isinstance(got, AddressError):
        assert got.reason is not Reason.TIMEOUT
        assert str(got).isprintable()
    else:
        assert len(got) <= MAX_BODY_BYTES
