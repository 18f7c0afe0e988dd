"""Calls about a guest: its network, its machine, what it measures."""

from datetime import datetime, timedelta, timezone

from agent_call import CONTAINER, SOURCE, one
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import csi_pb2, health_pb2, types_pb2
from kata_exporter.agent.types import (
    AgentVersion,
    ARPNeighbor,
    CompactConfig,
    ContainerStats,
    GuestDetails,
    Interface,
    IPAddress,
    IPFamily,
    MemcgConfig,
    PidsStats,
    Route,
    VolumeStats,
    VolumeUnit,
    VolumeUsage,
)

ETH0 = Interface(
    "eth0",
    "eth0",
    (IPAddress("10.0.0.2", "24"), IPAddress("fd00::2", "64", IPFamily.V6)),
    mtu_bytes=1500,
    hw_addr="02:00:00:00:00:01",
    device_path="02/01",
    type="veth",
    raw_flags=1,
)
ETH0_MESSAGE = types_pb2.Interface(
    name="eth0",
    device="eth0",
    IPAddresses=[
        types_pb2.IPAddress(address="10.0.0.2", mask="24"),
        types_pb2.IPAddress(address="fd00::2", mask="64", family=types_pb2.v6),
    ],
    mtu=1500,
    hwAddr="02:00:00:00:00:01",
    devicePath="02/01",
    type="veth",
    raw_flags=1,
)
ROUTE = Route("10.0.0.0/8", "10.0.0.1", "eth0", "10.0.0.2", 253, IPFamily.V4, 1, 1400)
ROUTE_MESSAGE = types_pb2.Route(
    dest="10.0.0.0/8",
    gateway="10.0.0.1",
    device="eth0",
    source="10.0.0.2",
    scope=253,
    flags=1,
    mtu=1400,
)
_NEIGHBOR = ARPNeighbor(IPAddress("10.0.0.1"), "eth0", "02:00:00:00:00:02", 128, 1)
_NEIGHBORS_MESSAGE = pb.ARPNeighbors(
    ARPNeighbors=[
        types_pb2.ARPNeighbor(
            toIPAddress=types_pb2.IPAddress(address="10.0.0.1"),
            device="eth0",
            lladdr="02:00:00:00:00:02",
            state=128,
            flags=1,
        )
    ]
)

NETWORK_CALLS = (
    one(
        "update_interface",
        lambda agent: agent.update_interface(ETH0),
        "UpdateInterface",
        pb.UpdateInterfaceRequest(interface=ETH0_MESSAGE),
        ETH0_MESSAGE,
        ETH0,
    ),
    one(
        "list_interfaces",
        lambda agent: agent.list_interfaces(),
        "ListInterfaces",
        pb.ListInterfacesRequest(),
        pb.Interfaces(Interfaces=[ETH0_MESSAGE]),
        (ETH0,),
    ),
    one(
        "update_routes",
        lambda agent: agent.update_routes([ROUTE]),
        "UpdateRoutes",
        pb.UpdateRoutesRequest(routes=pb.Routes(Routes=[ROUTE_MESSAGE])),
        pb.Routes(Routes=[ROUTE_MESSAGE, types_pb2.Route(family=types_pb2.v6)]),
        (ROUTE, Route(family=IPFamily.V6)),
    ),
    one(
        "list_routes",
        lambda agent: agent.list_routes(),
        "ListRoutes",
        pb.ListRoutesRequest(),
        pb.Routes(Routes=[ROUTE_MESSAGE]),
        (ROUTE,),
    ),
    one(
        "add_arp_neighbors",
        lambda agent: agent.add_arp_neighbors([_NEIGHBOR]),
        "AddARPNeighbors",
        pb.AddARPNeighborsRequest(neighbors=_NEIGHBORS_MESSAGE),
    ),
    one(
        "get_ip_tables",
        lambda agent: agent.get_ip_tables(ipv6=True),
        "GetIPTables",
        pb.GetIPTablesRequest(is_ipv6=True),
        pb.GetIPTablesResponse(data=b"*filter"),
        b"*filter",
    ),
    one(
        "set_ip_tables",
        lambda agent: agent.set_ip_tables(b"*nat"),
        "SetIPTables",
        pb.SetIPTablesRequest(data=b"*nat"),
        pb.SetIPTablesResponse(data=b"done"),
        b"done",
    ),
)

