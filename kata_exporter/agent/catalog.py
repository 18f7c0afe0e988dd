"""Which RPCs each method of the client sends: for documents, and for those who pick one by name."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kata_exporter.agent import methods as rpc
from kata_exporter.agent.interface import Agent
from kata_exporter.agent.methods import Method

_INTERFACE = frozenset(
    name for name, _ in inspect.getmembers(Agent, inspect.isfunction) if not name.startswith("_")
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A method of `KataAgent`; its RPCs in the order in which they are sent, none for the host's."""

    name: str
    rpcs: tuple[Method[Any, Any], ...] = ()

    @property
    def in_interface(self) -> bool:
        """Whether it is one of `Agent`'s, and not an extra of the client."""
        return self.name in _INTERFACE

    @property
    def changes_guest(self) -> bool:
        """Whether one of its RPCs does."""
        return any(method.changes_guest for method in self.rpcs)


_NOUNS: Mapping[str, Mapping[str, tuple[Method[Any, Any], ...]]] = {
    "connection": {
        "long_live_conn": (),
        "disconnect": (),
        "get_agent_url": (),
        "set_agent_url": (),
        "reuse_agent": (),
        "mark_dead": (),
        "configure": (),
        "configure_from_grpc": (),
        "save": (),
        "load": (),
    },
    "sandbox": {
        "init": (),
        "capabilities": (),
        "create_sandbox": (),
        "start_sandbox": (
            rpc.CHECK,
            rpc.SET_POLICY,
            rpc.UPDATE_INTERFACE,
            rpc.UPDATE_ROUTES,
            rpc.ADD_ARP_NEIGHBORS,
            rpc.CREATE_SANDBOX,
        ),
        "stop_sandbox": (rpc.DESTROY_SANDBOX,),
        "cleanup": (),
    },
    "container": {
        "create_container": (rpc.CREATE_CONTAINER,),
        "start_container": (rpc.START_CONTAINER,),
        "stop_container": (rpc.REMOVE_CONTAINER,),
        "update_container": (rpc.UPDATE_CONTAINER,),
        "pause_container": (rpc.PAUSE_CONTAINER,),
        "resume_container": (rpc.RESUME_CONTAINER,),
    },
    "process": {
        "exec": (rpc.EXEC_PROCESS,),
        "signal_process": (rpc.SIGNAL_PROCESS,),
        "winsize_process": (rpc.TTY_WIN_RESIZE,),
        "write_process_stdin": (rpc.WRITE_STDIN,),
        "close_process_stdin": (rpc.CLOSE_STDIN,),
        "read_process_stdout": (rpc.READ_STDOUT,),
        "read_process_stderr": (rpc.READ_STDERR,),
        "wait_process": (rpc.WAIT_PROCESS,),
        "process_list_container": (rpc.VERSION, rpc.LIST_PROCESSES),
    },
    "network": {
        "update_interface": (rpc.UPDATE_INTERFACE,),
        "list_interfaces": (rpc.LIST_INTERFACES,),
        "update_routes": (rpc.UPDATE_ROUTES,),
        "list_routes": (rpc.LIST_ROUTES,),
        "add_arp_neighbors": (rpc.ADD_ARP_NEIGHBORS,),
        "get_ip_tables": (rpc.GET_IP_TABLES,),
        "set_ip_tables": (rpc.SET_IP_TABLES,),
    },
    "guest": {
        "get_guest_details": (rpc.GET_GUEST_DETAILS,),
        "online_cpu_mem": (rpc.ONLINE_CPU_MEM,),
        "mem_hotplug_by_probe": (rpc.MEM_HOTPLUG_BY_PROBE,),
        "reseed_rng": (rpc.RESEED_RANDOM_DEV,),
        "set_guest_date_time": (rpc.SET_GUEST_DATE_TIME,),
        "copy_file": (rpc.COPY_FILE,),
        "add_swap": (rpc.ADD_SWAP,),
        "add_swap_path": (rpc.ADD_SWAP_PATH,),
        "get_volume_stats": (rpc.GET_VOLUME_STATS,),
        "resize_volume": (rpc.RESIZE_VOLUME,),
        "set_policy": (rpc.SET_POLICY,),
        "get_diagnostic_data": (rpc.GET_DIAGNOSTIC_DATA,),
        "update_ephemeral_mounts": (rpc.UPDATE_EPHEMERAL_MOUNTS,),
        "remove_stale_virtiofs_share_mounts": (rpc.REMOVE_STALE_VIRTIOFS_SHARE_MOUNTS,),
        "set_mem_agent_memcg": (rpc.MEM_AGENT_MEMCG_SET,),
        "set_mem_agent_compact": (rpc.MEM_AGENT_COMPACT_SET,),
    },
    "observe": {
        "check": (rpc.CHECK,),
        "version": (rpc.VERSION,),
        "get_agent_metrics": (rpc.GET_METRICS,),
        "stats_container": (rpc.STATS_CONTAINER,),
        "get_oom_event": (rpc.GET_OOM_EVENT,),
    },
}

CATALOG: Mapping[str, tuple[Entry, ...]] = {
    noun: tuple(Entry(name, rpcs) for name, rpcs in names.items()) for noun, names in _NOUNS.items()
}
"""Entries by noun."""
