"""Every value that is converted, reckoned by hand: milliseconds, ticks, sectors, KiB."""

import pytest

from agent_families import heads
from kata_exporter.guest.family import Target
from kata_exporter.guest.numbers import as_is
from raw_sample import published, resolved

Row = tuple[str, str, str, str, str]
"""Family with its labels, item, raw value, unit of that, and our line."""


def _cpu(cpu: str, item: str, raw: str, unit: str, line: str) -> Row:
    return (f'kata_guest_cpu_time{{cpu="{cpu}",', item, raw, unit, f"kata_guest_cpu_{line}")


def _disk(item: str, raw: str, unit: str, line: str) -> Row:
    name, value = line.split()
    ours = f'kata_guest_disk_{name}{{device="vda"}} {value}'
    return ('kata_guest_diskstat{disk="vda",', item, raw, unit, ours)


def _status(item: str, raw: str, line: str) -> Row:
    name, value = line.split()
    return ("kata_agent_proc_status{", item, raw, "KiB", f"kata_guest_agent_{name}{{}} {value}")


NEW: list[Row] = [
    _cpu("0", "user", "238630", "ms", 'seconds_total{cpu="0",mode="user"} 238.63'),
    _cpu("0", "nice", "5", "ms", 'seconds_total{cpu="0",mode="nice"} 0.005'),
    _cpu("0", "system", "63340", "ms", 'seconds_total{cpu="0",mode="system"} 63.34'),
    _cpu("1", "idle", "549650", "ms", 'seconds_total{cpu="1",mode="idle"} 549.65'),
    _cpu("1", "iowait", "13190", "ms", 'seconds_total{cpu="1",mode="iowait"} 13.19'),
    _cpu("2", "irq", "1", "ms", 'seconds_total{cpu="2",mode="irq"} 0.001'),
    _cpu("3", "softirq", "1000", "ms", 'seconds_total{cpu="3",mode="softirq"} 1'),
    _cpu("0", "steal", "1050", "ms", 'seconds_total{cpu="0",mode="steal"} 1.05'),
    _cpu("0", "guest", "2500", "ms", 'guest_seconds_total{cpu="0",mode="user"} 2.5'),
    _cpu("0", "guest_nice", "40", "ms", 'guest_seconds_total{cpu="0",mode="nice"} 0.04'),
    _disk("sectors_read", "298390", "sectors", "read_bytes_total 152775680"),
    _disk("sectors_written", "3", "sectors", "written_bytes_total 1536"),
    # Beyond what a float could say exactly.
    _disk("sectors_read", "18014398509481985", "sectors", "read_bytes_total 9223372036854776320"),
    _disk("time_reading", "101022", "ms", "read_time_seconds_total 101.022"),
    _disk("time_writing", "107186", "ms", "write_time_seconds_total 107.186"),
    _disk("time_in_progress", "27448", "ms", "io_time_seconds_total 27.448"),
    _disk("weighted_time_in_progress", "212923", "ms", "io_time_weighted_seconds_total 212.923"),
    _disk("time_discarding", "4614", "ms", "discard_time_seconds_total 4.614"),
    _disk("time_flushing", "70", "ms", "flush_requests_time_seconds_total 0.07"),
    _status("vmhwm", "35708", "peak_resident_memory_bytes 36564992"),
    _status("rssanon", "4224", "resident_anonymous_memory_bytes 4325376"),
    _status("vmswap", "1", "swapped_memory_bytes 1024"),
]
"""Of agents since 2.5.0."""

TICKS: list[Row] = [
    _cpu("0", "user", "23863", "ticks", 'seconds_total{cpu="0",mode="user"} 238.63'),
    _cpu("0", "nice", "1", "ticks", 'seconds_total{cpu="0",mode="nice"} 0.01'),
    _cpu("0", "system", "6334", "ticks", 'seconds_total{cpu="0",mode="system"} 63.34'),
    _cpu("1", "idle", "54965", "ticks", 'seconds_total{cpu="1",mode="idle"} 549.65'),
    _cpu("1", "iowait", "1319", "ticks", 'seconds_total{cpu="1",mode="iowait"} 13.19'),
    _cpu("2", "irq", "10", "ticks", 'seconds_total{cpu="2",mode="irq"} 0.1'),
    _cpu("3", "softirq", "100", "ticks", 'seconds_total{cpu="3",mode="softirq"} 1'),
    _cpu("0", "steal", "105", "ticks", 'seconds_total{cpu="0",mode="steal"} 1.05'),
    _cpu("0", "guest", "250", "ticks", 'guest_seconds_total{cpu="0",mode="user"} 2.5'),
    _cpu("0", "guest_nice", "4", "ticks", 'guest_seconds_total{cpu="0",mode="nice"} 0.04'),
]
"""Of agents before."""

OLD: list[Row] = [*TICKS, *(row for row in NEW if not row[0].startswith("kata_guest_cpu_time"))]


@pytest.mark.parametrize(
    ("version", "family", "item", "raw", "unit", "line"),
    [(version, *row) for version in ("2.0.0", "2.4.3") for row in OLD]
    + [(version, *row) for version in ("2.5.0", "3.0.2", "4.1.0") for row in NEW],
)
def test_value_is_converted_to_base_units(
    version: str, family: str, item: str, raw: str, unit: str, line: str
) -> None:
    assert published(f'{family}item="{item}"}}', raw, version) == line
    # The name says the unit: seconds from time, bytes from sizes.
    assert ("seconds" if unit in {"ms", "ticks"} else "bytes") in line.partition("{")[0]


@pytest.mark.parametrize(("version", "rows"), [("2.4.3", OLD), ("3.2.0", NEW), ("4.1.0", NEW)])
def test_every_item_that_is_converted_has_a_row(version: str, rows: list[Row]) -> None:
    shown = {(family.partition("{")[0], item) for family, item, *_ in rows}

    converted = set()
    for head in heads(version):
        target = resolved(head, version)
        if isinstance(target, Target) and target.convert is not as_is:
            converted.add((head.partition("{")[0], head.rpartition('item="')[2].rstrip('"}')))
    assert shown == converted
