"""Block io of a container, by device of the guest and by operation.

A device is ``major:minor``: names are the guest's, and the agent doesn't send them.
"""

from collections.abc import Mapping, Sequence

from kata_exporter.agent.types import BlkioEntry, ContainerStats
from kata_exporter.collectors.containers import faults, records
from kata_exporter.collectors.containers.limits import MAX_BLOCK_ENTRIES
from kata_exporter.collectors.containers.sample import Circumstances, Samples, SamplesOfPart
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.seen_values import OTHER
from kata_exporter.metrics import Metric

_Device = tuple[int, int]
_OTHERS = (1 << 32, 0)
"""Stands for the devices that there is no room for, after all others."""
_ByDevice = Mapping[_Device, Mapping[str, int]]

_OPERATIONS = frozenset(
    {"read", "write", "sync", "async", "discard", "total", "rios", "wios", "dbytes", "dios"}
)
_MAX_MAJOR = 1 << 12
_MAX_MINOR = 1 << 20
"""The kernel's device numbers have 12 and 20 bits."""


def block_io_samples(stats: ContainerStats, at: Circumstances) -> SamplesOfPart:
    """Read what a container did to the block devices of its guest."""
    moved = _by_device(stats.io_service_bytes, at)
    if faults.BLOCK_IO_NOT_READ in at.faults:
        # Nor does the kernel list a device before the first request to it.
        moved = {device: values for device, values in moved.items() if any(values.values())}
    requests, reads, writes = moved, "rios", "wios"
    if faults.OPERATIONS_AMONG_BYTES not in at.faults:
        requests, reads, writes = _by_device(stats.io_serviced, at), "read", "write"
    yield from _of_operation(records.FS_READ_BYTES, moved, "read")
    yield from _of_operation(records.FS_READS, requests, reads)
    yield from _of_operation(records.FS_WRITTEN_BYTES, moved, "write")
    yield from _of_operation(records.FS_WRITES, requests, writes)
    yield from _by_operation(moved, "dbytes" if at.v2 else "discard")


def _by_device(entries: Sequence[BlkioEntry], at: Circumstances) -> _ByDevice:
    """Sort entries by device, the lowest numbers first, and by operation in lower case."""
    found: dict[_Device, dict[str, int]] = {}
    seen: set[tuple[_Device, str]] = set()
    rejected = at.rejected
    rejected[RejectReason.TOO_MANY_SERIES] += len(entries[MAX_BLOCK_ENTRIES:])
    for entry in entries[:MAX_BLOCK_ENTRIES]:
        device, operation = (entry.major, entry.minor), entry.op.lower()
        if not (entry.major < _MAX_MAJOR and entry.minor < _MAX_MINOR):
            rejected[RejectReason.BAD_LABEL] += 1
        elif operation not in _OPERATIONS:
            rejected[RejectReason.UNKNOWN_ITEM] += 1
        elif (device, operation) in seen:
            rejected[RejectReason.DUPLICATE] += 1
        elif at.devices.admits(device, at.now):
            seen.add((device, operation))
            found.setdefault(device, {})[operation] = entry.value
        else:
            seen.add((device, operation))
            rejected[RejectReason.LABEL_OVERFLOW] += 1
            others = found.setdefault(_OTHERS, {})
            others[operation] = others.get(operation, 0) + entry.value
    return dict(sorted(found.items()))


def _of_operation(metric: Metric, found: _ByDevice, operation: str) -> SamplesOfPart:
    having = {device: values for device, values in found.items() if operation in values}
    if having:
        yield Samples(
            metric,
            tuple(str(values[operation]) for values in having.values()),
            tuple((_name(device),) for device in having),
        )


def _by_operation(moved: _ByDevice, discards: str) -> SamplesOfPart:
    # The words of cAdvisor.
    words = {"read": "Read", "write": "Write", discards: "Discard"}
    samples = [
        (_name(device), word, str(values[operation]))
        for device, values in moved.items()
        for operation, word in words.items()
        if operation in values
    ]
    if samples:
        yield Samples(
            records.BLKIO_USAGE,
            tuple(value for *_, value in samples),
            tuple((device, word) for device, word, _ in samples),
        )


def _name(device: _Device) -> str:
    if device == _OTHERS:
        return OTHER
    major, minor = device
    return f"{major}:{minor}"
