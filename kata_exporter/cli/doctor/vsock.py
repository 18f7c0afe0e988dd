"""Whether AF_VSOCK may be used, over which agents of QEMU's guests are reached."""

import asyncio
import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.cli.doctor.surroundings import in_container, is_filtered

ID = "vsock"
DEVICE = "/dev/vhost-vsock"

_NOT_REACHED = "agents behind vsock:// URLs (QEMU) can't be asked"


@dataclass(frozen=True, slots=True)
class VsockFacts:
    """``error`` is the name of the errno that opening a socket gave, empty where it went well."""

    error: str
    has_device: bool
    is_filtered: bool
    in_container: bool


def open_and_close() -> None:
    """Open an AF_VSOCK socket and close it; nothing is sent anywhere.

    Raises:
        OSError: the kernel has no AF_VSOCK, or it is denied.
    """
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()


async def probe(node: Node) -> VsockFacts:
    """Try to open a socket."""
    error = ""
    try:
        node.open_vsock()
    except OSError as failed:
        error = errno.errorcode.get(failed.errno or 0, str(failed.errno))
    has_device = await asyncio.to_thread(Path(DEVICE).exists)
    return VsockFacts(error, has_device, is_filtered(), in_container())


def judge(facts: VsockFacts) -> Sequence[Finding]:
    """Name what denies it: a seccomp profile, or a kernel without it."""
    if not facts.error:
        return [Finding(ID, Verdict.OK, "AF_VSOCK may be used", facts=facts)]
    if facts.error in {"EPERM", "EACCES"}:
        summary = f"AF_VSOCK is denied ({facts.error}): {_NOT_REACHED}"
        return [Finding(ID, Verdict.WARNING, summary, _advice_on_denial(facts), facts=facts)]
    summary = f"the kernel has no AF_VSOCK ({facts.error}): {_NOT_REACHED}"
    advice = (
        f"on the host: modprobe vhost_vsock, which also makes {DEVICE} for QEMU",
        "where no sandbox runs on QEMU this doesn't matter",
    )
    return [Finding(ID, Verdict.WARNING, summary, advice, facts=facts)]


def _advice_on_denial(facts: VsockFacts) -> tuple[str, ...]:
    if not facts.is_filtered:
        return ("no seccomp profile holds here: look for SELinux or AppArmor in the kernel's log",)
    if facts.in_container:
        return (
            "a container's default seccomp profile (RuntimeDefault) denies it",
            "set a seccompProfile of type Localhost that allows socket(AF_VSOCK), or Unconfined",
        )
    return ("a seccomp profile denies it: of systemd, add AF_VSOCK to RestrictAddressFamilies=",)


CHECK = Check(ID, probe, judge)
