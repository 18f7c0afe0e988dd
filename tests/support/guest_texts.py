"""Texts that a guest might send, or might send to do harm: strategies for hypothesis."""

from hypothesis import strategies as st

from kata_exporter.guest.limits import Limits

LIMITS = Limits(text_bytes=2000, lines=12, line_characters=120, label_characters=20, series=8)

plain = st.one_of(
    st.integers(min_value=0, max_value=2**64 - 1).map(str),
    st.from_regex(r"(0|[1-9][0-9]{0,5})\.[0-9]{1,6}", fullmatch=True),
)
numbers = st.one_of(
    plain,
    st.floats().map(repr),
    st.integers(min_value=-10, max_value=10**25).map(str),
    st.sampled_from(["NaN", "+Inf", "1e5", "-0", "007", "1 2", "1_0", "0x1", "٣", "", "1e999"]),
)
words = st.one_of(
    st.sampled_from(
        ["eth0", "lo", "vda", "0", "1", "total", "/data", "load1", "user", "recv_bytes", "reads"]
    ),
    st.sampled_from(["oom_kill", "mem_total", "nr_x", "vmhwm", "used", "guest", "", "x" * 21]),
    st.text(max_size=8),
).map(lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
keys = st.sampled_from(
    ["item", "cpu", "interface", "disk", "device", "mount", "pod", "sandbox_id", "le", "__name__"]
)
families = st.sampled_from(
    [
        "kata_guest_load",
        "kata_guest_cpu_time",
        "kata_guest_netdev_stat",
        "kata_guest_diskstat",
        "kata_guest_vm_stat",
        "kata_guest_meminfo",
        "kata_guest_filesystem_bytes",
        "kata_agent_threads",
        "kata_agent_total_time",
        "kata_agent_proc_status",
        "up",
        "# HELP x",
    ]
)
likely_heads = st.sampled_from(
    [
        'kata_guest_load{item="load1"}',
        'kata_guest_load{item="load5"}',
        'kata_guest_cpu_time{cpu="0",item="user"}',
        'kata_guest_cpu_time{cpu="1",item="user"}',
        'kata_guest_cpu_time{item="user",cpu="1"}',
        'kata_guest_diskstat{disk="vda",item="sectors_read"}',
        "kata_agent_total_time",
        'kata_agent_proc_status{item="vmhwm"}',
        "# HELP kata_agent_threads",
    ]
)
odd_heads = st.builds(
    lambda family, pairs: family + "{" + ",".join(f'{k}="{v}"' for k, v in pairs) + "}",
    families,
    st.lists(st.tuples(keys, words), max_size=4),
)
heads = st.one_of(likely_heads, likely_heads, odd_heads, st.text(max_size=12))
lines = st.builds("{} {}".format, heads, numbers)
texts = st.one_of(st.lists(lines, max_size=15).map("\n".join), st.text(max_size=200))
