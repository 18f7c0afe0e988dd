"""Metrics texts that a hostile guest could send: forged, malformed, huge.

Each function is given the honest text and returns the hostile one, so that what is honest in it
must still come through, or the whole be refused.
"""

from collections.abc import Callable, Iterator
from itertools import count

Change = Callable[[str], str]

CAP_BYTES = 1 << 20
"""What the exporter takes of an answer at most."""

CAP_LINES = 20_000
"""And of lines."""

_LOAD = "kata_guest_load"


def adding(*lines: str) -> Change:
    """Return a change that adds lines at the end."""
    return lambda text: text + "".join(f"{line}\n" for line in lines)


def forged_identity(text: str) -> str:
    """Labels that only the host may write, or that mean something to Prometheus."""
    keys = (
        "sandbox_id namespace pod container node job instance __name__ le quantile cri_name".split()
    )
    lines = [f'{_LOAD}{{item="load1",{key}="somebody-else"}} 666999666' for key in keys]
    return adding(*lines)(text)


def forged_names(text: str) -> str:
    """Families of the exporter's own, and of others."""
    names = (
        "up kata_sandbox_up kata_exporter_build_info process_cpu_seconds_total kube_pod_info ALERTS"
    )
    return adding(*(f"{name} 666999666" for name in names.split()))(text)


def type_collision(text: str) -> str:
    """HELP and TYPE that contradict everybody else's."""
    return (
        f"# TYPE {_LOAD} histogram\n# HELP {_LOAD} not what you think\n# EOF\n"
        + text.replace(" gauge\n", " summary\n")
        + f"# TYPE {_LOAD} counter\n"
    )


def number_zoo(text: str) -> str:
    """What isn't a finite decimal number in ASCII."""
    numbers = "NaN +Inf -Inf inf 1e999 0x10 1_000 \u0661 -1e-999999 1e 1.2.3 ++1 0b1 1,5".split()
    return adding(*(f'{_LOAD}{{item="load1"}} {number}' for number in numbers))(text)


def timestamps(text: str) -> str:
    """A time of the guest's own behind each value."""
    return text.replace("\n", " 99999999999999\n")


def odd_characters(text: str) -> str:
    """NUL, CRLF, vertical tab, byte order mark, bidirectional overrides in values of labels."""
    odd = ("\x00", "\r", "\x0b", "\ufeff", "\u202e", "\u2028", "\x1b[2J")
    return adding(
        *(f'kata_guest_netdev_stat{{interface="eth{c}",item="recv_bytes"}} 1' for c in odd)
    )(text)


def openmetrics(text: str) -> str:
    """Exemplars, created samples and the end of an OpenMetrics page, in the middle."""
    return (
        f'{_LOAD}{{item="load1"}} 1 # {{trace_id="x"}} 1\n# EOF\n{_LOAD}_created 1\n# UNIT x y\n'
        + text
    )


def duplicates(text: str) -> str:
    """Every series twice, and labels twice."""
    return text + text + f'{_LOAD}{{item="load1",item="load1"}} 1\n'


def many_samples(text: str) -> str:
    """As many series as fit into the cap."""
    return _filled(text, (f'kata_guest_diskstat{{disk="d{n}",item="reads"}} 1\n' for n in count()))


def full_text(text: str) -> str:
    """As much to read as the caps on bytes and lines allow: devices, and numbers with exponents."""
    room = CAP_LINES - text.count("\n")
    name = 'kata_guest_netdev_stat{{interface="e{:05}",item="recv_bytes"}} 1e0\n'
    return _filled(text, (name.format(n) for n in range(room)))


def many_processors(text: str) -> str:
    """Times of 256 processors: all that is said may be so."""
    modes = "user nice system idle iowait irq softirq steal".split()
    return adding(
        *(f'kata_guest_cpu_time{{cpu="{n}",item="{mode}"}} 1' for n in range(256) for mode in modes)
    )(text)


def many_labels(text: str) -> str:
    """One sample with as many labels as fit."""
    labels = _filled("", (f'l{n}="x",' for n in count()), cap=CAP_BYTES - len(text.encode()) - 64)
    return f"{text}{_LOAD}{{{labels}}} 1\n"


def long_label(text: str) -> str:
    """One label as long as fits."""
    room = CAP_BYTES - len(text.encode()) - 128
    return f'{text}kata_guest_netdev_stat{{interface="{"x" * room}",item="recv_bytes"}} 1\n'


def endless_line(text: str) -> str:
    """Backslashes without an end."""
    room = CAP_BYTES - len(text.encode()) - 64
    return f'{text}{_LOAD}{{item="{chr(92) * room}'


def endless_comments(text: str) -> str:
    """HELP upon HELP."""
    return _filled(text, (f"# HELP {_LOAD} {n}\n" for n in count()))


def legal_max(text: str) -> str:
    """Exactly as much as the cap allows, message included: this has to be taken."""
    message_bytes = 4  # a tag, and a length of three bytes
    room = CAP_BYTES - message_bytes - len(text.encode())
    line = f"# {'padding ' * 100}\n"
    return text + line * (room // len(line)) + "\n" * (room % len(line))


class Churn:
    """Label values that were never seen before, in every answer."""

    def __init__(self) -> None:
        self._numbers = count()

    def __call__(self, text: str) -> str:
        """Add twenty new devices."""
        devices = (next(self._numbers) for _ in range(20))
        return adding(
            *(f'kata_guest_netdev_stat{{interface="veth{n}",item="recv_bytes"}} 1' for n in devices)
        )(text)


class Rollback:
    """Counters that step back without a restart."""

    def __init__(self) -> None:
        self._answers = count()

    def __call__(self, text: str) -> str:
        """Let every second answer say less than the one before."""
        if next(self._answers) % 2 == 0:
            return text
        lines = text.splitlines()
        return "".join(
            f"{line.rpartition(' ')[0]} 1\n"
            if line.startswith("kata_guest_cpu_time{")
            else f"{line}\n"
            for line in lines
        )


class Leap:
    """Counters that grow faster than any machine could count."""

    def __init__(self) -> None:
        self._answers = count(1)

    def __call__(self, text: str) -> str:
        """Add ten thousand years of CPU time to each processor, and more each time."""
        more = next(self._answers) * 3 * 10**14
        return "".join(
            f"{series} {int(value) + more}\n" if series.startswith("kata_guest_cpu_time{") else line
            for line in text.splitlines(keepends=True)
            for series, _, value in [line.rstrip("\n").rpartition(" ")]
        )


def oom_count(kills: int) -> Change:
    """Say that the guest's kernel has killed so often for want of memory."""
    start = 'kata_guest_vm_stat{item="oom_kill"} '

    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join(f"{start}{kills}\n" if line.startswith(start) else line for line in lines)

    return change


def _filled(text: str, lines: Iterator[str], *, cap: int = CAP_BYTES - 64) -> str:
    parts, size = [text], len(text.encode())
    for line in lines:
        size += len(line)
        if size > cap:
            break
        parts.append(line)
    return "".join(parts)
