"""What the parts of an answer are read to, and what they are read with."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from kata_exporter.collectors.containers.cgroup import CgroupVersion
from kata_exporter.collectors.containers.faults import Fault
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.seen_values import SeenValues
from kata_exporter.metrics import Metric


class Samples(NamedTuple):
    """The samples of one metric of one container.

    ``labels`` has the values of the metric's own labels, and ``values`` a number as text for each
    of those.
    """

    metric: Metric
    values: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...] = ((),)


SamplesOfPart = Iterator[Samples]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a reading depends on besides the answer itself.

    Args:
        cgroup: version of the guest's.
        faults: what the agent is known to send wrongly there.
        now: monotonic seconds.
        devices: block devices for which there is room.
        page_sizes: sizes of huge pages for which there is.
        rejected: takes how many values were passed over, and why.
    """

    cgroup: CgroupVersion
    faults: frozenset[Fault]
    now: float
    devices: SeenValues[tuple[int, int]]
    page_sizes: SeenValues[str]
    rejected: Counter[RejectReason] = field(default_factory=Counter)

    @property
    def v2(self) -> bool:
        """Whether it is cgroup v2."""
        return self.cgroup is CgroupVersion.V2
