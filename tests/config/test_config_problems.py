"""Problems, gathered and raised as one error."""

from pathlib import Path

import pytest

from kata_exporter.config.problems import MAX_LISTED, Problems, shown_path
from kata_exporter.errors import ConfigError


def test_no_problem_raises_nothing() -> None:
    Problems().raise_if_any()


def test_problems_of_the_file_come_in_the_order_of_lines_and_before_the_others() -> None:
    problems = Problems()
    problems.add("--log.level: wrong")
    problems.add_to_file("c.yaml", 9, "web", "wrong")
    problems.add_to_file("c.yaml", 2, "", "wrong")

    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()

    assert str(caught.value).splitlines() == [
        "c.yaml:2: wrong",
        "c.yaml:9: web: wrong",
        "--log.level: wrong",
    ]


def test_a_flood_of_problems_is_cut_and_counted() -> None:
    problems = Problems()
    for line in range(1, MAX_LISTED + 8):
        problems.add_to_file("c.yaml", line, "id", "wrong")

    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()

    lines = str(caught.value).splitlines()
    assert len(lines) == MAX_LISTED + 1
    assert lines[-1] == "and 7 more errors like these"


def test_a_path_is_shown_on_one_line() -> None:
    assert shown_path(Path("/etc/kata exporter.yaml")) == "/etc/kata exporter.yaml"
    assert shown_path(Path("/tmp/a\nb")) == r"'/tmp/a\nb'"
