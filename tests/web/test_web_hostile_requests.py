"""H4: what a scraper asks for is looked up, and never becomes a path on the node."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent.parent / "support"

CHILD = """
import asyncio, json, sys
from dataclasses import replace
from fake_clock import FakeClock
from kata_exporter.app import Exporter
from kata_exporter.config.settings import ListenAddress, StaticSandbox, WebSettings
from rig import ALONE
from kata_exporter.telemetry.logs import configure_logging

PATHS = json.loads(sys.stdin.read())
FILES = ("open", "os.", "pathlib.", "glob.", "shutil.", "tempfile.")

async def get(address, path):
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = b"GET " + path.encode("latin-1") + b" HTTP/1.1\\\\r\\\\nHost: x\\\\r\\\\nConnection: close\\\\r\\\\n\\\\r\\\\n"
    writer.write(head)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split(b" ", 2)[1])

async def main():
    configure_logging("info", "logfmt")
    # The clock stands, so that the page is rendered once and /proc isn't read for it again.
    exporter = Exporter(
        replace(
            ALONE,
            web=WebSettings((ListenAddress("127.0.0.1", 0),)),
            sandboxes=(StaticSandbox("box-a", "vsock://3"),),
        ),
        environ={},
        clock=FakeClock(),
    )
    await exporter.start()
    (address,) = exporter.addresses
    for warm_up in ("/metrics", "/nowhere"):
        await get(address, warm_up)
    calls = []
    sys.addaudithook(
        lambda event, args: calls.append([event, repr(args)]) if event.startswith(FILES) else None
    )
    statuses = [await get(address, path) for path in PATHS]
    seen = list(calls)
    with open("/dev/null"):
        pass
    print(json.dumps({"statuses": statuses, "calls": seen, "hooked": len(calls) > len(seen)}))
    await exporter.stop()

asyncio.run(main())
"""


def asked(paths: list[str]) -> dict[str, object]:
    """Have a process of its own answer requests; return statuses, and its calls on files."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.replace("\\\\", "\\")],
        check=False,
        input=json.dumps(paths),
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, object] = json.loads(done.stdout)
    return outcome


IDS = [
    "../../x",
    "..%2f..%2fx",
    "%2e%2e/%2e%2e/etc/passwd",
    "/etc/passwd",
    "box-a%00/../x",
    "%00",
    "\xff\xfe",
    "x" * 4096,
    "%2e" * 1365,
    "",
]


@pytest.mark.parametrize("where", ["/metrics?sandbox={}", "/metrics?sandbox=box-a&sandbox={}"])
def test_h4_no_id_that_is_asked_for_makes_a_call_on_files(where: str) -> None:
    outcome = asked([where.format(id_) for id_ in IDS])

    statuses = outcome["statuses"]
    assert isinstance(statuses, list)
    assert len(statuses) == len(IDS)
    assert set(statuses) <= {200, 400}
    assert outcome["calls"] == []
    assert outcome["hooked"] is True


def test_h4_no_path_that_is_asked_for_makes_a_call_on_files() -> None:
    folders = ("/", "/metrics/", "/api/v1/sandboxes/")
    outcome = asked([folder + id_ for folder in folders for id_ in IDS if id_])

    statuses = outcome["statuses"]
    assert isinstance(statuses, list)
    assert set(statuses) <= {400, 404}
    assert outcome["calls"] == []
    assert outcome["hooked"] is True
