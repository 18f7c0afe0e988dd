"""The parameters of a call, from ``--param`` and ``--json``."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from kata_exporter.cli.agent.decode import ParameterError, from_json, from_text, parse_json
from kata_exporter.cli.agent.methods import Parameter, ShellMethod
from kata_exporter.config.words import did_you_mean, quoted

MAX_INPUT_BYTES = 4 << 20
"""Of standard input: more than what one message carries."""


def parameters_of(
    method: ShellMethod, params: Sequence[str], json_text: str | None
) -> Mapping[str, Any]:
    """Return the arguments of a method.

    Args:
        method: whose they are.
        params: each as ``NAME=VALUE``; bytes as ``-`` are read from standard input.
        json_text: an object of the others.

    Raises:
        ParameterError: one is unknown, missing, given twice, or not what it should be.
    """
    taken = {parameter.name: parameter for parameter in method.parameters}
    arguments: dict[str, Any] = {}
    for name, value in _object(json_text).items():
        parameter = _known(method, taken, name, arguments)
        arguments[name] = from_json(name, value, parameter.hint)
    for param in params:
        name, equals, text = param.partition("=")
        if not equals:
            raise ParameterError(f"--param {quoted(param)} has no value: write NAME=VALUE")
        parameter = _known(method, taken, name, arguments)
        arguments[name] = _from_shell(parameter, text)
    for parameter in method.parameters:
        if parameter.required and parameter.name not in arguments:
            raise ParameterError(
                f"{method.name} needs {parameter.name}: it should be {parameter.should_be}"
            )
    return arguments


def _object(text: str | None) -> Mapping[str, Any]:
    if text is None:
        return {}
    try:
        value = parse_json(text)
    except ValueError as error:
        raise ParameterError(f"--json: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ParameterError('--json should be an object of parameters, as {"cpus": 4}')
    return value


def _known(
    method: ShellMethod, taken: Mapping[str, Parameter], name: str, given: Mapping[str, Any]
) -> Parameter:
    if name in given:
        raise ParameterError(f"{name} is given twice")
    if name not in taken:
        hint = did_you_mean(name, taken) if taken else "; it takes none"
        raise ParameterError(f"{method.name} has no parameter {quoted(name)}{hint}")
    return taken[name]


def _from_shell(parameter: Parameter, text: str) -> Any:
    if parameter.hint is bytes and text == "-":
        return _standard_input(parameter.name)
    return from_text(parameter.name, text, parameter.hint)


def _standard_input(name: str) -> bytes:
    if sys.stdin is None:
        raise ParameterError(f"{name} can't be read from standard input: it is closed")
    try:
        data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise ParameterError(
            f"{name} can't be read from standard input: {error.strerror}"
        ) from error
    if len(data) > MAX_INPUT_BYTES:
        raise ParameterError(f"{name} is more than {MAX_INPUT_BYTES} bytes: give it in parts")
    return data
