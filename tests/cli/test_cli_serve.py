"""``serve``, on stand-ins."""

import signal
from pathlib import Path

import pytest

from cli_stage import Stage, put_on, terminate
from kata_exporter.cli.main import main
from kata_exporter.config.load import Loaded, Loader
from kata_exporter.config.look import Look
from kata_exporter.config.settings import ListenAddress, LogLevel
from kata_exporter.errors import ConfigError


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = put_on(monkeypatch)
    stage.on_start = terminate
    return stage


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(
        "collection: {interval: 1s}\nlog: {level: error, format: json}\n"
        "sandboxes: [{id: demo-1, agent_url: 'unix:///a'}]\n"
    )
    return path


@pytest.mark.parametrize("argv", [[], ["serve"]])
def test_serve_is_the_default_command_and_a_signal_ends_it_with_0(
    argv: list[str], stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 0

    assert stage.calls == ["start", "stop"]
    assert capsys.readouterr().out == ""


def test_flags_of_serve_may_follow_the_program_directly(stage: Stage, config: Path) -> None:
    assert main(["--config.file", str(config), "--web.listen-address=:1"]) == 0

    assert stage.settings is not None
    assert stage.settings.collection.interval_seconds == 1
    assert stage.settings.web.listen_addresses == (ListenAddress("", 1),)


def test_the_listen_address_is_repeatable(stage: Stage) -> None:
    assert main(["--web.listen-address", ":1", "--web.listen-address", "[::1]:2"]) == 0

    assert stage.settings is not None
    assert [str(found) for found in stage.settings.web.listen_addresses] == [":1", "[::1]:2"]


def test_the_admin_socket_is_a_flag(stage: Stage) -> None:
    assert main(["--web.admin-socket", "/run/admin.sock"]) == 0

    assert stage.settings is not None
    assert stage.settings.web.admin_socket == "/run/admin.sock"


def test_logs_are_set_up_as_configured(stage: Stage, config: Path) -> None:
    assert main(["--config.file", str(config), "--log.level", "warn"]) == 0

    assert stage.log == ("warn", "json")


def test_sighup_ends_neither_the_start_nor_the_end(
    stage: Stage, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = signal.getsignal(signal.SIGHUP)
    load = Loader.load

    def load_while_signalled(loader: Loader, look: Look | None = None) -> Loaded:
        # A signal with its usual action would end the tests as well.
        assert signal.getsignal(signal.SIGHUP) != usual
        signal.raise_signal(signal.SIGHUP)
        return load(loader, look)

    monkeypatch.setattr(Loader, "load", load_while_signalled)

    assert main(["--config.file", str(config)]) == 0

    assert stage.calls == ["start", "stop"]
    assert signal.getsignal(signal.SIGHUP) == usual


def test_the_environment_is_read(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KATA_EXPORTER_LOG_LEVEL", "debug")

    assert main([]) == 0

    assert stage.settings is not None
    assert stage.settings.log.level is LogLevel.DEBUG


@pytest.mark.usefixtures("stage")
def test_a_variable_that_seems_to_be_ours_is_warned_of_and_those_of_a_service_are_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KATA_EXPORTER_PORT", "tcp://10.0.0.1:9823")
    monkeypatch.setenv("KATA_EXPORTER_LOG_LEVLE", "debug")

    assert main([]) == 0

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kata-exporter: warning: KATA_EXPORTER_LOG_LEVLE: unknown")


def test_a_port_in_use_is_one_line_and_2(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    async def refuse() -> None:
        raise ConfigError("127.0.0.1:9823: in use")

    stage.on_start = refuse

    assert main([]) == 2
    assert capsys.readouterr().err == "kata-exporter: 127.0.0.1:9823: in use\n"
    assert stage.calls == ["start", "stop"]
