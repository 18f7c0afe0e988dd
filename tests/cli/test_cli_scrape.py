"""``scrape --once``, on stand-ins."""

import asyncio
from pathlib import Path

import pytest

from cli_stage import PAGE, Stage, Summary, put_on, terminate
from kata_exporter.cli.main import main


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return put_on(monkeypatch)


@pytest.fixture
def argv(tmp_path: Path) -> list[str]:
    path = tmp_path / "c.yaml"
    path.write_text("sandboxes: [{id: demo-1, agent_url: 'unix:///a'}]\n")
    return ["scrape", "--once", "--config.file", str(path)]


def test_the_page_is_printed_and_0_means_that_every_sandbox_is_up(
    stage: Stage, argv: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    stage.summary = Summary(sandboxes=2, up=2, by_reason={"ok": 1, "policy_blocked": 1})

    assert main(argv) == 0

    assert capfdbinary.readouterr() == (PAGE, b"")
    assert stage.calls == ["collect_once", "stop"]


def test_sandboxes_that_are_not_up_are_counted_by_reason_and_give_1(
    stage: Stage, argv: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    stage.summary = Summary(20, 16, {"ok": 16, "timeout": 1, "connect_failed": 3, "dead": 0})

    assert main(argv) == 1

    out, err = capfd.readouterr()
    assert out.encode() == PAGE
    assert err == ("kata-exporter: 4 of 20 sandboxes are not up: 3 connect_failed, 1 timeout\n")


def test_having_no_sandboxes_is_said_and_no_failure(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["scrape", "--once"]) == 0

    assert stage.calls == ["collect_once", "stop"]
    assert "none are configured, and none were found" in capfd.readouterr().err


def test_a_signal_before_the_end_prints_no_page_and_gives_130(
    stage: Stage, argv: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    async def be_interrupted() -> None:
        await terminate()
        await asyncio.Event().wait()

    stage.on_start = be_interrupted

    assert main(argv) == 130
    assert capfd.readouterr().out == ""
    assert stage.calls == ["collect_once", "stop"]
