"""CPU of a container."""

from kata_exporter.agent.types import CpuStats
from kata_exporter.collectors.containers import faults, records
from kata_exporter.collectors.containers.limits import MAX_CPUS
from kata_exporter.collectors.containers.sample import Circumstances, Samples, SamplesOfPart
from kata_exporter.guest.numbers import decimal_shift
from kata_exporter.guest.rejects import RejectReason

_NANOSECONDS = 9
_MICROSECONDS = 6


def cpu_samples(cpu: CpuStats, at: Circumstances) -> SamplesOfPart:
    """Read the CPU statistics of a container."""
    if cpu.usage_ns or faults.CPU_NOT_READ not in at.faults:
        places = _MICROSECONDS if faults.CPU_IN_MICROSECONDS in at.faults else _NANOSECONDS
        yield Samples(records.CPU_USAGE, (decimal_shift(str(cpu.usage_ns), places),))
        yield Samples(records.CPU_USER, (decimal_shift(str(cpu.usage_user_ns), places),))
        yield Samples(records.CPU_SYSTEM, (decimal_shift(str(cpu.usage_kernel_ns), places),))
    if cpu.periods is not None:
        yield Samples(records.CFS_PERIODS, (str(cpu.periods),))
    if cpu.throttled_periods is not None:
        yield Samples(records.CFS_THROTTLED_PERIODS, (str(cpu.throttled_periods),))
    throttled = cpu.throttled_ns
    if throttled or (throttled == 0 and faults.THROTTLED_TIME_NOT_READ not in at.faults):
        yield Samples(records.CFS_THROTTLED, (decimal_shift(str(throttled), _NANOSECONDS),))
    yield from _per_cpu(cpu.usage_percpu_ns, at)


def _per_cpu(usage_ns: tuple[int, ...], at: Circumstances) -> SamplesOfPart:
    # The kernel lists every CPU that could be plugged in: 240 of them for a guest with one.
    used = [(str(i), usage) for i, usage in enumerate(usage_ns[:MAX_CPUS]) if usage]
    at.rejected[RejectReason.TOO_MANY_SERIES] += len(usage_ns[MAX_CPUS:])
    if used:
        yield Samples(
            records.CPU_PER_CPU,
            tuple(decimal_shift(str(usage), _NANOSECONDS) for _, usage in used),
            tuple((cpu,) for cpu, _ in used),
        )
