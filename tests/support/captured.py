"""Answers of a real agent, as the payloads that stood on the wire."""

import json
from pathlib import Path
from typing import Any

from kata_exporter._pb import agent_pb2, health_pb2

DATA = Path(__file__).parent.parent / "data"
CGROUP2 = DATA / "guest-vm-cgroup2"

STATS = sorted(path.relative_to(DATA).as_posix() for path in DATA.glob("*/statscontainer*.bin"))
METRICS = sorted(path.relative_to(DATA).as_posix() for path in DATA.glob("*/getmetrics*.txt"))

_BASIC = json.loads((CGROUP2 / "basic.json").read_text())

CHECK = bytes.fromhex(_BASIC["check"]["raw"])
GUEST_DETAILS = bytes.fromhex(_BASIC["guestdetails"]["raw"])
VERSION = health_pb2.VersionCheckResponse(
    grpc_version=_BASIC["version"]["msg"]["grpcVersion"],
    agent_version=_BASIC["version"]["msg"]["agentVersion"],
).SerializeToString()


def error(name: str) -> tuple[int, str]:
    """Code and message of a call that was refused."""
    answer = _BASIC[name]
    return answer["code"], answer["message"]


def stats(name: str) -> bytes:
    """The raw answer of StatsContainer."""
    return (DATA / name).read_bytes()


def stats_json(name: str) -> dict[str, Any]:
    """The same answer as another decoder read it."""
    document = json.loads((DATA / name).with_suffix(".json").read_text())
    cgroup: dict[str, Any] = document.get("stats", document)["cgroupStats"]
    return cgroup


def metrics_text(name: str) -> str:
    """The text of GetMetrics."""
    return (DATA / name).read_text()


def metrics(name: str) -> bytes:
    """The answer of GetMetrics."""
    return agent_pb2.Metrics(metrics=metrics_text(name)).SerializeToString()
