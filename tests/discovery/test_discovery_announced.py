"""H5: what a shim announces is its own sandbox's agent, or it is refused."""

from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kata_exporter.discovery.announced import USUAL_ROOTS, AnnouncementRules, check_announced
from kata_exporter.errors import Reason, UrlError
from kata_exporter.model import Announcement
from kata_exporter.sockets import MAX_URL_CHARACTERS, AgentUrl, Scheme

ID = "3d55c2f0a1b94e7e" * 4
"""As containerd makes them: 64 hexadecimal digits."""
OTHER = "77aa" * 16
RULES = AnnouncementRules("/run/vc/sbs", ("/srv/vms", "/srv/more/"), 1024)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("vsock://3:1024", ""),
        ("vsock://4294967294:1024", ""),
        (f"hvsock:///run/vc/sbs/{ID}/clh.sock:1024", "/run/vc/sbs"),
        (f"hvsock:///run/vc/vm/{ID}/clh.sock:1024", "/run/vc/vm"),
        (f"hvsock:///run/vc/firecracker/{ID}/root/kata.hvsock:1024", "/run/vc/firecracker"),
        (f"hvsock:///run/vc/firecracker/{ID[:32]}/root/kata.hvsock:1024", "/run/vc/firecracker"),
        (f"hvsock:///run/kata/{ID}/root/kata.hvsock:1024", "/run/kata"),
        (f"hvsock:///run/kata/firecracker/{ID}/root/k.hvsock:1024", "/run/kata/firecracker"),
        (f"hvsock:///srv/vms/{ID}/v.sock:1024", "/srv/vms"),
        (f"hvsock:///srv/more/{ID}/v.sock:1024", "/srv/more/"),
        (f"remote:///run/vc/sbs/{ID}/agent.ttrpc", "/run/vc/sbs"),
        (f"remote:///run/kata/{ID}/agent.ttrpc:1024", "/run/kata"),
        (f"remote:///run/kata/{ID}/agent.ttrpc:99999999999", "/run/kata"),
        (f"remote:///run/kata/{ID}/..hidden", "/run/kata"),
    ],
)
def test_what_kata_announces_is_taken(text: str, root: str) -> None:
    url, announcement = check_announced(text, ID, RULES)

    assert announcement == Announcement(root)
    assert url == AgentUrl.parse(text)
    assert AgentUrl.parse(str(url)) == url


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        # Somewhere else.
        ("tcp://10.0.0.1:1024", "unknown scheme 'tcp'"),
        ("http://169.254.169.254/", "unknown scheme 'http'"),
        ("file:///etc/passwd", "unknown scheme 'file'"),
        ("", "no scheme"),
        ("3:1024", "no scheme"),
        ("vsock://2:1024", "CID 2 is no guest's"),
        ("vsock://1:1024", "CID 1 is no guest's"),
        ("vsock://0:1024", "CID 0 is no guest's"),
        ("vsock://4294967295:1024", "CID 4294967295 is no guest's"),
        ("vsock://-1:1024", "CID '-1' is no number"),
        ("vsock://+3:1024", "CID '+3' is no number"),
        ("vsock://3_0:1024", "CID '3_0' is no number"),
        ("vsock://0x3:1024", "CID '0x3' is no number"),
        ("vsock://\u0663:1024", r"CID '\u0663' is no number"),
        ("vsock://3:\u0661\u0660\u0662\u0664", "is no number from 1"),
        ("vsock://00000000003:1024", "is no number of 32 bits"),
        ("vsock://3:1024\n", r"port '1024\n' is no number"),
        ("vsock://3:1024\nvsock://4:1024", "more than one ':'"),
        ("vsock://3", "no port"),
        ("VSOCK://3:1024", "unknown scheme 'VSOCK'"),
        (" vsock://3:1024", "unknown scheme"),
        ("vsock://3:1025", "port 1025 is not the agent's, 1024"),
        ("vsock://3:22", "port 22 is not the agent's"),
        # Sockets of others.
        (f"unix:///run/vc/sbs/{ID}/a.sock", "no shim's; one announces vsock, hvsock or remote"),
        (f"mock:///run/vc/sbs/{ID}/a.sock", "no shim's"),
        ("hvsock:///run/containerd/containerd.sock:1024", "not in the sandbox's own folder"),
        ("remote:///run/containerd/containerd.sock", "not in the sandbox's own folder"),
        (f"hvsock:///run/vc/vm/{OTHER}/clh.sock:1024", "not in the sandbox's own folder"),
        (f"hvsock:///run/vc/vm/{ID}x/clh.sock:1024", "not in the sandbox's own folder"),
        (f"hvsock:///run/vc/vm/{ID[:-1]}/clh.sock:1024", "not in the sandbox's own folder"),
        (f"hvsock:///run/vc/vm/{ID[:32]}/clh.sock:1024", "not in the sandbox's own folder"),
        (f"hvsock:///run/vc/firecracker/{ID[:31]}/root/a:1024", "not in the sandbox's own"),
        (f"hvsock:///run/vc/vm/{ID}:1024", "not in the sandbox's own folder"),
        (f"hvsock:///run/vc/vm/{OTHER}/{ID}/clh.sock:1024", "not in the sandbox's own folder"),
        (f"remote:///srv/other/{ID}/a.sock", "list the folder in discovery.agent_roots"),
        (f"hvsock:///run/vc/vm/{ID}/clh.sock:1025", "set discovery.agent_port"),
        ("remote://@abstract", "is not absolute"),
        ("remote://\0abstract", "is not absolute"),
        # Ways out of the folder.
        (f"hvsock:///run/vc/vm/{ID}/../{OTHER}/clh.sock:1024", "'..'"),
        (f"remote:///run/vc/vm/{ID}/..", "'..'"),
        (f"remote:///run/vc/vm/{ID}/./a.sock", "'.'"),
        (f"remote:///run/vc/vm/{ID}%2fa.sock", "not in the sandbox's own folder"),
        (f"remote:///run/vc/vm/%2e%2e/{ID}/a.sock", "not in the sandbox's own folder"),
        (f"remote:///run/vc/vm/{ID}//a.sock", "an empty part"),
        (f"remote:///run/vc/vm/{ID}/", "an empty part"),
        (f"remote:///run/vc/vm/{ID}/a.sock/", "an empty part"),
        (f"remote:////run/vc/vm/{ID}/a.sock", "an empty part"),
        (f"remote:///run/vc/vm/{ID}/a\0", "NUL"),
        (f"remote:///run/vc/vm/{ID}/a:1:2", "more than one ':port'"),
        (f"remote:///run/vc/vm/{ID}/" + "a/" * MAX_URL_CHARACTERS, "longer than"),
    ],
)
def test_anything_else_is_refused_and_the_part_that_is_wrong_named(text: str, wrong: str) -> None:
    with pytest.raises(UrlError) as caught:
        check_announced(text, ID, RULES)

    assert wrong in str(caught.value)
    assert caught.value.reason is Reason.REJECTED


