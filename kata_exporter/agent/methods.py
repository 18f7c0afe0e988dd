"""The agent's methods as a table: messages, time-out, cap of the answer, and effect on the guest.

Time-outs are those of Kata's own client; caps are ours: a real agent answers GetMetrics with 19 to
27 KB, and the answer grows with CPUs, disks and network devices. Releases are those whose
``agent.proto`` has the method, from 2.0 on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import csi_pb2, health_pb2, types_pb2
from kata_exporter.agent.releases import Release, release_of

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

_HEALTH = "grpc.Health"
_KIB = 1 << 10
_MIB = 1 << 20
_AS_IT_CAME = "context deadline exceeded"
_LARGEST = 4 * _MIB - _KIB  # what ttrpc carries, less its envelope


class TimeoutClass(Enum):
    """How long a call may take where its caller gives no deadline."""

    CHECK = "check"
    CREATE_CONTAINER = "create container"
    DEFAULT = "default"
    NONE = "none"
    """It waits for something to happen in the guest."""


class About(Enum):
    """What a request names, and so what an agent means that refuses its argument."""

    NOTHING = "nothing"
    CONTAINER = "container"
    """INVALID_ARGUMENT: there is no such container."""
    PROCESS = "process"
    """NOT_FOUND as well: there is no such process."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, eq=False)
class Method(Generic[RequestT, ResponseT]):
    """One RPC of the agent."""

    name: str
    request: type[RequestT]
    response: type[ResponseT]
    cap_bytes: int = 4 * _KIB
    """Cap of the answer; over it the connection is closed."""
    changes_guest: bool = True
    """Changes the guest's state, or takes what somebody else may wait for."""
    about: About = About.OTHER
    timeout: TimeoutClass = TimeoutClass.DEFAULT
    since: Release | None = None
    """First release that has it; None where all have."""
    until: Release | None = None
    """First release that no longer has it."""
    service: str = "grpc.AgentService"
    timeout_text: str = ""
    """What Kata's own client says on a time-out, where that isn't ``<request's name> timed out``."""
    error_prefix: str = ""
    """What Kata's own client puts before any other error."""

    @property
    def full_name(self) -> str:
        """Service and method, as ``grpc.AgentService/GetMetrics``."""
        return f"{self.service}/{self.name}"

    @property
    def waits(self) -> bool:
        """Whether it waits for something to happen, for as long as that takes."""
        return self.timeout is TimeoutClass.NONE


# Health

CHECK = Method(
    "Check",
    health_pb2.CheckRequest,
    health_pb2.HealthCheckResponse,
    service=_HEALTH,
    changes_guest=False,
    about=About.NOTHING,
    timeout=TimeoutClass.CHECK,
    error_prefix="Failed to Check if grpc server is working: ",
)
VERSION = Method(
    "Version",
    health_pb2.CheckRequest,
    health_pb2.VersionCheckResponse,
    service=_HEALTH,
    changes_guest=False,
    about=About.NOTHING,
)

# What the guest says of itself

GET_METRICS = Method(
    "GetMetrics", pb.GetMetricsRequest, pb.Metrics, _MIB, changes_guest=False, about=About.NOTHING
)
STATS_CONTAINER = Method(
    "StatsContainer",
    pb.StatsContainerRequest,
    pb.StatsContainerResponse,
    256 * _KIB,
    changes_guest=False,
    about=About.CONTAINER,
)
GET_GUEST_DETAILS = Method(
    "GetGuestDetails",
    pb.GuestDetailsRequest,
    pb.GuestDetailsResponse,
    64 * _KIB,
    changes_guest=False,
    about=About.NOTHING,
    timeout_text="GuestDetailsRequest request timed out",
)
GET_OOM_EVENT = Method(
    "GetOOMEvent",
    pb.GetOOMEventRequest,
    pb.OOMEvent,
    about=About.NOTHING,
    timeout=TimeoutClass.NONE,
)
GET_VOLUME_STATS = Method(
    "GetVolumeStats",
    pb.VolumeStatsRequest,
    csi_pb2.VolumeStatsResponse,
    64 * _KIB,
    changes_guest=False,
    since=Release(2, 4),
)
GET_DIAGNOSTIC_DATA = Method(
    "GetDiagnosticData",
    pb.GetDiagnosticDataRequest,
    pb.GetDiagnosticDataResponse,
    _MIB,
    changes_guest=False,
    since=Release(3, 29),
    timeout_text=_AS_IT_CAME,
)

