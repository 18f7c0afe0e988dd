"""``demo``, on stand-ins."""

import asyncio
import resource
from argparse import Namespace
from pathlib import Path

import pytest

from cli_stage import PAGE, Stage, Summary, put_on, terminate
from fake_clock import FakeClock, settle
from kata_exporter.cli import demo
from kata_exporter.cli.main import main
from kata_exporter.errors import ConfigError

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
        "kata-exporter demo: 20 simulated sandboxes, metrics at http://127.0.0.1:9823/metrics"
        " (Ctrl-C ends it)\n"
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
    argv = ["demo", "--sandboxes", "3", "--seed", "9", "--interval", "1m30s"]

    assert main([*argv, "--web.listen-address", ":0", "--log.level", "debug"]) == 0

    assert stage.fleet == {"sandboxes": 3, "seed": 9}
    assert stage.settings is not None
    assert len(stage.settings.sandboxes) == 3
    assert stage.settings.collection.interval_seconds == 90
    assert [str(address) for address in stage.settings.web.listen_addresses] == [":0"]
    assert stage.log == ("debug", "logfmt")


def test_the_file_that_the_environment_names_is_not_the_demos(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KATA_EXPORTER_CONFIG_FILE", "/nowhere")

    assert main(["demo", "--sandboxes", "1"]) == 0

    assert stage.settings is not None
    assert len(stage.settings.sandboxes) == 1


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


def test_a_fleet_that_fails_to_start_is_stopped_and_leaves_nothing_behind(stage: Stage) -> None:
    async def fail() -> None:
        raise OSError("no room")

    stage.on_fleet_start = fail

    with pytest.raises(OSError, match="no room"):
        main(["demo"])
    assert stage.calls == ["fleet.start", "fleet.stop"]
    assert left_behind(stage) == []


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
        ((1024, 4096), [(3128, 4096)]),
        ((1024, NO_LIMIT), [(3128, NO_LIMIT)]),
        ((3128, 3128), []),
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
        "kata-exporter: --sandboxes: so many need 3128 open files, and the limit is 1024:"
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
    stage.summary = Summary(sandboxes=2, up=1, series=480)
    args = Namespace(sandboxes=2, seed=0, interval="2s")
    running = asyncio.create_task(demo._demo(args, clock))
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
        f"kata-exporter demo: 1 of 2 sandboxes up, 480 series, a page of {len(PAGE)} bytes\n"
    )

    running.cancel()
    await asyncio.wait([running])
    assert stage.calls == ALL
