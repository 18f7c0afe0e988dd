"""What an agent's URL is called: in spans, and in the words of Kata's own client.

Whoever gave a client its dial may use URLs of any kind, so nothing is refused here.
"""

import re

_TRAILING_PORT = re.compile(r":[0-9]+\Z", re.ASCII)


def address_of(url: str) -> str:
    """Return what a span names as the server: the socket's path, or the CID."""
    scheme, _, rest = url.partition("://")
    return rest if scheme in {"unix", "mock"} else _TRAILING_PORT.sub("", rest)


def called_by_kata(url: str) -> str:
    """Return what Kata's own client says that it can't connect to; empty without a URL."""
    if not url:
        return ""
    scheme, _, rest = url.partition("://")
    match scheme:
        case "vsock":
            return f"vsock {rest}"
        case "hvsock":
            return f"hybrid vsocket {address_of(url)}"
        case _:
            return f"remote sock: {address_of(url)}"
