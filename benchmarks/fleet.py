"""The fleet that is measured on: its names and sockets, its configuration, its agents' answers.

Every agent gives the same answers: the text that a real agent gave for a host of 511 samples, and
the statistics of one container.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from kata_exporter._pb import agent_pb2, health_pb2

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "host-cgroup1"
AGENT_VERSION = "4.1.0"
INTERVAL_SECONDS = 15
"""The default, as operators have it."""
CONCURRENCY = 64
"""The default."""
USUAL_LANE = 48
"""How many sandboxes the exporter asks at once with it; a quarter is kept for slow ones."""


@dataclass(frozen=True, slots=True)
class CannedFleet:
    """Sandboxes numbered from 0, with sockets in a folder; the last `hung` never answer.

    `interval_seconds` is how often the exporter asks each.
    """

    folder: Path
    sandboxes: int
    hung: int = 0
    interval_seconds: int = INTERVAL_SECONDS

    @property
    def answering(self) -> int:
        """How many answer."""
        return self.sandboxes - self.hung

    def place(self) -> dict[str, object]:
        """Return what another process needs to find it."""
        return {"folder": str(self.folder), "sandboxes": self.sandboxes, "hung": self.hung}

    def socket_path(self, number: int) -> Path:
        """Return where the agent of a sandbox listens."""
        return self.folder / f"{number}.sock"

    def write_config(self, path: Path) -> None:
        """Write the exporter's configuration: ids and names as long as Kubernetes makes them."""
        entries = [
            {
                "id": f"{number:064x}",
                "agent_url": f"unix://{self.socket_path(number)}",
                "pod": {
                    "namespace": f"team-{number % 10}",
                    "name": f"web-7d4b9c6f5d-{number:05x}",
                    "uid": f"00000000-0000-4000-8000-{number:012x}",
                },
                "containers": [{"id": container_id(number), "name": "app"}],
            }
            for number in range(self.sandboxes)
        ]
        collection = {"interval": f"{self.interval_seconds}s", "concurrency": CONCURRENCY}
        path.write_text(yaml.safe_dump({"collection": collection, "sandboxes": entries}))


def container_id(number: int) -> str:
    """Return the id of a sandbox's one container."""
    return f"{number + (1 << 255):064x}"


def captured_text() -> str:
    """Return the text of GetMetrics, format 0.0.4."""
    return (DATA / "getmetrics.txt").read_text()


def canned_answers() -> Mapping[str, bytes]:
    """Return the payload of each method's answer."""
    version = health_pb2.VersionCheckResponse(grpc_version="0.0.1", agent_version=AGENT_VERSION)
    return {
        "Check": health_pb2.HealthCheckResponse(status="SERVING").SerializeToString(),
        "Version": version.SerializeToString(),
        "GetMetrics": agent_pb2.Metrics(metrics=captured_text()).SerializeToString(),
        "StatsContainer": (DATA / "statscontainer.bin").read_bytes(),
    }