GUEST_CALLS = (
    one(
        "get_guest_details",
        lambda agent: agent.get_guest_details(),
        "GetGuestDetails",
        pb.GuestDetailsRequest(mem_block_size=True, mem_hotplug_probe=True),
        pb.GuestDetailsResponse(
            mem_block_size_bytes=1 << 27,
            agent_details=pb.AgentDetails(version="4.1.0", storage_handlers=["blk"]),
        ),
        GuestDetails(1 << 27, False, "4.1.0", False, False, (), ("blk",), ()),
    ),
    one(
        "online_cpu_mem",
        lambda agent: agent.online_cpu_mem(4, cpu_only=True),
        "OnlineCPUMem",
        pb.OnlineCPUMemRequest(nb_cpus=4, cpu_only=True),
    ),
    one(
        "mem_hotplug_by_probe",
        lambda agent: agent.mem_hotplug_by_probe(1 << 32, 300, 128),
        "MemHotplugByProbe",
        pb.MemHotplugByProbeRequest(memHotplugProbeAddr=[1 << 32, (1 << 32) + (128 << 20)]),
    ),
    one(
        "reseed_rng",
        lambda agent: agent.reseed_rng(b"\x00\xff"),
        "ReseedRandomDev",
        pb.ReseedRandomDevRequest(data=b"\x00\xff"),
    ),
    one(
        "set_guest_date_time",
        lambda agent: agent.set_guest_date_time(
            datetime(2026, 1, 2, 4, 4, 5, 678901, tzinfo=timezone(timedelta(hours=1)))
        ),
        "SetGuestDateTime",
        pb.SetGuestDateTimeRequest(Sec=1767323045, Usec=678901),
    ),
    one(
        "copy_file",
        lambda agent: agent.copy_file(SOURCE, "/run/kata-containers/shared/containers/x"),
        "CopyFile",
        pb.CopyFileRequest(
            path="/run/kata-containers/shared/containers/x",
            file_mode=SOURCE.stat().st_mode,
            dir_mode=0x800001E8,
            uid=SOURCE.stat().st_uid,
            gid=SOURCE.stat().st_gid,
        ),
    ),
    one(
        "add_swap",
        lambda agent: agent.add_swap([2, 1]),
        "AddSwap",
        pb.AddSwapRequest(PCIPath=[2, 1]),
    ),
    one(
        "add_swap_path",
        lambda agent: agent.add_swap_path("/dev/vdb"),
        "AddSwapPath",
        pb.AddSwapPathRequest(path="/dev/vdb"),
    ),
    one(
        "get_volume_stats",
        lambda agent: agent.get_volume_stats("/run/v"),
        "GetVolumeStats",
        pb.VolumeStatsRequest(volume_guest_path="/run/v"),
        csi_pb2.VolumeStatsResponse(
            usage=[
                csi_pb2.VolumeUsage(available=1, total=3, used=2, unit=csi_pb2.VolumeUsage.BYTES)
            ],
            volume_condition=csi_pb2.VolumeCondition(abnormal=True, message="read-only"),
        ),
        VolumeStats((VolumeUsage(VolumeUnit.BYTES, 1, 3, 2),), True, "read-only"),
    ),
    one(
        "resize_volume",
        lambda agent: agent.resize_volume("/run/v", 1 << 40),
        "ResizeVolume",
        pb.ResizeVolumeRequest(volume_guest_path="/run/v", size=1 << 40),
    ),
    one(
        "set_mem_agent_memcg",
        lambda agent: agent.set_mem_agent_memcg(MemcgConfig(swap=False, period_seconds=60)),
        "MemAgentMemcgSet",
        pb.MemAgentMemcgConfig(swap=False, period_secs=60),
    ),
    one(
        "set_mem_agent_compact",
        lambda agent: agent.set_mem_agent_compact(CompactConfig(compact_threshold_pages=9)),
        "MemAgentCompactSet",
        pb.MemAgentCompactConfig(compact_threshold=9),
    ),
)

OBSERVE_CALLS = (
    one("check", lambda agent: agent.check(), "grpc.Health/Check", health_pb2.CheckRequest()),
    one(
        "version",
        lambda agent: agent.version(),
        "grpc.Health/Version",
        health_pb2.CheckRequest(),
        health_pb2.VersionCheckResponse(grpc_version="0.0.1", agent_version="4.1.0"),
        AgentVersion("0.0.1", "4.1.0"),
    ),
    one(
        "get_agent_metrics",
        lambda agent: agent.get_agent_metrics(),
        "GetMetrics",
        pb.GetMetricsRequest(),
        pb.Metrics(metrics="kata_guest_load 1\n"),
        "kata_guest_load 1\n",
    ),
    one(
        "stats_container",
        lambda agent: agent.stats_container(CONTAINER),
        "StatsContainer",
        pb.StatsContainerRequest(container_id="ctr-one"),
        pb.StatsContainerResponse(
            cgroup_stats=pb.CgroupStats(pids_stats=pb.PidsStats(current=3, limit=9))
        ),
        ContainerStats(pids=PidsStats(3, 9), hugetlb={}),
    ),
    one(
        "get_oom_event",
        lambda agent: agent.get_oom_event(),
        "GetOOMEvent",
        pb.GetOOMEventRequest(),
        pb.OOMEvent(container_id="ctr-one"),
        "ctr-one",
    ),
)
