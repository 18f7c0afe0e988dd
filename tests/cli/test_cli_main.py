"""The command line: which command is meant, and how each end of it looks."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from cli_stage import Stage, put_on
from kata_exporter import __version__
from kata_exporter.cli import output
from kata_exporter.cli.main import main


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return put_on(monkeypatch)


def complaints(capsys: pytest.CaptureFixture[str], *argv: str) -> list[str]:
    """Run a command line that is a mistake, and return its lines of standard error."""
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert not captured.out
    return captured.err.splitlines()


def test_version_names_program_version_and_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0

    expected = f"kata-exporter {__version__} (Python {platform.python_version()})\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0

    out = capsys.readouterr().out
    assert all(
        command in out
        for command in (
            "serve",
            "demo",
            "scrape",
            "sandboxes",
            "agent",
            "check-config",
            "metrics",
            "doctor",
        )
    )


@pytest.mark.parametrize(
    "command", ["serve", "demo", "scrape", "sandboxes", "agent", "check-config", "metrics"]
)
def test_each_command_has_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0

    assert capsys.readouterr().out.startswith(f"usage: kata-exporter {command} ")


@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        (["serv"], ["unknown command 'serv'; did you mean 'serve'? (see kata-exporter --help)"]),
        (
            ["zzz"],
            [
                (
                    "unknown command 'zzz'; it is one of serve, demo, scrape, sandboxes, agent, check-config, metrics, doctor"
                    " (see kata-exporter --help)"
                )
            ],
        ),
        (
            ["--log.levle", "debug"],
            [
                "unknown flag '--log.levle'; did you mean '--log.level'? (see kata-exporter serve --help)"
            ],
        ),
        (
            ["--confg.file=x", "--log.lvl", "y"],
            [
                (
                    "unknown flag '--confg.file'; did you mean '--config.file'?"
                    " (see kata-exporter serve --help)"
                ),
                (
                    "unknown flag '--log.lvl'; did you mean '--log.level'?"
                    " (see kata-exporter serve --help)"
                ),
            ],
        ),
        (
            ["--log.level", "debug", "demo"],
            [
                (
                    "'demo' comes too late: a command stands before its flags"
                    " (see kata-exporter serve --help)"
                )
            ],
        ),
        (["demo", "x"], ["'x' is one argument too many (see kata-exporter demo --help)"]),
        (
            ["--config.file"],
            ["--config.file: expected one argument (see kata-exporter serve --help)"],
        ),
        (
            ["--config.file="],
            [
                (
                    "--config.file: is empty: name a file, or leave the flag out"
                    " (see kata-exporter serve --help)"
                )
            ],
        ),
        (["scrape"], ["scrape asks once and ends: add --once (for more, run serve)"]),
        (
            ["demo", "--sandboxes", "0"],
            ["--sandboxes: must be a whole number from 1 to 1000 (see kata-exporter demo --help)"],
        ),
        (
            ["demo", "--seed", "x"],
            ["--seed: must be a whole number of 18 digits at most (see kata-exporter demo --help)"],
        ),
        (
            ["demo", "--interval", "5"],
            [
                (
                    "--interval: '5' has no unit: write a duration such as 15s or 500ms"
                    " (see kata-exporter demo --help)"
                )
            ],
        ),
        (
            ["demo", "--interval", "10ms"],
            ["--interval: must be from 1s to 1d (see kata-exporter demo --help)"],
        ),
        (
            ["demo", "--config.file", "x"],
            [
                (
                    "unknown flag '--config.file'; it is one of --help, --sandboxes, --scenario,"
                    " --agents-only, --seed, --interval, --web.listen-address, --log.level, --log.format (see kata-exporter demo --help)"
                )
            ],
        ),
    ],
)
def test_a_wrong_command_line_is_told_in_a_line_for_each_mistake(
    argv: list[str], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaints(capsys, *argv) == [f"kata-exporter: {line}" for line in lines]


@pytest.mark.usefixtures("stage")
def test_a_wrong_value_is_told_by_whoever_reads_the_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert complaints(capsys, "--log.level", "loud", "--web.listen-address", "9823") == [
        (
            "kata-exporter: --web.listen-address: '9823' has no port: write it as 127.0.0.1:9823,"
            " [::1]:9823, or :9823 for all interfaces"
        ),
        (
            "kata-exporter: --log.level: 'loud' is not a choice:"
            " write one of debug, info, warn, error"
        ),
    ]


@pytest.mark.usefixtures("stage")
def test_each_mistake_of_a_file_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("typo: 1\ncollection: {interval: 5}\n")

    lines = complaints(capsys, "serve", "--config.file", str(path))

    assert len(lines) == 2
    assert lines[0].startswith(f"kata-exporter: {path}:1: typo: unknown key")
    assert lines[1].startswith(f"kata-exporter: {path}:2: collection.interval: '5' has no unit")


@pytest.mark.usefixtures("stage")
def test_a_missing_file_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = complaints(capsys, "--config.file", str(tmp_path / "c.yaml"))

    assert line.endswith("c.yaml: can't be read: No such file or directory: check the path")


def test_what_nobody_expected_is_raised(stage: Stage) -> None:
    async def fail() -> None:
        raise RuntimeError("a bug")

    stage.on_start = fail

    with pytest.raises(RuntimeError, match="a bug"):
        main(["serve"])
    assert stage.calls == ["start", "stop"]


def test_an_interrupt_before_anything_runs_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(output, "flush", interrupt)

    assert main(["--version"]) == 130


def run_program(
    *argv: str, stdout: int, unbuffered: str = ""
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "kata_exporter", *argv],
        check=False,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=30,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )


def test_python_m_runs_the_program() -> None:
    done = run_program("--version", stdout=subprocess.PIPE)

    assert done.returncode == 0
    assert done.stdout.startswith(b"kata-exporter ")


def test_a_mistake_leaves_no_traceback() -> None:
    done = run_program("nonsense", stdout=subprocess.PIPE)

    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_is_no_failure(unbuffered: str) -> None:
    """As with ``kata-exporter --help | head -0``."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = run_program("--help", stdout=write_end, unbuffered=unbuffered)
    finally:
        os.close(write_end)

    assert done.returncode == 0
    assert done.stderr == b""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_one_line_and_a_failure(unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run_program("--version", stdout=full.fileno(), unbuffered=unbuffered)

    assert done.returncode == 1
    assert done.stderr == b"kata-exporter: standard output: No space left on device\n"


def test_help_imports_neither_event_loop_nor_yaml() -> None:
    """They would make up most of the time that it takes."""
    code = (
        "import sys; from kata_exporter.cli.main import main; main(['--help']);"
        " sys.exit(bool({'asyncio', 'yaml', 'aiohttp', 'opentelemetry'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, timeout=30
    )

    assert done.returncode == 0, done.stderr
