"""Where a node's container runtime listens."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from kata_exporter.errors import ConfigError
from kata_exporter.sockets import SUN_PATH_BYTES

CONTAINERD_SOCKETS = (
    "/run/containerd/containerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/k0s/containerd.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
)
"""containerd's own, then k3s' and rke2's (one and the same), k0s', microk8s'."""

CRI_SOCKETS = (CONTAINERD_SOCKETS[0], "/run/crio/crio.sock", *CONTAINERD_SOCKETS[1:])
"""The same, and CRI-O's."""

AUTO = "auto"
NONE = "none"
_SCHEMES = ("unix://", "unix:")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Sockets where the runtime may be, in the order in which they are tried; none: it is off."""

    paths: tuple[str, ...]
    is_auto: bool = False

    @classmethod
    def parse(cls, text: str, known: Sequence[str], *, setting: str) -> "Endpoint":
        """Read ``unix:///PATH``, ``/PATH``, ``auto`` (those in `known`) or ``none``.

        Raises:
            ConfigError: it is none of these; the text begins with the name of the setting.
        """
        if text == AUTO:
            return cls(tuple(known), is_auto=True)
        if text == NONE:
            return cls(())
        return cls((_path(text, setting),))

    def present(self) -> tuple[str, ...]:
        """Return those to try now: of ``auto``, where there is a socket."""
        return tuple(filter(_is_socket, self.paths)) if self.is_auto else self.paths


def _path(text: str, setting: str) -> str:
    path = next((text.removeprefix(s) for s in _SCHEMES if text.startswith(s)), text)
    how = "write it as unix:///run/containerd/containerd.sock, or as auto or none"
    if not path.startswith("/"):
        raise ConfigError(f"{setting} {text!r} is not the path of a unix socket; {how}")
    try:
        size = len(os.fsencode(path))
    except UnicodeEncodeError:
        raise ConfigError(f"{setting} {text!r} can't be the name of a file; {how}") from None
    if "\0" in path:
        raise ConfigError(f"{setting} {text!r} holds a NUL; {how}")
    if size > SUN_PATH_BYTES:
        raise ConfigError(
            f"{setting} {text!r} has {size} bytes in its path, and gRPC takes {SUN_PATH_BYTES}; "
            "mount the socket's folder somewhere shorter"
        )
    return path


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)  # noqa: PTH116  is_socket raises on EACCES
    except OSError:
        return False
