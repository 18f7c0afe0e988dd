"""``kata_guest_meminfo``: the guest's /proc/meminfo, in bytes, under the agent's own item names."""

from kata_exporter.guest.families.left_out import left_out
from kata_exporter.guest.family import Family, Item, guest_metric
from kata_exporter.metrics import Metric, MetricType

_NAME = "kata_guest_meminfo"
_BYTES = {
    "mem_total": "MemTotal",
    "mem_free": "MemFree",
    "mem_available": "MemAvailable",
    "buffers": "Buffers",
    "cached": "Cached",
    "swap_cached": "SwapCached",
    "active": "Active",
    "inactive": "Inactive",
    "active_anon": "Active(anon)",
    "inactive_anon": "Inactive(anon)",
    "active_file": "Active(file)",
    "inactive_file": "Inactive(file)",
    "unevictable": "Unevictable",
    "mlocked": "Mlocked",
    "swap_total": "SwapTotal",
    "swap_free": "SwapFree",
    "dirty": "Dirty",
    "writeback": "Writeback",
    "anon_pages": "AnonPages",
    "mapped": "Mapped",
    "shmem": "Shmem",
    "k_reclaimable": "KReclaimable",
    "slab": "Slab",
    "s_reclaimable": "SReclaimable",
    "s_unreclaim": "SUnreclaim",
    "kernel_stack": "KernelStack",
    "page_tables": "PageTables",
    "bounce": "Bounce",
    "writeback_tmp": "WritebackTmp",
    "commit_limit": "CommitLimit",
    "committed_as": "Committed_AS",
    "vmalloc_total": "VmallocTotal",
    "vmalloc_used": "VmallocUsed",
    "per_cpu": "Percpu",
    "hardware_corrupted": "HardwareCorrupted",
    "anon_hugepages": "AnonHugePages",
    "shmem_hugepages": "ShmemHugePages",
    "shmem_pmd_mapped": "ShmemPmdMapped",
    "cma_total": "CmaTotal",
    "cma_free": "CmaFree",
    "hugepagesize": "Hugepagesize",
    "hugetlb": "Hugetlb",
    "direct_map_4k": "DirectMap4k",
    "direct_map_2M": "DirectMap2M",
    "direct_map_1G": "DirectMap1G",
}
# promtool takes the s in these for seconds.
_RENAMED = {"s_reclaimable": "slab_reclaimable", "s_unreclaim": "slab_unreclaimable"}
_COUNTS = {
    # A gauge may not end in _total.
    "hugepages_total": ("hugepages", "HugePages_Total"),
    "hugepages_free": ("hugepages_free", "HugePages_Free"),
    "hugepages_rsvd": ("hugepages_rsvd", "HugePages_Rsvd"),
    "hugepages_surp": ("hugepages_surp", "HugePages_Surp"),
}


def _bytes(item: str, kernel_name: str) -> Metric:
    return guest_metric(
        f"memory_{_RENAMED.get(item, item.lower())}_bytes",
        MetricType.GAUGE,
        f"{kernel_name} of the guest, in bytes",
        raw=f"kata_guest_meminfo item {item}",
        source="/proc/meminfo",
        unit="bytes",
    )


def _count(item: str, name: str, kernel_name: str) -> Metric:
    return guest_metric(
        f"memory_{name}",
        MetricType.GAUGE,
        f"{kernel_name} of the guest, in huge pages",
        raw=f"kata_guest_meminfo item {item}",
        source="/proc/meminfo",
    )


MEM_TOTAL = _bytes("mem_total", _BYTES["mem_total"])
MEM_AVAILABLE = _bytes("mem_available", _BYTES["mem_available"])
_KNOWN = {"mem_total": MEM_TOTAL, "mem_available": MEM_AVAILABLE}

MEMORY = Family(
    name=_NAME,
    items={
        item: Item(_KNOWN.get(item) or _bytes(item, kernel_name))
        for item, kernel_name in _BYTES.items()
    }
    | {item: Item(_count(item, *names)) for item, names in _COUNTS.items()},
    left_out=left_out(_NAME),
)
