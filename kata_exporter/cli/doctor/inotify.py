"""Whether the kernel tells of new sandboxes at once, through inotify."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asyncinotify import Inotify, Mask

from kata_exporter.cli.doctor.check import Check, Node
from kata_exporter.cli.doctor.files import count_sandboxes
from kata_exporter.cli.doctor.finding import Finding, Verdict

ID = "inotify"
_LIMITS = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class InotifyFacts:
    """Limits of each user (0: not known); how many are in use nobody can tell, so one is tried.

    ``error`` is the name of the errno that making an instance, or a watch, gave; empty for none.
    """

    max_user_instances: int
    max_user_watches: int
    error: str
    sandboxes: int


async def probe(node: Node) -> InotifyFacts:
    """Read the limits, and try an instance with a watch."""
    return InotifyFacts(
        _limit("max_user_instances"),
        _limit("max_user_watches"),
        _try_one(),
        await count_sandboxes(node),
    )


def _limit(name: str) -> int:
    try:
        return int((_LIMITS / name).read_text())
    except (OSError, ValueError):
        return 0


def _try_one() -> str:
    try:
        with Inotify() as instance:
            instance.add_watch("/", Mask.CREATE)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return ""


def judge(facts: InotifyFacts) -> Sequence[Finding]:
    """Without it sandboxes are found by looking again and again, so nothing here is a problem."""
    limits = f"{facts.max_user_instances} instances and {facts.max_user_watches} watches a user"
    match facts.error:
        case "" if facts.max_user_watches and facts.max_user_watches < 4 * facts.sandboxes:
            summary = f"{limits}, for {facts.sandboxes} sandboxes"
            advice = _raise("max_user_watches", 65_536, facts.max_user_watches)
        case "":
            return [Finding(ID, Verdict.OK, f"to be had; {limits}", facts=facts)]
        case "EMFILE":
            summary = f"this user has no instance left: {limits}"
            advice = _raise("max_user_instances", 1024, facts.max_user_instances)
        case "ENOSPC":
            summary = f"this user has no watch left: {limits}"
            advice = _raise("max_user_watches", 65_536, facts.max_user_watches)
        case _:
            summary = f"not to be had ({facts.error})"
            advice = "allow inotify_init1 and inotify_add_watch in the seccomp profile"
    slower = "until then sandboxes are found by looking again and again, a little later"
    return [Finding(ID, Verdict.WARNING, summary, (advice, slower), facts=facts)]


def _raise(name: str, to: int, limit: int) -> str:
    return f"on the host: sysctl -w fs.inotify.{name}={max(to, 4 * limit)}"


CHECK = Check(ID, probe, judge)
