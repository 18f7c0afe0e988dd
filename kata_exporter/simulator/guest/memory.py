"""Memory of a simulated guest: /proc/meminfo whose items add up."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from kata_exporter.simulator.guest.containers import ContainerUsage
from kata_exporter.simulator.guest.units import MIB, PAGE_BYTES, part
from kata_exporter.simulator.guest.wave import Wave

_LOW_WATERMARK = 700
_RESERVE = 6_000
"""Pages that the kernel doesn't count as available."""
_SMALL_MAPPED = 7_168
"""Pages that the kernel maps one by one; the others go by 2 MiB."""
_ALWAYS_ZERO = (
    "anon_hugepages bounce cma_free cma_total direct_map_1G direct_map_4M hardware_corrupted "
    "high_free high_total hugepages_free hugepages_rsvd hugepages_surp hugepages_total hugetlb "
    "low_free low_total mlocked mmap_copy nfs_unstable quicklists shmem_hugepages "
    "shmem_pmd_mapped swap_cached swap_free swap_total unevictable vmalloc_chunk writeback "
    "writeback_tmp"
).split()


@dataclass(frozen=True, slots=True)
class MemoryState:
    """Memory of the whole guest at one instant, in pages.

    Shared memory is on the anonymous lists, and counted in the page cache.
    """

    ram: int
    total: int
    buffers: int
    active_file: int
    inactive_file: int
    shmem: int
    anon: int
    active_anon: int
    slab_reclaimable: int
    slab_unreclaimable: int
    kernel_stack: int
    page_tables: int
    per_cpu: int
    dirty: int
    mapped: int

    @property
    def file(self) -> int:
        """The page cache with buffers and shared memory."""
        return self.active_file + self.inactive_file + self.shmem

    @property
    def inactive_anon(self) -> int:
        """Anonymous and shared pages that aren't active."""
        return self.anon + self.shmem - self.active_anon

    @property
    def slab(self) -> int:
        """Both kinds of slab."""
        return self.slab_reclaimable + self.slab_unreclaimable

    @property
    def free(self) -> int:
        """What is left of the total."""
        kernel = self.slab + self.kernel_stack + self.page_tables + self.per_cpu
        return self.total - self.file - self.anon - kernel

    @property
    def available(self) -> int:
        """What could be had without swapping, as the kernel estimates it."""
        cache = self.active_file + self.inactive_file
        cache -= min(cache // 2, _LOW_WATERMARK)
        slab = self.slab_reclaimable - min(self.slab_reclaimable // 2, _LOW_WATERMARK)
        return self.free - _RESERVE + cache + slab

    def meminfo(self) -> dict[str, int]:
        """Return the items of /proc/meminfo in bytes, under the agent's names."""
        pages = {
            "active": self.active_anon + self.active_file,
            "active_anon": self.active_anon,
            "active_file": self.active_file,
            "anon_pages": self.anon,
            "buffers": self.buffers,
            "cached": self.file - self.buffers,
            "commit_limit": self.total // 2,
            "committed_as": self.anon + 2 * self.shmem,
            "direct_map_2M": self.ram - _SMALL_MAPPED,
            "direct_map_4k": _SMALL_MAPPED,
            "dirty": self.dirty,
            "inactive": self.inactive_anon + self.inactive_file,
            "inactive_anon": self.inactive_anon,
            "inactive_file": self.inactive_file,
            "k_reclaimable": self.slab_reclaimable,
            "kernel_stack": self.kernel_stack,
            "mapped": self.mapped,
            "mem_available": self.available,
            "mem_free": self.free,
            "mem_total": self.total,
            "page_tables": self.page_tables,
            "per_cpu": self.per_cpu,
            "s_reclaimable": self.slab_reclaimable,
            "s_unreclaim": self.slab_unreclaimable,
            "shmem": self.shmem,
            "slab": self.slab,
            "vmalloc_used": self.kernel_stack + 1_600,
        }
        fixed = {"hugepagesize": 2 * MIB, "vmalloc_total": 14_073_748_835_531_776}
        return (
            dict.fromkeys(_ALWAYS_ZERO, 0)
            | fixed
            | {item: count * PAGE_BYTES for item, count in pages.items()}
        )


class GuestMemory:
    """RAM of a guest, and what kernel, agent and image use of it.

    Args:
        rng: what its peculiarities are drawn from.
        ram: bytes.
        cpus: how many processors need pages of their own.
    """

    def __init__(self, rng: Random, *, ram: int, cpus: int) -> None:
        self._ram = ram // PAGE_BYTES
        self._per_cpu = 68 * cpus
        self._shmem = rng.randint(8_000, 15_000)
        self._cache = Wave.random(rng, rng.uniform(4.0, 12.0) * MIB, swing=0.3)
        self._slab = rng.randint(4_000, 6_000)

    def at(
        self, uptime: float, *, agent_kib: int, containers: Sequence[ContainerUsage]
    ) -> MemoryState:
        """Return the guest's memory, with that of its containers in it.

        Args:
            uptime: seconds since the guest's boot.
            agent_kib: anonymous memory of the agent's process.
            containers: what their cgroups show at this instant.
        """
        cache = int(self._cache.at(uptime)) // PAGE_BYTES
        active = part(cache, 0.3)
        reclaimable = part(self._slab, 0.5)
        unreclaimable = self._slab - reclaimable
        charged = [container.memory for container in containers]
        anon = 200 + agent_kib * 1024 // PAGE_BYTES + sum(m.anon for m in charged)
        return MemoryState(
            ram=self._ram,
            total=self._ram * 15 // 16,
            buffers=part(cache, 0.05),
            active_file=active + sum(m.active_file for m in charged),
            inactive_file=cache - active + sum(m.inactive_file for m in charged),
            shmem=self._shmem,
            anon=anon,
            active_anon=part(anon + self._shmem, 0.45),
            slab_reclaimable=reclaimable + sum(m.slab_reclaimable for m in charged),
            slab_unreclaimable=unreclaimable + sum(m.slab_unreclaimable for m in charged),
            kernel_stack=240 + sum(m.kernel_stack for m in charged),
            page_tables=60 + sum(m.page_tables for m in charged),
            per_cpu=self._per_cpu,
            dirty=part(cache, 0.02) + sum(m.file_dirty for m in charged),
            mapped=2_500 + part(cache, 0.2) + sum(m.file_mapped for m in charged),
        )
