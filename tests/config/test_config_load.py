"""Precedence: flag, environment, file, default."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from kata_exporter.config.load import load_settings, variable_warnings
from kata_exporter.config.settings import ListenAddress, LogFormat, LogLevel, Settings
from kata_exporter.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text("log: {level: warn, format: json}\nweb: {listen_address: 127.0.0.1:1}\n")
    return path


def load(
    config_file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Sequence[str]] | None = None,
) -> Settings:
    return load_settings(config_file=config_file, environ=environ or {}, flags=flags or {})


def errors(
    config_file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(config_file, environ, flags)
    return str(caught.value).splitlines()


def test_nothing_given_is_the_defaults() -> None:
    assert load() == Settings()


def test_the_file_wins_over_the_default(config: Path) -> None:
    assert load(config).log.level is LogLevel.WARN


def test_the_environment_wins_over_the_file(config: Path) -> None:
    settings = load(config, {"KATA_EXPORTER_LOG_LEVEL": "error"})

    assert settings.log.level is LogLevel.ERROR
    assert settings.log.format is LogFormat.JSON


def test_a_flag_wins_over_the_environment(config: Path) -> None:
    environ = {"KATA_EXPORTER_LOG_LEVEL": "error", "KATA_EXPORTER_LOG_FORMAT": "logfmt"}

    settings = load(config, environ, {"log.level": ["debug"]})

    assert settings.log.level is LogLevel.DEBUG
    assert settings.log.format is LogFormat.LOGFMT


def test_of_a_flag_given_twice_the_last_counts() -> None:
    assert load(flags={"log.format": ["logfmt", "json"]}).log.format is LogFormat.JSON


def test_listen_addresses_of_flags_replace_those_of_the_file(config: Path) -> None:
    settings = load(config, flags={"web.listen-address": [":2", "[::1]:3"]})

    assert settings.web.listen_addresses == (ListenAddress("", 2), ListenAddress("::1", 3))


def test_the_admin_socket_comes_from_flag_variable_or_file_and_leaves_the_addresses(
    config: Path,
) -> None:
    config.write_text("web: {listen_address: ':1', admin_socket: /run/file.sock}\n")
    variable = {"KATA_EXPORTER_WEB_ADMIN_SOCKET": "/run/variable.sock"}
    flag = {"web.admin-socket": ["/run/flag.sock"]}

    found = [load(config), load(config, environ=variable), load(config, variable, flag)]

    assert [settings.web.admin_socket for settings in found] == [
        "/run/file.sock",
        "/run/variable.sock",
        "/run/flag.sock",
    ]
    assert {settings.web.listen_addresses for settings in found} == {(ListenAddress("", 1),)}


def test_there_is_no_admin_socket_by_default() -> None:
    assert load(None).web.admin_socket == ""


def test_a_variable_holds_several_listen_addresses_with_commas() -> None:
    settings = load(environ={"KATA_EXPORTER_WEB_LISTEN_ADDRESS": ":2, [::1]:3"})

    assert settings.web.listen_addresses == (ListenAddress("", 2), ListenAddress("::1", 3))


def test_the_file_may_be_named_by_the_environment(config: Path) -> None:
    settings = load(environ={"KATA_EXPORTER_CONFIG_FILE": str(config)})

    assert settings.log.level is LogLevel.WARN


def test_the_file_of_the_flag_wins_over_that_of_the_environment(config: Path) -> None:
    settings = load(config, {"KATA_EXPORTER_CONFIG_FILE": "/nowhere"})

    assert settings.log.level is LogLevel.WARN


@pytest.mark.parametrize("name", ["CONFIG_FILE", "LOG_LEVEL", "WEB_LISTEN_ADDRESS"])
def test_an_empty_variable_says_nothing(name: str) -> None:
    assert load(environ={f"KATA_EXPORTER_{name}": ""}) == Settings()


def test_a_mistake_names_its_flag_or_variable() -> None:
    lines = errors(
        environ={"KATA_EXPORTER_LOG_LEVEL": "loud", "KATA_EXPORTER_LOG_FORMAT": "json,logfmt"},
        flags={"web.listen-address": ["9823"]},
    )

    assert lines == [
        (
            "--web.listen-address: '9823' has no port: write it as 127.0.0.1:9823, [::1]:9823,"
            " or :9823 for all interfaces"
        ),
        "KATA_EXPORTER_LOG_LEVEL: 'loud' is not a choice: write one of debug, info, warn, error",
        "KATA_EXPORTER_LOG_FORMAT: 'json,logfmt' is not a choice: write one of logfmt, json",
    ]


def test_mistakes_of_file_and_flags_are_told_at_once(config: Path) -> None:
    config.write_text("typo: 1\n")

    lines = errors(config, flags={"log.level": ["loud"]})

    assert lines[0].startswith(f"{config}:1: typo: unknown key")
    assert lines[1].startswith("--log.level: ")


def test_a_file_that_cannot_be_read_does_not_hide_a_wrong_flag(tmp_path: Path) -> None:
    lines = errors(tmp_path / "missing.yaml", flags={"log.level": ["loud"]})

    assert len(lines) == 2
    assert "missing.yaml: can't be read" in lines[0]


def test_variables_that_seem_to_be_ours_are_warned_of() -> None:
    environ = {
        "KATA_EXPORTER_CONFIG_FILE": "x",
        "KATA_EXPORTER_PORT": "tcp://10.0.0.1:9823",
        "KATA_EXPORTER_CONFIGFILE": "x",
    }

    assert variable_warnings(environ) == [
        (
            "KATA_EXPORTER_CONFIGFILE: unknown environment variable, passed over;"
            " did you mean 'KATA_EXPORTER_CONFIG_FILE'?"
        )
    ]
