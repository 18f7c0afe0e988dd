"""Where a running exporter is asked."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from kata_exporter.config.settings import ListenAddress
from kata_exporter.config.words import quoted
from kata_exporter.errors import ConfigError
from kata_exporter.sockets import SUN_PATH_BYTES

PATH = "/api/v1/sandboxes"

_MAX_URL_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked.

    ``url`` is of its list of sandboxes, and ``socket`` the unix socket that leads there, empty for
    none; ``name`` is what messages call it.
    """

    name: str
    url: str
    socket: str = ""


def at_url(text: str) -> Target:
    """Return the exporter at a URL, which may have a path in front of the exporter's own.

    Raises:
        ConfigError: it is no URL of an exporter.
    """
    wanted = "write it as http://127.0.0.1:9823"
    if len(text) > _MAX_URL_CHARACTERS or not (text.isascii() and text.isprintable()):
        raise ConfigError(f"--url: {quoted(text)} is no URL: {wanted}")
    try:
        parts = urlsplit(text)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ConfigError(f"--url: {quoted(text)}: {error}: {wanted}") from None
    if parts.scheme not in {"http", "https"} or not has_place or " " in text:
        raise ConfigError(f"--url: {quoted(text)} is no URL of HTTP: {wanted}")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(
            f"--url: {quoted(text)} has more than a host, a port and a path: {wanted}"
        )
    name = text.rstrip("/").removesuffix(PATH)
    return Target(name, f"{name}{PATH}")


def at_socket(path: str) -> Target:
    """Return the exporter behind a unix socket.

    Raises:
        ConfigError: the path can't be that of a socket.
    """
    if not path or "\0" in path:
        raise ConfigError("--socket: must be the path of a socket")
    if len(os.fsencode(path)) > SUN_PATH_BYTES:
        raise ConfigError(
            f"--socket: {quoted(path)} is longer than {SUN_PATH_BYTES} bytes, the most that the path"
            " of a socket may have: change to its folder, and give the rest"
        )
    return Target(quoted(path), f"http://exporter{PATH}", path)


def at_listener(addresses: Sequence[ListenAddress]) -> Target:
    """Return the exporter that these settings make; of several addresses, the first.

    Raises:
        ConfigError: they leave the port to the kernel.
    """
    address = addresses[0]
    if not address.port:
        raise ConfigError(f"the exporter at {address} chose its port itself: name it with --url")
    return at_url(f"http://{address.reachable()}")
