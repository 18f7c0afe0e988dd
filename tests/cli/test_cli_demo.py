"""``demo``, on stand-ins."""

import asyncio
import errno
import resource
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from cli_stage import PAGE, Stage, Summary, put_on, terminate
from fake_clock import FakeClock, settle
from kata_exporter.cli.main import main
from kata_exporter.cli.simulation import demonstrate
from kata_exporter.errors import ConfigError
from kata_exporter.simulator import KINDS, Scenario

ALL = ["fleet.start", "start", "stop", "fleet.stop"]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = put_on(monkeypatch)
    stage.on_start = terminate
    return stage


def left_behind(stage: Stage) -> list[Path]:
    assert stage.folder is not None
    return list(stage.folder.parent.glob(f"{stage.folder.name}*"))


def test_a_signal_ends_the_demo_with_0_and_leaves_nothing_behind(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo"]) == 0

    assert stage.calls == ALL
    assert left_behind(stage) == []
    assert capsys.readouterr().out == (
        "kata-exporter demo: 20 simulated sandboxes (calm), metrics at"
        " http://127.0.0.1:9823/metrics (Ctrl-C ends it)\n"
    )


def test_the_folder_of_the_demo_is_private(stage: Stage) -> None:
    modes: list[int] = []

    async def look() -> None:
        assert stage.folder is not None
        modes.append(stage.folder.stat().st_mode & 0o777)

    stage.on_fleet_start = look

    assert main(["demo"]) == 0
    assert modes == [0o700]


def test_flags_reach_the_fleet_and_the_settings(stage: Stage) -> None:
    argv = ["demo", "--sandboxes", "3", "--seed", "9", "--interval", "1m30s", "--scenario", "oom"]

    assert main([*argv, "--web.listen-address", ":0", "--log.level", "debug"]) == 0

    assert (stage.fleet["sandboxes"], stage.fleet["seed"]) == (3, 9)
    assert stage.fleet["kinds"] == KINDS[Scenario.OOM]
    assert stage.settings is not None
    assert stage.settings.sandboxes == ()
    assert stage.sources == (), "the exporter finds the fleet as it would on a node"
    assert stage.fleet["serves_runtime"] is True
    assert stage.settings.collection.interval_seconds == 90
    assert [str(address) for address in stage.settings.web.listen_addresses] == [":0"]
    assert stage.log == ("debug", "logfmt")


def test_the_file_that_the_environment_names_is_not_the_demos(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KATA_EXPORTER_CONFIG_FILE", "/nowhere")

    assert main(["demo", "--sandboxes", "1"]) == 0

    assert stage.settings is not None
    assert stage.settings.collection.interval_seconds == 2


def test_a_port_in_use_is_one_line_and_2_and_leaves_nothing_behind(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse() -> None:
        raise ConfigError("127.0.0.1:9823: in use")

    stage.on_start = refuse

    assert main(["demo"]) == 2
    assert capsys.readouterr().err == "kata-exporter: 127.0.0.1:9823: in use\n"
    assert stage.calls == ALL
    assert left_behind(stage) == []


def test_a_fleet_that_fails_to_start_is_one_line_and_2_and_leaves_nothing_behind(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail() -> None:
        raise OSError(errno.ENOSPC, "no room", "/run/a.sock")

    stage.on_fleet_start = fail

    assert main(["demo"]) == 2
    assert stage.calls == ["fleet.start", "fleet.stop"]
    assert left_behind(stage) == []
    assert capsys.readouterr().err == (
        "kata-exporter: can't simulate a sandbox: no room: /run/a.sock\n"
    )


def test_a_signal_while_the_fleet_starts_ends_the_demo_with_0(stage: Stage) -> None:
    async def be_interrupted() -> None:
        await terminate()
        await asyncio.Event().wait()

    stage.on_fleet_start = be_interrupted

    assert main(["demo"]) == 0
    assert stage.calls == ["fleet.start", "fleet.stop"]
    assert left_behind(stage) == []


NO_LIMIT = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ((1024, 8192), [(6128, 8192)]),
        ((1024, NO_LIMIT), [(6128, NO_LIMIT)]),
        ((6128, 6128), []),
        ((NO_LIMIT, NO_LIMIT), []),
    ],
)
@pytest.mark.usefixtures("stage")
def test_the_limit_of_open_files_is_raised_where_it_is_too_low(
    limits: tuple[int, int], raised: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, wanted: found.append(wanted))

    assert main(["demo", "--sandboxes", "1000"]) == 0
    assert found == raised


def test_a_limit_of_open_files_that_cannot_be_raised_is_one_line_and_2(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (1024, 1024))

    assert main(["demo", "--sandboxes", "1000"]) == 2
    assert stage.calls == []
    assert capsys.readouterr().err == (
        "kata-exporter: --sandboxes: so many need 6128 open files, and the limit is 1024:"
        " simulate fewer, or raise it with ulimit -n\n"
    )


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("0.0.0.0:9823", "http://127.0.0.1:9823/metrics"),
        ("[::]:9823", "http://[::1]:9823/metrics"),
        ("[fe80::1]:1", "http://[fe80::1]:1/metrics"),
    ],
)
def test_the_address_that_is_shown_can_be_opened(
    address: str, shown: str, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.addresses = (address,)

    assert main(["demo"]) == 0
    assert f"metrics at {shown} (" in capsys.readouterr().out


async def test_a_line_of_status_is_printed_every_ten_seconds(
    stage: Stage, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    started = asyncio.Event()

    async def start() -> None:
        started.set()

    stage.on_start = start
    stage.summary = Summary(
        sandboxes=5, up=2, by_reason={"ok": 2, "closed": 1, "timeout": 2}, series=480
    )
    args = Namespace(sandboxes=2, seed=0, interval="2s", scenario=Scenario.CALM, agents_only=None)
    running = asyncio.create_task(demonstrate(args, clock))
    await started.wait()
    await settle()
    capsys.readouterr()

    await clock.run_for(9)
    assert capsys.readouterr().out == ""
    await clock.run_for(1)
    line = capsys.readouterr().out
    await clock.run_for(10)
    assert capsys.readouterr().out == line
    assert line == (
        "kata-exporter demo: 2 of 5 sandboxes up (2 timeout, 1 closed), 480 series,"
        f" a page of {len(PAGE)} bytes\n"
    )

    running.cancel()
    await asyncio.wait([running])
    assert stage.calls == ALL


def test_an_unknown_scenario_is_one_line_and_2(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--scenario", "clam"]) == 2
    assert stage.calls == []
    assert capsys.readouterr().err == (
        "kata-exporter: --scenario: 'clam' is not a choice: write one of calm, busy, oom, faults,"
        " churn (see kata-exporter demo --help)\n"
    )


def test_help_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--help"]) == 0

    said = capsys.readouterr().out
    assert all(scenario in said for scenario in Scenario)


def test_what_happens_is_told_as_it_happens(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    async def happen(tell: Callable[[str], object]) -> None:
        tell("shop/web-1 lost its VM")
        await terminate()

    stage.on_start = _start
    stage.on_happening = happen

    assert main(["demo", "--scenario", "churn", "--seed", "4"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "kata-exporter demo:   shop/web-1 lost its VM"
    )
    assert (stage.director["scenario"], stage.director["seed"]) == (Scenario.CHURN, 4)


def test_a_sandbox_that_cannot_come_later_ends_the_demo_with_one_line_and_2(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    async def happen(_tell: Callable[[str], object]) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    stage.on_start = _start
    stage.on_happening = happen

    assert main(["demo", "--scenario", "churn"]) == 2
    assert stage.calls == ALL
    assert capsys.readouterr().err == (
        f"kata-exporter: can't simulate a sandbox: Too many open files: {stage.folder}\n"
    )


async def _start() -> None:
    """Start, and go on."""


@pytest.mark.parametrize("is_there", [False, True])
def test_agents_only_starts_no_exporter_and_leaves_the_folder_as_it_was(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_there: bool
) -> None:
    folder = tmp_path / "host"
    if is_there:
        folder.mkdir()
    configs: list[str] = []

    async def happen(_tell: Callable[[str], object]) -> None:
        configs.append((folder / "kata-exporter.yaml").read_text())
        await terminate()

    stage.on_happening = happen

    assert main(["demo", "--agents-only", str(folder), "--interval", "9s"]) == 0
    assert stage.calls == ["fleet.start", "fleet.stop"]
    assert stage.fleet["serves_runtime"] is True
    assert configs == ["collection: {interval: 9s}\n"]
    assert folder.exists() == is_there
    said = capsys.readouterr().out
    assert f"20 simulated sandboxes (calm) in {folder}, for another exporter" in said
    assert f"kata-exporter serve --config.file {folder}/kata-exporter.yaml" in said


def test_agents_only_leaves_a_folder_alone_that_is_in_use(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("somebody else's")

    assert main(["demo", "--agents-only", str(tmp_path)]) == 2
    assert stage.calls == []
    assert capsys.readouterr().err == (
        f"kata-exporter: --agents-only: {tmp_path} is not empty: name a new folder\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_agents_only_says_why_a_folder_cannot_be_made(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")

    assert main(["demo", "--agents-only", str(tmp_path / "file" / "host")]) == 2
    assert stage.calls == []
    assert capsys.readouterr().err == (
        f"kata-exporter: --agents-only: {tmp_path}/file/host: Not a directory\n"
    )


def test_agents_only_takes_no_address_to_listen_on(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["demo", "--agents-only", str(tmp_path), "--web.listen-address", ":0"]

    assert main(argv) == 2
    assert stage.calls == []
    assert capsys.readouterr().err == (
        "kata-exporter: --agents-only starts no exporter: leave out --web.listen-address\n"
    )
