"""The keys of tracing: what they may hold."""

import pytest

from kata_exporter.config.load import parse_settings
from kata_exporter.config.problems import Problems
from kata_exporter.config.settings import TracingSettings
from kata_exporter.errors import ConfigError


def tracing_of(text: str) -> TracingSettings:
    problems = Problems()
    settings = parse_settings(f"tracing: {{{text}}}", "c.yaml", problems)
    problems.raise_if_any()
    return settings.tracing


def test_what_is_not_given_is_as_by_default() -> None:
    assert tracing_of("") == TracingSettings()
    assert tracing_of("keep_failed: false") == TracingSettings(keep_failed=False)


def test_every_key_is_taken() -> None:
    text = "console: true, keep_failed: false, keep_slower_than: 0, max_spans_per_minute: 60"

    assert tracing_of(text) == TracingSettings(
        console=True, keep_failed=False, keep_slower_than_seconds=0, max_spans_per_minute=60
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("keep_slower_than: 2", "no unit"),
        ("keep_slower_than: 2d", "from 0s to 1d"),
        ("max_spans_per_minute: 59", "60"),
        ("max_spans_per_minute: 10000001", "10000000"),
        ("console: maybe", "true or false"),
        ("sampler: always", "unknown key"),
    ],
)
def test_what_cannot_be_used_is_told(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=rf"c.yaml:1: tracing\.\w+: .*{told}"):
        tracing_of(text)
