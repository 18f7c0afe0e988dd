"""What the text of a configuration file gives."""

import pytest

from kata_exporter.config.load import parse_settings
from kata_exporter.config.problems import Problems
from kata_exporter.config.settings import Settings
from kata_exporter.errors import ConfigError


def settings(text: str) -> Settings:
    """The settings of a file ``c.yaml``; raises what is wrong with it."""
    problems = Problems()
    found = parse_settings(text, "c.yaml", problems)
    problems.raise_if_any()
    return found


def errors(text: str) -> list[str]:
    """The lines of what is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        settings(text)
    return str(caught.value).splitlines()
