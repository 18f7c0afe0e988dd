"""Flags that are settings: which command has them, and what the environment may say for one."""

from pathlib import Path

import pytest

from cli_stage import Stage, put_on, terminate
from kata_exporter.cli import flags
from kata_exporter.cli.main import main
from kata_exporter.cli.parser import Parser
from kata_exporter.collectors.rounds import COLLECTORS
from kata_exporter.config.keys import BY_FLAG
from kata_exporter.config.load import CONFIG_FILE_FLAG
from kata_exporter.config.settings import CollectorSettings

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


@pytest.mark.parametrize("command", [["serve"], ["scrape", "--once"]])
@pytest.mark.parametrize(
    ("given", "on"),
    [
        ([], {"guest_metrics", "container_stats"}),
        (["--no-collector.guest_metrics"], {"container_stats"}),
        (["--no-collector.guest_metrics", "--no-collector.container_stats"], set()),
        (["--no-collector.guest_metrics", "--collector.guest_metrics"], COLLECTORS),
    ],
)
def test_each_collector_has_a_flag_for_on_and_one_for_off_and_the_last_one_counts(
    command: list[str], given: list[str], on: set[str], stage: Stage
) -> None:
    main([*command, *given])

    assert stage.settings is not None
    assert stage.settings.collectors.enabled == set(on)


def test_a_variable_switches_a_collector_off_and_a_flag_on_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KATA_EXPORTER_COLLECTOR_CONTAINER_STATS", "false")
    main([])
    assert stage.settings is not None
    assert stage.settings.collectors.enabled == {"guest_metrics"}

    main(["--collector.container_stats"])
    assert stage.settings.collectors.enabled == set(COLLECTORS)


def test_the_flags_are_those_of_the_collectors_that_there_are() -> None:
    assert tuple(flags.COLLECTORS) == COLLECTORS
    assert CollectorSettings().enabled == set(COLLECTORS)


def test_a_collector_that_is_not_there_is_an_unknown_flag(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["serve", "--no-collector.cpu"]) == 2

    assert "--no-collector.cpu" in capsys.readouterr().err


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
