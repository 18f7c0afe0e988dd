"""The agent's methods as a table: messages, time-out, cap of the answer, and effect on the guest.

Time-outs are those of Kata's own client; caps are ours: a real agent answers GetMetrics with 19 to
27 KB, and the answer grows with CPUs, disks and network devices.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from kata_exporter._pb import agent_pb2, health_pb2

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

CHECK_SECONDS = 30.0
DEFAULT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Method(Generic[RequestT, ResponseT]):
    """One RPC of the agent."""

    service: str
    name: str
    request: type[RequestT]
    response: type[ResponseT]
    cap_bytes: int
    """Cap of the answer; over it the connection is closed."""
    timeout_seconds: float | None = DEFAULT_SECONDS
    """Where the caller gives no deadline; None waits without end."""
    changes_guest: bool = False

    @property
    def full_name(self) -> str:
        """Service and method, as ``grpc.AgentService/GetMetrics``."""
        return f"{self.service}/{self.name}"


_AGENT = "grpc.AgentService"
_HEALTH = "grpc.Health"
_KIB = 1 << 10

CHECK = Method(
    _HEALTH,
    "Check",
    health_pb2.CheckRequest,
    health_pb2.HealthCheckResponse,
    cap_bytes=4 * _KIB,
    timeout_seconds=CHECK_SECONDS,
)
VERSION = Method(
    _HEALTH,
    "Version",
    health_pb2.CheckRequest,
    health_pb2.VersionCheckResponse,
    cap_bytes=4 * _KIB,
)
GET_METRICS = Method(
    _AGENT,
    "GetMetrics",
    agent_pb2.GetMetricsRequest,
    agent_pb2.Metrics,
    cap_bytes=1024 * _KIB,
)
STATS_CONTAINER = Method(
    _AGENT,
    "StatsContainer",
    agent_pb2.StatsContainerRequest,
    agent_pb2.StatsContainerResponse,
    cap_bytes=256 * _KIB,
)
GET_GUEST_DETAILS = Method(
    _AGENT,
    "GetGuestDetails",
    agent_pb2.GuestDetailsRequest,
    agent_pb2.GuestDetailsResponse,
    cap_bytes=64 * _KIB,
)
GET_OOM_EVENT = Method(
    _AGENT,
    "GetOOMEvent",
    agent_pb2.GetOOMEventRequest,
    agent_pb2.OOMEvent,
    cap_bytes=4 * _KIB,
    timeout_seconds=None,
    changes_guest=True,  # the event is taken from whoever else waits for it
)

METHODS = (CHECK, VERSION, GET_METRICS, STATS_CONTAINER, GET_GUEST_DETAILS, GET_OOM_EVENT)
