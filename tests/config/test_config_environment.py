"""Environment variables that are ours, and those that only look so."""

import pytest

from kata_exporter.config.environment import unknown_variables, variable_name

FLAGS = ["config.file", "web.listen-address", "log.level"]


@pytest.mark.parametrize(
    ("flag", "variable"),
    [
        ("web.listen-address", "KATA_EXPORTER_WEB_LISTEN_ADDRESS"),
        ("config.file", "KATA_EXPORTER_CONFIG_FILE"),
        ("log.level", "KATA_EXPORTER_LOG_LEVEL"),
    ],
)
def test_a_variable_is_named_after_its_flag(flag: str, variable: str) -> None:
    assert variable_name(flag) == variable


def test_an_unknown_variable_is_named_with_a_hint() -> None:
    lines = unknown_variables({"KATA_EXPORTER_LOG_LEVLE": "info", "PATH": "/bin"}, FLAGS)

    assert lines == [
        (
            "KATA_EXPORTER_LOG_LEVLE: unknown environment variable, passed over;"
            " did you mean 'KATA_EXPORTER_LOG_LEVEL'?"
        )
    ]


def test_known_and_foreign_variables_are_no_reason_for_a_line() -> None:
    environ = {
        "KATA_EXPORTER_LOG_LEVEL": "info",
        "HOME": "/",
        "KATA": "x",
        "OTEL_SDK_DISABLED": "1",
    }

    assert unknown_variables(environ, FLAGS) == []


@pytest.mark.parametrize(
    "variable",
    [
        "KATA_EXPORTER_SERVICE_HOST",
        "KATA_EXPORTER_SERVICE_PORT",
        "KATA_EXPORTER_SERVICE_PORT_METRICS",
        "KATA_EXPORTER_PORT",
        "KATA_EXPORTER_PORT_9823_TCP",
        "KATA_EXPORTER_PORT_9823_TCP_PROTO",
        "KATA_EXPORTER_PORT_9823_TCP_PORT",
        "KATA_EXPORTER_PORT_9823_TCP_ADDR",
        "KATA_EXPORTER_METRICS_SERVICE_HOST",
        "KATA_EXPORTER_METRICS_PORT_9823_UDP_ADDR",
    ],
)
def test_variables_that_kubernetes_makes_for_a_service_are_passed_over(variable: str) -> None:
    assert unknown_variables({variable: "tcp://10.0.0.1:9823"}, FLAGS) == []


@pytest.mark.parametrize("variable", ["KATA_EXPORTER_PORTS", "KATA_EXPORTER_PORT_X_TCP"])
def test_what_only_resembles_such_a_variable_is_named(variable: str) -> None:
    assert len(unknown_variables({variable: ""}, FLAGS)) == 1


def test_a_strange_name_stays_on_one_line() -> None:
    (line,) = unknown_variables({"KATA_EXPORTER_\n" + "x" * 500: ""}, FLAGS)

    assert line.isprintable()
    assert len(line) < 300
