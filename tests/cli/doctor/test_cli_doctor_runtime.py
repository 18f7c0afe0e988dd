"""``doctor`` and the node's container runtime: one that answers, and such as don't."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_run import doctor, found
from grpc_client import grpc_let_go
from kata_exporter.cli.doctor.finding import Verdict
from kata_exporter.cli.doctor.runtime_facts import (
    EventFacts,
    NodeRuntime,
    RuntimeFacts,
    RuntimeSocket,
)
from kata_exporter.cli.doctor.runtime_findings import judge
from kata_exporter.clock import SystemClock
from kata_exporter.simulator import Fleet
from kata_exporter.simulator.host.containerd import SimulatedContainerdEvents
from kata_exporter.simulator.host.cri import SimulatedCri
from kata_exporter.simulator.host.cri_view import CriView
from kata_exporter.simulator.host.grpc_socket import GrpcService, GrpcSocket
from run_program import AS_ONE_WHO_OBEYS_MODES, Ended

SOCKET = RuntimeSocket("/run/containerd/containerd.sock", is_there=True, may_connect=True)
ABSENT = RuntimeSocket("/run/crio/crio.sock", is_there=False, may_connect=False)
CRI = RuntimeFacts(
    (SOCKET,),
    path=SOCKET.path,
    name="containerd",
    version="v2.1.4",
    tells_events=True,
    handlers={"": 3, "kata-qemu": 2},
    kata_pods=2,
)
EVENTS = EventFacts((SOCKET,))


class TestJudgement:
    def test_a_runtime_that_answers_is_told_with_its_handlers(self) -> None:
        cri, events = judge(NodeRuntime(CRI, EVENTS))

        assert (cri.verdict, events.verdict) == (Verdict.OK, Verdict.OK)
        assert cri.summary == (
            "containerd v2.1.4 at /run/containerd/containerd.sock, tells its events to all:"
            " 5 pods ready, 2 of them Kata's; handlers: default (3), kata-qemu (2)"
        )

    def test_one_whose_events_are_the_kubelets_is_listed(self) -> None:
        cri, _ = judge(NodeRuntime(replace(CRI, tells_events=False), EVENTS))

        assert (cri.verdict, "listed, not asked for events" in cri.summary) == (Verdict.OK, True)

    def test_none_and_no_socket_are_told_apart(self) -> None:
        off, off_too = judge(NodeRuntime(RuntimeFacts(()), EventFacts(())))
        gone, gone_too = judge(
            NodeRuntime(RuntimeFacts((ABSENT,), "UNAVAILABLE", "no socket"), EventFacts((ABSENT,)))
        )

        assert [f.verdict for f in (off, off_too, gone_too)] == [Verdict.SKIPPED] * 3
        assert gone.verdict is Verdict.WARNING
        assert "tried: /run/crio/crio.sock" in gone.advice[0]

    @pytest.mark.parametrize(
        ("socket", "code", "what"),
        [
            (replace(SOCKET, may_connect=False), "UNAVAILABLE", "run the exporter as root"),
            (SOCKET, "UNIMPLEMENTED", "disabled_plugins"),
            (SOCKET, "DEADLINE_EXCEEDED", "crictl info"),
        ],
    )
    def test_a_failure_says_what_to_do(self, socket: RuntimeSocket, code: str, what: str) -> None:
        failed = RuntimeFacts((ABSENT, socket), code, "why")

        cri, events = judge(NodeRuntime(failed, EventFacts((socket,), code)))

        assert (cri.verdict, events.verdict) == (Verdict.WARNING, Verdict.WARNING)
        assert what in cri.advice[0]
        assert events.advice == ("see cri above",)


@pytest.fixture
def grpc() -> Iterator[None]:
    with grpc_let_go():
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "r.sock"


@asynccontextmanager
async def serving(path: Path, *services: GrpcService) -> AsyncIterator[None]:
    socket = GrpcSocket(path, services)
    await socket.start()
    try:
        yield
    finally:
        await socket.stop()


def containerd() -> list[GrpcService]:
    events = SimulatedContainerdEvents(SystemClock())
    return [events.service, events.version_service]


async def examine(path: Path, prefix: Sequence[str] = ()) -> Ended:
    argv = [f"--{name}.endpoint=unix://{path}" for name in ("cri", "containerd")]
    return await asyncio.to_thread(
        doctor, "--json", "--discovery.directory=none", *argv, prefix=prefix
    )


@pytest.mark.usefixtures("grpc", "no_task_left")
class TestOnANode:
    async def test_a_fleets_runtime_is_told_with_the_handlers_of_its_pods(
        self, tmp_path: Path
    ) -> None:
        fleet = Fleet(tmp_path / "n", sandboxes=4, serves_runtime=True)
        await fleet.start()
        try:
            ended = await examine(fleet.host.root / "run/containerd/containerd.sock")
        finally:
            await fleet.stop()

        (cri,), (events,) = (found(ended)[check] for check in ("cri", "events"))
        assert (cri["verdict"], events["verdict"]) == ("ok", "ok")
        assert cri["facts"]["version"] == "v2.1.4"
        assert cri["facts"]["handlers"] == {"kata-clh": 1, "kata-dragonball": 1, "kata-remote": 2}
        assert cri["facts"]["kata_pods"] == 4
        assert ended.err == ""

    @pytest.mark.parametrize(
        ("name", "version", "tells"),
        [
            ("containerd", "1.6.20", False),
            ("containerd", "1.7.24", False),
            ("cri-o", "1.33.0", False),
            ("containerd", "v2.0.0", True),
        ],
    )
    async def test_events_of_cri_are_never_taken_from_a_kubelet(
        self, name: str, version: str, path: Path, *, tells: bool
    ) -> None:
        view = CriView(SystemClock())
        asked: list[str] = []

        async def note(method: str) -> None:
            asked.append(method)

        cri = SimulatedCri(view, runtime_name=name, runtime_version=version, before=note)
        async with serving(path, cri.service):
            ended = await examine(path)

        (one,) = found(ended)["cri"]
        assert (one["verdict"], one["facts"]["tells_events"]) == ("ok", tells)
        assert set(asked) == {"Version", "ListPodSandbox"}

    async def test_a_runtime_without_events_is_a_warning_of_its_own(self, path: Path) -> None:
        async with serving(path, SimulatedCri(CriView(SystemClock())).service):
            ended = await examine(path)

        (cri,), (events,) = (found(ended)[check] for check in ("cri", "events"))
        assert (ended.code, cri["verdict"], events["verdict"]) == (1, "ok", "warning")
        assert events["facts"]["code"] == "UNIMPLEMENTED"

    async def test_a_containerd_without_cri_says_which_plugin(self, path: Path) -> None:
        async with serving(path, *containerd()):
            ended = await examine(path)

        (cri,), (events,) = (found(ended)[check] for check in ("cri", "events"))
        assert (cri["verdict"], cri["facts"]["code"]) == ("warning", "UNIMPLEMENTED")
        assert "disabled_plugins" in cri["advice"][0]
        assert events["verdict"] == "ok"

    async def test_a_runtime_that_hangs_is_told_in_time(self, path: Path) -> None:
        over = asyncio.Event()

        async def hang(method: str) -> None:
            del method
            await over.wait()

        cri = SimulatedCri(CriView(SystemClock()), before=hang)
        async with serving(path, cri.service, *containerd()):
            ended = await examine(path)
            over.set()

        (one,) = found(ended)["cri"]
        assert (one["verdict"], one["facts"]["detail"]) == ("warning", "no answer within 5 s")

    async def test_a_socket_without_rights_says_whom_to_be(self, path: Path) -> None:
        prefix = AS_ONE_WHO_OBEYS_MODES if os.geteuid() == 0 else ()
        async with serving(path, SimulatedCri(CriView(SystemClock())).service):
            path.chmod(0)
            ended = await examine(path, prefix)

        (one,) = found(ended)["cri"]
        assert one["advice"] == ["run the exporter as root: the socket is the runtime's"]

    async def test_no_runtime_is_a_warning_that_names_what_was_tried(self, path: Path) -> None:
        by_check = found(await examine(path))

        (cri,), (events,) = by_check["cri"], by_check["events"]
        assert (cri["verdict"], events["verdict"]) == ("warning", "skipped")
        assert str(path) in cri["advice"][0]


def test_an_endpoint_that_can_t_be_one_is_told_as_the_configuration_s() -> None:
    (finding,) = found(doctor("--json", "--cri.endpoint", "tcp://a"))["configuration"]

    assert finding["verdict"] == "problem"
    assert finding["advice"][0].startswith("--cri.endpoint: 'tcp://a' is no endpoint")
