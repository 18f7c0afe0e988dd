"""URLs of agents, as a shim announces them or an administrator writes them."""

import posixpath

from kata_exporter.discovery.announced import AnnouncementRules, check_announced
from kata_exporter.errors import UrlError
from kata_exporter.sockets import AgentUrl, Scheme

_RULES = AnnouncementRules("/run/vc/sbs", ("/run/mine",), 1024)
_SANDBOX = "0123456789abcdef"
_MOST_ERROR_CHARACTERS = 1000


def try_one(data: bytes) -> None:
    """What is read is written the same again, and what a shim announces is its own sandbox's."""
    text = data.decode(errors="surrogateescape")
    try:
        url = AgentUrl.parse(text)
        assert AgentUrl.parse(str(url)) == url
        assert "\0" not in url.path
        announced, _ = check_announced(text, _SANDBOX, _RULES)
    except UrlError as error:
        assert len(str(error)) <= _MOST_ERROR_CHARACTERS
        assert str(error).isprintable()
        return
    if announced.scheme is Scheme.VSOCK:
        assert announced.cid > 2
    else:
        assert posixpath.normpath(announced.path) == announced.path
        assert f"/{_SANDBOX}/" in announced.path
