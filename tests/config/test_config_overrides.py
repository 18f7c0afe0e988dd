"""What flags and variables do to settings."""

import pytest

from kata_exporter.config.overrides import OVERRIDES, Override, apply_overrides
from kata_exporter.config.problems import Problems
from kata_exporter.config.settings import Settings
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

    found = apply_overrides(settings, environ={}, flags={flag: ["?"]}, problems=problems)

    assert found == settings
    with pytest.raises(ConfigError, match=f"--{flag}: '\\?'"):
        problems.raise_if_any()
