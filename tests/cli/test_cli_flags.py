"""Flags that are settings: which command has them, and what the environment may say for one."""

from pathlib import Path

import pytest

from cli_stage import Stage, put_on, terminate
from kata_exporter.cli import flags
from kata_exporter.cli.main import main
from kata_exporter.cli.parser import Parser
from kata_exporter.config.keys import BY_FLAG
from kata_exporter.config.load import CONFIG_FILE_FLAG

GIVEN = [
    "--discovery.directory",
    "/a",
    "--discovery.directory=/b",
    "--discovery.agent-root",
    "/vm",
    "--config.sandboxes-directory",
    "more",
]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = put_on(monkeypatch)
    stage.on_start = terminate
    return stage


@pytest.mark.parametrize("command", [["serve"], ["scrape", "--once"]])
def test_serve_and_scrape_take_where_sandboxes_are_found(command: list[str], stage: Stage) -> None:
    main([*command, *GIVEN])

    assert stage.settings is not None
    assert stage.settings.discovery.directories == ("/a", "/b")
    assert stage.settings.discovery.agent_roots == ("/vm",)
    assert stage.settings.sandboxes_directory == "more"


def test_lifecycle_is_off_and_a_flag_without_a_value_switches_it_on(stage: Stage) -> None:
    main([])
    assert stage.settings is not None
    assert not stage.settings.web.enable_lifecycle

    main(["--web.enable-lifecycle"])
    assert stage.settings.web.enable_lifecycle


@pytest.mark.parametrize(
    "flag", ["--discovery.directory=/a", "--config.sandboxes-directory=x", "--web.enable-lifecycle"]
)
def test_the_demo_takes_none_of_them(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", flag]) == 2

    assert "unknown flag" in capsys.readouterr().err


def test_every_flag_of_the_table_can_be_given() -> None:
    parser = Parser()
    flags.add_settings(parser)

    assert {CONFIG_FILE_FLAG, *BY_FLAG} == set(vars(parser.parse_args([])))


def test_a_command_with_a_file_of_its_own_hears_only_the_variables_of_its_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the demo shows its own sandboxes and no others."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.yaml").write_text("sandboxes: [{id: box-a, agent_url: 'unix:///a'}]")
    (tmp_path / "own.yaml").touch()
    monkeypatch.setenv("KATA_EXPORTER_CONFIG_SANDBOXES_DIRECTORY", str(tmp_path / "real"))
    monkeypatch.setenv("KATA_EXPORTER_DISCOVERY_DIRECTORY", "/real")
    monkeypatch.setenv("KATA_EXPORTER_LOG_LEVEL", "warn")
    parser = Parser()
    flags.add_log(parser)
    args = parser.parse_args([])

    own = flags.settings_from(args, config_file=tmp_path / "own.yaml")
    everybodys = flags.settings_from(args)

    assert (own.sandboxes, own.log.level) == ((), "warn")
    assert own.discovery.directories != ("/real",)
    assert [sandbox.id for sandbox in everybodys.sandboxes] == ["box-a"]
