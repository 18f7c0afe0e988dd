"""Whose samples are whose: an id, an address or a name that comes again inherits nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kata_exporter._pb import agent_pb2, health_pb2
from kata_exporter.app import Exporter
from kata_exporter.clock import SystemClock
from kata_exporter.config.settings import (
    CollectionSettings,
    ListenAddress,
    WebSettings,
)
from kata_exporter.model import (
    Announcement,
    Container,
    Pod,
    Runtime,
    SandboxGone,
    SandboxSeen,
    TellDiscovery,
)
from kata_exporter.sockets import Dialer, bind_unix, connect_unix
from kata_exporter.ttrpc import Server, ServerRequest
from promtool import check_metrics
from rig import ALONE, samples, states, up
from waiting import soon

SOURCE = "directory:/run/kata"
CID = 77
LOAD = '# TYPE kata_guest_load gauge\nkata_guest_load{{item="load1"}} {}\n'


class Vm:
    """A VM at a CID: its agent says how loaded it is, and may be held up before it says so."""

    def __init__(self, path: Path, load: float) -> None:
        self.path = path
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked = asyncio.Event()
        self.connections = 0
        self._load = load
        self._server = Server(self._answer, clock=SystemClock())

    async def start(self) -> None:
        await self._server.serve(bind_unix(str(self.path)))

    async def end(self) -> None:
        await self._server.aclose()
        self.path.unlink(missing_ok=True)

    async def _answer(self, request: ServerRequest) -> bytes:
        match request.method:
            case "Version":
                return health_pb2.VersionCheckResponse(agent_version="4.1.0").SerializeToString()
            case "GetMetrics":
                self.asked.set()
                await self.answers.wait()
                return agent_pb2.Metrics(metrics=LOAD.format(self._load)).SerializeToString()
        raise AssertionError(f"{request.method} was not to be asked")


class Node:
    """CIDs and the VMs behind them; a source of discovery that a test speaks for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        self.at: dict[int, Vm] = {}
        self.vms: list[Vm] = []
        self.tell: TellDiscovery = lambda _event: None

    def watch(self, tell: TellDiscovery) -> None:
        self.tell = tell

    async def aclose(self) -> None:
        self.tell = lambda _event: None

    async def boot(self, cid: int, load: float) -> Vm:
        """Have a new VM at a CID, whoever was there before."""
        self._made += 1
        vm = Vm(self._folder / f"{self._made}.sock", load)
        await vm.start()
        self.vms.append(vm)
        self.at[cid] = vm
        return vm

    async def connect(self, cid: int, port: int) -> socket.socket:
        assert port == 1024
        self.at[cid].connections += 1
        return await connect_unix(str(self.at[cid].path))


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Node, Exporter]]:
    node = Node(folder)
    settings = replace(
        ALONE,
        collection=CollectionSettings(interval_seconds=1.0),
        web=WebSettings((ListenAddress("127.0.0.1", 0),)),
    )
    exporter = Exporter(
        settings, sources=[node], dialer=Dialer(vsock_connect=node.connect), environ={}
    )
    try:
        await exporter.start()
        yield node, exporter
    finally:
        await exporter.stop()
        for vm in node.vms:
            await vm.end()


def seen(sandbox_id: str, *, birth: str = "first", cid: int = CID, pod: str = "") -> SandboxSeen:
    return SandboxSeen(
        SOURCE,
        sandbox_id,
        f"vsock://{cid}:1024",
        birth,
        Runtime.RUST,
        Pod("shop", pod) if pod else Pod(),
        announced=Announcement(),
    )


def loads(exporter: Exporter) -> list[str]:
    return samples(exporter.render().decode(), "kata_guest_load1")


async def test_fault_27_an_answer_of_the_vm_that_had_the_cid_before_is_discarded(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (node, exporter):
        old = await node.boot(CID, 1.0)
        old.answers.clear()
        node.tell(seen("box-a"))
        await old.asked.wait()

        await node.boot(CID, 2.0)
        node.tell(SandboxGone(SOURCE, "box-a"))
        node.tell(seen("box-b"))
        old.answers.set()

        await soon(lambda: loads(exporter))
        assert loads(exporter) == ['kata_guest_load1{sandbox_id="box-b",namespace="",pod=""} 2.0']
        assert up(exporter.render().decode()) == {"box-b": "1"}


async def test_h6_a_vm_that_comes_back_under_its_id_and_cid_inherits_nothing(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (node, exporter):
        old = await node.boot(CID, 1.0)
        node.tell(seen("box-a"))
        await soon(lambda: loads(exporter))

        new = await node.boot(CID, 2.0)
        new.answers.clear()
        node.tell(seen("box-a", birth="second"))
        assert loads(exporter) == []
        assert states(exporter.render().decode()) == {"box-a": "pending"}

        new.answers.set()
        await soon(lambda: loads(exporter))
        assert loads(exporter)[0].endswith(" 2.0")
        assert (old.connections, new.connections) == (1, 1)


async def test_h6_a_cid_that_two_sandboxes_claim_is_asked_for_neither(tmp_path: Path) -> None:
    async with running(tmp_path) as (node, exporter):
        vm = await node.boot(CID, 1.0)
        node.tell(seen("box-a"))
        node.tell(seen("box-b"))

        await soon(
            lambda: states(exporter.render().decode()) == {"box-a": "rejected", "box-b": "rejected"}
        )
        assert loads(exporter) == []
        assert vm.connections == 0

        node.tell(SandboxGone(SOURCE, "box-b"))
        await soon(lambda: loads(exporter))
        assert up(exporter.render().decode()) == {"box-a": "1"}


async def test_fault_26_a_vm_that_is_killed_in_mid_scrape_is_off_the_page_with_its_sandbox(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (node, exporter):
        vm = await node.boot(CID, 1.0)
        node.tell(seen("box-a"))
        await soon(lambda: loads(exporter))
        vm.answers.clear()
        vm.asked.clear()
        await vm.asked.wait()

        await vm.end()  # the connection breaks while an answer is awaited
        await soon(lambda: states(exporter.render().decode()) == {"box-a": "closed"})
        node.tell(SandboxGone(SOURCE, "box-a"))

        page = exporter.render().decode()
        assert "box-a" not in page
        assert exporter.summary().sandboxes == 0


async def test_h1_names_of_pods_with_quotes_newlines_and_other_directions_stay_one_label(
    tmp_path: Path,
) -> None:
    names = [
        'web"} 1\nkata_sandbox_up{sandbox_id="forged',
        "back\\slash",
        "two\nlines\r\n",
        "\u202eright-to-left\u202c",
        "x" * 253,
        "\x00\x1b[2J",
    ]
    async with running(tmp_path) as (node, exporter):
        for number, name in enumerate(names):
            await node.boot(CID + number, 1.0)
            node.tell(
                SandboxSeen(
                    "cri",
                    f"box-{number}",
                    f"vsock://{CID + number}:1024",
                    "first",
                    pod=Pod(name, name, name, name, {name: name}),
                    containers=(Container(f"box-{number}", name, name),),
                )
            )
        await soon(lambda: len(loads(exporter)) == len(names))

        page = exporter.render()
        assert check_metrics(page) == ""
        assert set(up(page.decode())) == {f"box-{number}" for number in range(len(names))}
        assert len(samples(page.decode(), "kata_sandbox_up")) == len(names)