# Sandbox

CREATE_SANDBOX = Method("CreateSandbox", pb.CreateSandboxRequest, Empty)
DESTROY_SANDBOX = Method("DestroySandbox", pb.DestroySandboxRequest, Empty)
SET_POLICY = Method("SetPolicy", pb.SetPolicyRequest, Empty, since=Release(3, 3))

# Containers

CREATE_CONTAINER = Method(
    "CreateContainer", pb.CreateContainerRequest, Empty, timeout=TimeoutClass.CREATE_CONTAINER
)
START_CONTAINER = Method("StartContainer", pb.StartContainerRequest, Empty, about=About.CONTAINER)
REMOVE_CONTAINER = Method(
    "RemoveContainer", pb.RemoveContainerRequest, Empty, about=About.CONTAINER
)
UPDATE_CONTAINER = Method(
    "UpdateContainer", pb.UpdateContainerRequest, Empty, about=About.CONTAINER
)
PAUSE_CONTAINER = Method("PauseContainer", pb.PauseContainerRequest, Empty, about=About.CONTAINER)
RESUME_CONTAINER = Method(
    "ResumeContainer", pb.ResumeContainerRequest, Empty, about=About.CONTAINER
)
UPDATE_EPHEMERAL_MOUNTS = Method(
    "UpdateEphemeralMounts", pb.UpdateEphemeralMountsRequest, Empty, since=Release(3, 2)
)
REMOVE_STALE_VIRTIOFS_SHARE_MOUNTS = Method(
    "RemoveStaleVirtiofsShareMounts",
    pb.RemoveStaleVirtiofsShareMountsRequest,
    Empty,
    since=Release(3, 2),
    timeout_text="removeStaleVirtiofsShareMounts timed out",
)

# Processes

EXEC_PROCESS = Method("ExecProcess", pb.ExecProcessRequest, Empty, about=About.CONTAINER)
SIGNAL_PROCESS = Method("SignalProcess", pb.SignalProcessRequest, Empty, about=About.PROCESS)
WAIT_PROCESS = Method(
    "WaitProcess",
    pb.WaitProcessRequest,
    pb.WaitProcessResponse,
    about=About.PROCESS,
    timeout=TimeoutClass.NONE,
)
LIST_PROCESSES = Method(
    "ListProcesses",
    pb.ListProcessesRequest,
    pb.ListProcessesResponse,
    _MIB,
    changes_guest=False,
    until=Release(2, 1),
)
WRITE_STDIN = Method(
    "WriteStdin", pb.WriteStreamRequest, pb.WriteStreamResponse, about=About.PROCESS
)
READ_STDOUT = Method(
    "ReadStdout",
    pb.ReadStreamRequest,
    pb.ReadStreamResponse,
    _LARGEST,
    about=About.PROCESS,
    timeout=TimeoutClass.NONE,
    timeout_text=_AS_IT_CAME,
)
READ_STDERR = Method(
    "ReadStderr",
    pb.ReadStreamRequest,
    pb.ReadStreamResponse,
    _LARGEST,
    about=About.PROCESS,
    timeout=TimeoutClass.NONE,
    timeout_text=_AS_IT_CAME,
)
CLOSE_STDIN = Method("CloseStdin", pb.CloseStdinRequest, Empty, about=About.PROCESS)
TTY_WIN_RESIZE = Method("TtyWinResize", pb.TtyWinResizeRequest, Empty, about=About.PROCESS)

# Network

