"""/proc/vmstat of a simulated guest: pages that agree with its meminfo, and counters of events."""

from collections.abc import Iterable, Mapping
from random import Random

from kata_exporter.simulator.guest.memory import MemoryState
from kata_exporter.simulator.guest.units import PAGE_BYTES, SECTOR_BYTES
from kata_exporter.simulator.guest.wave import Wave
from kata_exporter.simulator.guest.workload import WorkTotals

_ALWAYS_ZERO = """
    allocstall_device allocstall_dma allocstall_dma32 allocstall_movable allocstall_normal
    balloon_deflate balloon_inflate balloon_migrate compact_daemon_free_scanned
    compact_daemon_migrate_scanned compact_daemon_wake compact_fail compact_free_scanned
    compact_isolated compact_migrate_scanned compact_stall compact_success cow_ksm
    direct_map_level3_splits drop_pagecache drop_slab htlb_buddy_alloc_fail
    htlb_buddy_alloc_success ksm_swpin_copy kswapd_high_wmark_hit_quickly kswapd_inodesteal
    kswapd_low_wmark_hit_quickly nr_anon_transparent_hugepages nr_bounce nr_file_hugepages
    nr_file_pmdmapped nr_foll_pin_acquired nr_foll_pin_released nr_free_cma nr_isolated_anon
    nr_isolated_file nr_kernel_misc_reclaimable nr_mlock nr_sec_page_table_pages
    nr_shmem_hugepages nr_shmem_pmdmapped nr_swapcached nr_throttled_written nr_unevictable
    nr_unstable nr_vmscan_immediate_reclaim nr_vmscan_write nr_writeback nr_writeback_temp
    nr_zone_unevictable nr_zspages numa_foreign numa_hint_faults numa_hint_faults_local
    numa_huge_pte_updates numa_miss numa_other numa_pages_migrated numa_pte_updates pageoutrun
    pgalloc_device pgalloc_movable pgalloc_normal pgdeactivate pgdemote_direct pgdemote_kswapd
    pginodesteal pglazyfree pglazyfreed pgmigrate_fail pgmigrate_success pgpromote_candidate
    pgpromote_success pgrefill pgrotated pgscan_anon pgscan_direct pgscan_direct_throttle
    pgscan_file pgscan_kswapd pgskip_device pgskip_dma pgskip_dma32 pgskip_movable
    pgskip_normal pgsteal_anon pgsteal_direct pgsteal_file pgsteal_kswapd pswpin pswpout
    slabs_scanned swap_ra swap_ra_hit thp_collapse_alloc thp_collapse_alloc_failed
    thp_deferred_split_page thp_fault_alloc thp_fault_fallback thp_fault_fallback_charge
    thp_file_alloc thp_file_fallback thp_file_fallback_charge thp_file_mapped
    thp_migration_fail thp_migration_split thp_migration_success thp_scan_exceed_none_pte
    thp_scan_exceed_share_pte thp_scan_exceed_swap_pte thp_split_page thp_split_page_failed
    thp_split_pmd thp_split_pud thp_swpout thp_swpout_fallback thp_zero_page_alloc
    thp_zero_page_alloc_failed unevictable_pgs_cleared unevictable_pgs_culled
    unevictable_pgs_mlocked unevictable_pgs_munlocked unevictable_pgs_rescued
    unevictable_pgs_scanned unevictable_pgs_stranded workingset_activate_anon
    workingset_activate_file workingset_nodereclaim workingset_nodes workingset_refault_anon
    workingset_refault_file workingset_restore_anon workingset_restore_file
    zone_reclaim_failed zswpin zswpout
""".split()
"""What a guest without swap, huge pages, NUMA and memory pressure never counts."""
_SECTORS_PER_KIB = 1024 // SECTOR_BYTES
_SECTORS_PER_PAGE = PAGE_BYTES // SECTOR_BYTES


class VmEvents:
    """What the guest's kernel counts beside the pages of its containers."""

    def __init__(self, rng: Random) -> None:
        self._faults = Wave.random(rng, rng.uniform(20.0, 80.0))
        self._allocated = Wave.random(rng, rng.uniform(150.0, 600.0))

    def at(
        self,
        uptime: float,
        *,
        memory: MemoryState,
        work: WorkTotals,
        disks: Iterable[Mapping[str, int]],
        oom_kills: int,
    ) -> dict[str, int]:
        """Return all items; ``pgpgin`` and ``pgpgout`` are KiB, the rest are pages and events.

        Args:
            uptime: seconds since the guest's boot.
            memory: what its memory is used for.
            work: what its containers have done since its boot.
            disks: their lines of /proc/diskstats.
            oom_kills: how often its kernel has killed for want of memory.
        """
        faults = int(self._faults.total(uptime)) + work.page_faults
        allocated = int(self._allocated.total(uptime)) + faults
        sectors_read = sectors_written = 0
        for disk in disks:
            sectors_read += disk["sectors_read"]
            sectors_written += disk["sectors_written"]
        written = sectors_written // _SECTORS_PER_PAGE
        events = {
            "direct_map_level2_splits": 1,
            "nr_dirtied": written + written // 30,
            "nr_written": written,
            "numa_hit": allocated,
            "numa_interleave": 635,
            "numa_local": allocated,
            "oom_kill": oom_kills,
            "pgactivate": faults // 2,
            "pgalloc_dma": 32,
            "pgalloc_dma32": allocated,
            "pgfault": faults,
            "pgfree": memory.total + allocated,
            "pgmajfault": work.major_page_faults,
            "pgpgin": sectors_read // _SECTORS_PER_KIB,
            "pgpgout": sectors_written // _SECTORS_PER_KIB,
            "pgreuse": faults // 12,
        }
        return dict.fromkeys(_ALWAYS_ZERO, 0) | events | _pages(memory)


def _pages(memory: MemoryState) -> dict[str, int]:
    lists = {
        "active_anon": memory.active_anon,
        "active_file": memory.active_file,
        "inactive_anon": memory.inactive_anon,
        "inactive_file": memory.inactive_file,
    }
    pages = {f"nr_{name}": count for name, count in lists.items()}
    pages |= {f"nr_zone_{name}": count for name, count in lists.items()}
    return pages | {
        "nr_anon_pages": memory.anon,
        "nr_dirty": memory.dirty,
        "nr_dirty_background_threshold": memory.available // 10,
        "nr_dirty_threshold": memory.available // 5,
        "nr_file_pages": memory.file,
        "nr_free_pages": memory.free,
        "nr_kernel_stack": memory.kernel_stack * PAGE_BYTES // 1024,
        "nr_mapped": memory.mapped,
        "nr_page_table_pages": memory.page_tables,
        "nr_shmem": memory.shmem,
        "nr_slab_reclaimable": memory.slab_reclaimable,
        "nr_slab_unreclaimable": memory.slab_unreclaimable,
        "nr_zone_write_pending": memory.dirty,
    }