def test_another_port_may_be_the_agents() -> None:
    rules = AnnouncementRules("/run/kata", (), 2048)

    check_announced("vsock://3:2048", ID, rules)
    with pytest.raises(UrlError, match="port 1024 is not the agent's, 2048"):
        check_announced("vsock://3:1024", ID, rules)


@pytest.mark.parametrize("sandbox_id", ["", ".", "..", "a/b", "a\0b", "\u00e9\u00e9", "x" * 129])
def test_no_folder_is_made_of_what_is_no_id(sandbox_id: str) -> None:
    with pytest.raises(UrlError, match="is no sandbox's id"):
        check_announced(f"remote:///run/vc/vm/{sandbox_id}/a.sock", sandbox_id, RULES)


def test_what_a_shim_writes_comes_out_escaped_and_cut() -> None:
    with pytest.raises(UrlError) as caught:
        check_announced("remote:///\x1b[2J\u202e\n" + "x" * 4000, ID, RULES)

    assert str(caught.value).isprintable()
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 600


parts = st.one_of(
    st.sampled_from(["run", "vc", "vm", "sbs", "kata", "firecracker", ".", "..", "", ID, OTHER]),
    st.text(st.sampled_from("a.:1\0\n\u202e\ud800 "), max_size=4),
)
texts = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{}://{}{}".format,
        st.one_of(st.sampled_from(Scheme), st.sampled_from(["tcp", "http", "HVSOCK", ""])),
        st.one_of(
            st.lists(parts, max_size=8).map("/".join),
            st.builds("/run/vc/vm/{}/{}".format, st.just(ID), st.lists(parts).map("/".join)),
            st.integers(-1, 2**33).map(str),
        ),
        st.sampled_from(["", ":1024", ":1", ":", "/:1024", ":1024:1024"]),
    ),
)


@given(texts)
@example(f"remote:///run/vc/vm/{ID}/a/../../{OTHER}")
def test_whatever_is_announced_is_refused_or_the_sandboxs_own(text: str) -> None:
    try:
        url, announcement = check_announced(text, ID, RULES)
    except UrlError:
        return

    if url.scheme is Scheme.VSOCK:
        assert url.cid >= 3
        assert announcement == Announcement()
        return
    path = PurePosixPath(url.path)
    below = path.relative_to(announcement.root).parts
    assert str(path) == url.path
    assert ".." not in path.parts
    assert len(below) > 1
    assert below[0] == ID or (announcement.root, below[0]) == ("/run/vc/firecracker", ID[:32])
    assert announcement.root in {RULES.directory, *USUAL_ROOTS, *RULES.agent_roots}
