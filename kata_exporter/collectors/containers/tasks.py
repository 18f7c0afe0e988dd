"""Tasks of a container: processes and their threads, which the kernel's pids controller counts."""

from kata_exporter.agent.types import PidsStats
from kata_exporter.collectors.containers import faults, records
from kata_exporter.collectors.containers.memory import UNLIMITED
from kata_exporter.collectors.containers.sample import Circumstances, Samples, SamplesOfPart


def task_samples(pids: PidsStats, at: Circumstances) -> SamplesOfPart:
    """Read how many tasks a container has, and may have."""
    yield Samples(records.THREADS, (str(pids.current),))
    unlimited = faults.NO_TASK_LIMIT in at.faults and not 0 < pids.limit < UNLIMITED
    if not unlimited:
        yield Samples(records.THREADS_MAX, (str(pids.limit),))
