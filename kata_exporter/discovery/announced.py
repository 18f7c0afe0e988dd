"""What a shim announces as its agent's URL, held against where such an agent may be.

A shim is reached by what a guest can break out into, so its word is taken for nothing but its own
sandbox: a guest's vsock, or a socket in that sandbox's own folder. The checks are pure; that no link
leads out of the folder is seen to by who connects (`sockets.connect_beneath`).
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from kata_exporter.errors import UrlError, shown
from kata_exporter.model import SANDBOX_ID, Announcement
from kata_exporter.sockets import AgentUrl, Scheme

_FIRECRACKER_ROOT = "/run/vc/firecracker"
_FIRECRACKER_ID_CHARACTERS = 32
"""The Go runtime cuts a sandbox's id to this length for Firecracker's jail."""

USUAL_ROOTS = ("/run/vc/vm", _FIRECRACKER_ROOT, "/run/kata", "/run/kata/firecracker")
"""Folders in which Kata's runtimes make one for each sandbox, with the VMM's sockets."""

FIRST_GUEST_CID = 3
"""Lower ones are the hypervisor's, a loopback, and the host's."""
_ANY_CID = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class AnnouncementRules:
    """What may be announced in one directory of discovery.

    ``directory`` holds a folder for each sandbox, as each of ``agent_roots`` does beside those that
    are usual. ``agent_port`` is where agents listen, over either kind of vsock.
    """

    directory: str
    agent_roots: tuple[str, ...]
    agent_port: int


def check_announced(
    text: str, sandbox_id: str, rules: AnnouncementRules
) -> tuple[AgentUrl, Announcement]:
    """Return the URL that a sandbox's shim announced, and how far it holds.

    Raises:
        UrlError: it can't be read, or it isn't one of this sandbox's agent; the text says what it
            should be.
    """
    if not SANDBOX_ID.fullmatch(sandbox_id):
        raise UrlError(f"{shown(sandbox_id)} is no sandbox's id")
    url = AgentUrl.parse(text)
    match url.scheme:
        case Scheme.VSOCK:
            _check_cid(url)
            _check_port(url, rules)
            return url, Announcement()
        case Scheme.HVSOCK:
            _check_port(url, rules)
        case Scheme.REMOTE:
            pass  # its port, where it has one, says nothing: a socket has none
        case Scheme.UNIX | Scheme.MOCK:
            raise UrlError(
                f"announced {_named(url)}: no shim's; one announces vsock, hvsock or remote"
            )
    return url, Announcement(root=_root_of(url, sandbox_id, rules))


def _check_cid(url: AgentUrl) -> None:
    if not FIRST_GUEST_CID <= url.cid < _ANY_CID:
        raise UrlError(
            f"announced {_named(url)}: CID {url.cid} is no guest's; theirs begin at "
            f"{FIRST_GUEST_CID}"
        )


def _check_port(url: AgentUrl, rules: AnnouncementRules) -> None:
    if url.port != rules.agent_port:
        raise UrlError(
            f"announced {_named(url)}: port {url.port} is not the agent's, {rules.agent_port}; "
            "if agents listen there, set discovery.agent_port"
        )


def _root_of(url: AgentUrl, sandbox_id: str, rules: AnnouncementRules) -> str:
    if posixpath.normpath(url.path) != url.path or url.path.startswith("//"):
        raise UrlError(f"announced {_named(url)}: path with '.', '..' or an empty part in it")
    for root in (rules.directory, *USUAL_ROOTS, *rules.agent_roots):
        if any(url.path.startswith(folder) for folder in _own_folders(root, sandbox_id)):
            return root
    raise UrlError(
        f"announced {_named(url)}: not in the sandbox's own folder below {rules.directory} or one "
        "of Kata's; if its VMM keeps sockets elsewhere, list the folder in discovery.agent_roots"
    )


def _own_folders(root: str, sandbox_id: str) -> Iterator[str]:
    yield f"{root.rstrip('/')}/{sandbox_id}/"
    if root == _FIRECRACKER_ROOT:
        yield f"{root}/{sandbox_id[:_FIRECRACKER_ID_CHARACTERS]}/"


def _named(url: AgentUrl) -> str:
    return shown(str(url))
