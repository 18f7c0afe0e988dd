"""Evidence of killed VMMs, given to a ledger as any source of it would give it."""

from fake_clock import FakeClock
from kata_exporter.model import VmmOomKilled
from kata_exporter.oom.evidence import TellVmmOomKilled, VmmEvidence
from oom_rig import LedgerRig, sandbox


class _KernelLog:
    """Remembers kills, and tells of all of them to whoever comes to watch."""

    def __init__(self, *kills: VmmOomKilled) -> None:
        self._kills = list(kills)
        self._tell: TellVmmOomKilled | None = None

    def watch(self, tell: TellVmmOomKilled) -> None:
        self._tell = tell
        for killed in self._kills:
            tell(killed)

    def kill(self, killed: VmmOomKilled) -> None:
        self._kills.append(killed)
        if self._tell is not None:
            self._tell(killed)

    async def aclose(self) -> None:
        self._tell = None


def _watch(evidence: VmmEvidence, rig: LedgerRig) -> None:
    evidence.watch(rig.ledger.vmm_killed)


async def test_evidence_that_is_read_again_counts_each_kill_once(clock: FakeClock) -> None:
    rig = LedgerRig(clock)
    rig.start(sandbox("sb1", "web:c1"))
    log = _KernelLog(VmmOomKilled("kernel_log", "sb1", rig.now_ns))
    _watch(log, rig)
    log.kill(VmmOomKilled("kernel_log", "sb1", rig.now_ns + 1))
    await log.aclose()
    log.kill(VmmOomKilled("kernel_log", "sb1", rig.now_ns + 2))
    assert rig.series()["kata_sandbox_vmm_oom_kills_total"] == "2"

    _watch(log, rig)

    assert rig.series()["kata_sandbox_vmm_oom_kills_total"] == "3"
    assert rig.outcomes == {("kernel_log", "counted"): 3, ("kernel_log", "duplicate"): 2}
