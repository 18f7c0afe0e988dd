"""Agent URLs are read in full or refused with the part that is wrong."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kata_exporter.errors import Reason, UrlError
from kata_exporter.sockets import MAX_URL_CHARACTERS, AgentUrl, Scheme

paths = st.text(st.sampled_from("/a.:19 é\n"), max_size=12)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("unix:///run/a.sock", AgentUrl(Scheme.UNIX, "/run/a.sock")),
        ("unix:///run/a:1024", AgentUrl(Scheme.UNIX, "/run/a:1024")),
        ("mock:///run/a.sock", AgentUrl(Scheme.MOCK, "/run/a.sock")),
        ("remote:///run/a.sock", AgentUrl(Scheme.REMOTE, "/run/a.sock")),
        ("remote:///run/a.sock:1024", AgentUrl(Scheme.REMOTE, "/run/a.sock")),
        ("remote:///run/a:b", AgentUrl(Scheme.REMOTE, "/run/a:b")),
        ("hvsock:///run/clh.sock:1024", AgentUrl(Scheme.HVSOCK, "/run/clh.sock", port=1024)),
        ("hvsock:///a:4294967295", AgentUrl(Scheme.HVSOCK, "/a", port=2**32 - 1)),
        ("vsock://3:1024", AgentUrl(Scheme.VSOCK, cid=3, port=1024)),
        ("vsock://4294967295:1", AgentUrl(Scheme.VSOCK, cid=2**32 - 1, port=1)),
    ],
)
def test_each_scheme_is_read(text: str, url: AgentUrl) -> None:
    assert AgentUrl.parse(text) == url


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "no scheme"),
        ("/run/a.sock", "no scheme"),
        ("unix:/run/a.sock", "no scheme"),
        ("http://host", "unknown scheme 'http'; known: unix, remote, mock, hvsock, vsock"),
        ("UNIX:///run/a.sock", "unknown scheme 'UNIX'"),
        ("://", "unknown scheme ''"),
        ("unix://", "path '' is not absolute"),
        ("unix://run/a.sock", "path 'run/a.sock' is not absolute"),
        ("mock://a", "path 'a' is not absolute"),
        ("unix:///a\0b", "NUL"),
        ("unix:///\ud800", "can't be the name of a file"),
        ("remote://:1024", "path '' is not absolute"),
        ("remote:///a:1:2", "more than one ':port'"),
        ("hvsock:///run/clh.sock", "no port; the agent's is 1024"),
        ("hvsock:///run/clh.sock:", "port '' is no number"),
        ("hvsock:///run/clh.sock:x", "port 'x' is no number"),
        ("hvsock:///run/clh.sock:0", "port '0' is no number from 1"),
        ("hvsock:///run/clh.sock:-1", "port '-1' is no number"),
        ("hvsock:///run/clh.sock:4294967296", "port '4294967296' is no number"),
        ("hvsock:///run/clh.sock:1_0", "port '1_0' is no number"),
        ("hvsock:///run/clh.sock:\u0661", "is no number"),
        ("hvsock:///run/clh.sock:1024\n", "is no number"),
        ("hvsock:///a:b:1024", "more than one ':'"),
        ("hvsock://clh.sock:1024", "path 'clh.sock' is not absolute"),
        ("vsock://3", "no port; the agent's is 1024, as in 'vsock://3:1024'"),
        ("vsock://:1024", "CID '' is no number"),
        ("vsock://host:1024", "CID 'host' is no number"),
        ("vsock://4294967296:1024", "CID '4294967296' is no number"),
        ("vsock://-1:1024", "CID '-1' is no number"),
        ("vsock://3:0", "port '0'"),
        ("unix:///" + "x" * MAX_URL_CHARACTERS, "longer than 4096 characters"),
    ],
)
def test_part_that_is_wrong_is_named(text: str, wrong: str) -> None:
    with pytest.raises(UrlError) as caught:
        AgentUrl.parse(text)

    assert wrong in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.reason is Reason.REJECTED


@pytest.mark.parametrize("text", ["x" * 4000, "unix://x" * 500, "hvsock:///\U0001f600" * 300])
def test_long_text_is_cut_where_it_is_shown(text: str) -> None:
    with pytest.raises(UrlError) as caught:
        AgentUrl.parse(text)

    assert len(str(caught.value)) < 1000
    assert str(caught.value).isascii()


def test_long_numbers_are_no_burden() -> None:
    """Python's int() takes quadratic time for them, so they must not get there."""
    with pytest.raises(UrlError, match="is no number"):
        AgentUrl.parse("vsock://3:" + "9" * 4000)


@given(
    st.one_of(
        st.builds("{}://{}".format, st.sampled_from(Scheme), paths),
        st.builds("{}:///{}:{}".format, st.sampled_from(Scheme), paths, st.integers(-1, 2**33)),
        st.builds("vsock://{}:{}".format, st.integers(-1, 2**33), st.integers(-1, 2**33)),
        st.text(max_size=30),
    )
)
@example("remote:///a:1:2")
@example("vsock://0003:01024")
def test_any_text_is_refused_or_survives_being_written_out(text: str) -> None:
    try:
        url = AgentUrl.parse(text)
    except UrlError:
        return

    assert AgentUrl.parse(str(url)) == url


@given(st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_every_cid_and_port_is_read(cid: int, port: int) -> None:
    url = AgentUrl(Scheme.VSOCK, cid=cid, port=port)

    assert AgentUrl.parse(str(url)) == url


def test_address_is_what_a_span_names() -> None:
    assert AgentUrl.parse("hvsock:///run/a:1024").address == "/run/a"
    assert AgentUrl.parse("vsock://7:1024").address == "7"
