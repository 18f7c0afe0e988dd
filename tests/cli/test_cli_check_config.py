"""``check-config``: what it says of each file, and what it ends with."""

import os
from pathlib import Path

import pytest

from kata_exporter.cli.main import main
from kata_exporter.config.keys import BY_FLAG

BOX = "sandboxes:\n- {{id: {id}, agent_url: '{url}'}}\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("KATA_EXPORTER_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "c.yaml"
    path.write_text(BOX.format(id="box-a", url="unix:///a"))
    return path


def check(config: Path, *argv: str) -> int:
    return main(["check-config", "--config.file", str(config), *argv])


def test_each_file_is_told_with_its_sandboxes(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = config.parent / "sandboxes.d"
    folder.mkdir()
    (folder / "b.yaml").write_text(
        "sandboxes: [{id: box-b, agent_url: 'unix:///b'}, {id: box-c, agent_url: 'unix:///c'}]\n"
    )
    (folder / "empty.yaml").touch()

    assert check(config, "--strict") == 0

    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{config}: valid, 1 sandbox",
        f"{folder}/b.yaml: valid, 2 sandboxes",
        f"{folder}/empty.yaml: valid, 0 sandboxes",
    ]
    assert err == ""


def test_without_a_file_the_defaults_are_valid(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del config
    assert main(["check-config", "--strict"]) == 0

    assert capsys.readouterr() == ("no configuration file: valid, 0 sandboxes\n", "")


def test_errors_of_files_flags_and_environment_are_those_of_serve_and_give_2(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("typo: 1\n")
    monkeypatch.setenv("KATA_EXPORTER_LOG_LEVEL", "loud")

    assert check(config, "--discovery.directory", "x") == 2

    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        f"{config}:1",
        "--discovery.directory",
        "KATA_EXPORTER_LOG_LEVEL",
    ]
    assert main(["serve", "--config.file", str(config), "--discovery.directory", "x"]) == 2
    assert capsys.readouterr().err == err


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            BOX.format(id="box-a", url="tcp://a"),
            ":2: box-a will show as rejected: agent URL 'tcp://a': unknown scheme 'tcp'",
        ),
        (
            BOX.format(id="box-a", url="unix:///a") + "- {id: box-b, agent_url: 'unix:///a'}\n",
            ":3: box-b has the agent URL of box-a (",
        ),
        ("sandboxes_directory: missing\n", "missing: isn't there"),
    ],
)
def test_a_warning_is_told_and_gives_0_or_if_strict_1(
    text: str, warning: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(text)

    assert check(config) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{config}: valid, ")
    (line,) = err.splitlines()
    assert line.startswith(f"kata-exporter: warning: {config.parent}/")
    assert warning in line

    assert check(config, "--strict") == 1


def test_a_variable_that_seems_to_be_ours_is_a_warning_too(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KATA_EXPORTER_LOG_LEVLE", "debug")

    assert check(config) == 0
    assert check(config, "--strict") == 1

    assert capsys.readouterr().err.count("KATA_EXPORTER_LOG_LEVLE: unknown") == 2


@pytest.mark.usefixtures("config")
def test_tracing_that_serve_would_refuse_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")

    assert main(["check-config"]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kata-exporter: OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' is not a URL")


VALUES = {
    "config.sandboxes-directory": ["--config.sandboxes-directory=more"],
    "collector.guest_metrics": ["--no-collector.guest_metrics"],
    "collector.container_stats": ["--collector.container_stats"],
    "discovery.directory": ["--discovery.directory=none"],
    "discovery.agent-root": ["--discovery.agent-root=/vm"],
    "cri.endpoint": ["--cri.endpoint=none"],
    "containerd.endpoint": ["--containerd.endpoint=none"],
    "web.listen-address": ["--web.listen-address=:1"],
    "web.enable-lifecycle": ["--web.enable-lifecycle"],
    "web.admin-socket": ["--web.admin-socket=/run/admin.sock"],
    "log.level": ["--log.level=warn"],
    "log.format": ["--log.format=json"],
    "trace.console": ["--trace.console"],
}


def test_every_flag_of_serve_has_a_value_here() -> None:
    assert set(VALUES) == set(BY_FLAG)


@pytest.mark.parametrize("flag", sorted(VALUES))
def test_every_flag_of_serve_is_taken(flag: str, config: Path) -> None:
    assert check(config, *VALUES[flag]) == 0