UPDATE_INTERFACE = Method(
    "UpdateInterface", pb.UpdateInterfaceRequest, types_pb2.Interface, 64 * _KIB
)
UPDATE_ROUTES = Method("UpdateRoutes", pb.UpdateRoutesRequest, pb.Routes, 64 * _KIB)
LIST_INTERFACES = Method(
    "ListInterfaces",
    pb.ListInterfacesRequest,
    pb.Interfaces,
    64 * _KIB,
    changes_guest=False,
    about=About.NOTHING,
)
LIST_ROUTES = Method(
    "ListRoutes",
    pb.ListRoutesRequest,
    pb.Routes,
    64 * _KIB,
    changes_guest=False,
    about=About.NOTHING,
)
ADD_ARP_NEIGHBORS = Method("AddARPNeighbors", pb.AddARPNeighborsRequest, Empty)
GET_IP_TABLES = Method(
    "GetIPTables",
    pb.GetIPTablesRequest,
    pb.GetIPTablesResponse,
    _LARGEST,
    changes_guest=False,
    since=Release(2, 5),
)
SET_IP_TABLES = Method(
    "SetIPTables", pb.SetIPTablesRequest, pb.SetIPTablesResponse, _MIB, since=Release(2, 5)
)

# Guest

ONLINE_CPU_MEM = Method("OnlineCPUMem", pb.OnlineCPUMemRequest, Empty)
MEM_HOTPLUG_BY_PROBE = Method("MemHotplugByProbe", pb.MemHotplugByProbeRequest, Empty)
RESEED_RANDOM_DEV = Method("ReseedRandomDev", pb.ReseedRandomDevRequest, Empty)
SET_GUEST_DATE_TIME = Method(
    "SetGuestDateTime",
    pb.SetGuestDateTimeRequest,
    Empty,
    timeout_text="SetGuestDateTimeRequest request timed out",
)
COPY_FILE = Method(
    "CopyFile",
    pb.CopyFileRequest,
    Empty,
    error_prefix="Could not send CopyFile request: ",
)
ADD_SWAP = Method("AddSwap", pb.AddSwapRequest, Empty, since=Release(2, 2))
ADD_SWAP_PATH = Method("AddSwapPath", pb.AddSwapPathRequest, Empty, since=Release(3, 15))
RESIZE_VOLUME = Method("ResizeVolume", pb.ResizeVolumeRequest, Empty, since=Release(2, 4))
MEM_AGENT_MEMCG_SET = Method(
    "MemAgentMemcgSet", pb.MemAgentMemcgConfig, Empty, since=Release(3, 13)
)
MEM_AGENT_COMPACT_SET = Method(
    "MemAgentCompactSet", pb.MemAgentCompactConfig, Empty, since=Release(3, 13)
)

METHODS: tuple[Method[Any, Any], ...] = (
    CHECK,
    VERSION,
    GET_METRICS,
    STATS_CONTAINER,
    GET_GUEST_DETAILS,
    GET_OOM_EVENT,
    GET_VOLUME_STATS,
    GET_DIAGNOSTIC_DATA,
    CREATE_SANDBOX,
    DESTROY_SANDBOX,
    SET_POLICY,
    CREATE_CONTAINER,
    START_CONTAINER,
    REMOVE_CONTAINER,
    UPDATE_CONTAINER,
    PAUSE_CONTAINER,
    RESUME_CONTAINER,
    UPDATE_EPHEMERAL_MOUNTS,
    REMOVE_STALE_VIRTIOFS_SHARE_MOUNTS,
    EXEC_PROCESS,
    SIGNAL_PROCESS,
    WAIT_PROCESS,
    LIST_PROCESSES,
    WRITE_STDIN,
    READ_STDOUT,
    READ_STDERR,
    CLOSE_STDIN,
    TTY_WIN_RESIZE,
    UPDATE_INTERFACE,
    UPDATE_ROUTES,
    LIST_INTERFACES,
    LIST_ROUTES,
    ADD_ARP_NEIGHBORS,
    GET_IP_TABLES,
    SET_IP_TABLES,
    ONLINE_CPU_MEM,
    MEM_HOTPLUG_BY_PROBE,
    RESEED_RANDOM_DEV,
    SET_GUEST_DATE_TIME,
    COPY_FILE,
    ADD_SWAP,
    ADD_SWAP_PATH,
    RESIZE_VOLUME,
    MEM_AGENT_MEMCG_SET,
    MEM_AGENT_COMPACT_SET,
)

METHOD_OF: Mapping[str, Method[Any, Any]] = {method.full_name: method for method in METHODS}
"""Each by its full name."""


def offered(method: Method[Any, Any], agent_version: str) -> bool:
    """Whether agents of a version have a method, which one that can't be read is given credit for."""
    release = release_of(agent_version)
    if release is None:
        return True
    return (method.since or release) <= release and (method.until is None or release < method.until)
