"""What flags and variables do to settings."""

import pytest

from kata_exporter.config.overrides import OVERRIDES, Override, apply_overrides
from kata_exporter.config.problems import Problems
from kata_exporter.config.settings import (
    DiscoverySettings,
    ListenAddress,
    Settings,
    WebSettings,
)
from kata_exporter.errors import ConfigError


def keep(settings: Settings, _values: object) -> Settings:
    return settings


@pytest.mark.parametrize(
    ("variable", "values"),
    [("", []), (" ", []), ("a", ["a"]), ("a, b", ["a", "b"]), ("a,,b,", ["a", "b"])],
)
def test_the_variable_of_a_repeatable_flag_is_split_at_commas(
    variable: str, values: list[str]
) -> None:
    assert Override("x", keep, repeatable=True).split(variable) == values


@pytest.mark.parametrize(("variable", "values"), [("", []), (" a,b ", ["a,b"])])
def test_the_variable_of_any_other_flag_is_one_value(variable: str, values: list[str]) -> None:
    assert Override("x", keep).split(variable) == values


@pytest.mark.parametrize("flag", [override.flag for override in OVERRIDES])
def test_a_value_that_cannot_be_used_leaves_the_settings_and_is_reported(flag: str) -> None:
    problems = Problems()
    settings = Settings()

    found = apply_overrides(settings, environ={}, flags={flag: ["\n"]}, problems=problems)

    assert found == settings
    with pytest.raises(ConfigError, match=rf"--{flag}: '\\n'"):
        problems.raise_if_any()


def overridden(flag: str, *values: str, settings: Settings | None = None) -> Settings:
    problems = Problems()
    found = apply_overrides(
        settings or Settings(), environ={}, flags={flag: values}, problems=problems
    )
    problems.raise_if_any()
    return found


def test_directories_of_flags_replace_those_of_the_file() -> None:
    found = overridden("discovery.directory", "/a/", "/b", "/a")

    assert found.discovery.directories == ("/a", "/b")


def test_the_word_none_is_no_directory() -> None:
    assert overridden("discovery.directory", "none").discovery.directories == ()


def test_the_word_none_stands_alone() -> None:
    with pytest.raises(ConfigError, match=r"--discovery\.directory: 'none' stands alone"):
        overridden("discovery.directory", "none", "/a")


def test_agent_roots_of_flags_are_added_to_those_of_the_file() -> None:
    file = Settings(discovery=DiscoverySettings(agent_roots=("/a",)))

    found = overridden("discovery.agent-root", "/b", "/a", settings=file)

    assert found.discovery.agent_roots == ("/a", "/b")


def test_a_flag_of_the_web_leaves_the_other_as_it_is() -> None:
    found = overridden("web.enable-lifecycle", "true")
    found = overridden("web.listen-address", ":1", settings=found)
    found = overridden("log.level", "warn", settings=found)

    assert found.web == WebSettings((ListenAddress("", 1),), enable_lifecycle=True)
    assert not overridden("web.enable-lifecycle", "false", settings=found).web.enable_lifecycle
