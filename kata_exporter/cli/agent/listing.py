"""All methods, for who looks for one."""

from collections.abc import Iterator
from itertools import groupby

from kata_exporter.cli.agent.encode import json_page
from kata_exporter.cli.agent.methods import METHODS, ShellMethod

_CHANGES = "changes"
_READS = "reads"
_ASKS_NOTHING = "-"
_LEFT = "runtime"

_LEGEND = f"""\
{_CHANGES}  changes the guest, or takes what another client waits for: needs --yes-change-guest
{_READS}    asks the agent, and changes nothing
{_ASKS_NOTHING}        asks nothing: tells what is known without the agent
{_LEFT}  can't be asked from a shell, but by a runtime that uses the client
"""


def as_text() -> bytes:
    """Return the methods by noun: effect, parameters (optional ones in brackets), first sentence."""
    return "".join(_lines()).encode()


def as_json() -> bytes:
    """Return the methods as a JSON list of objects."""
    return json_page([_described(method) for method in METHODS.values()])


def _lines() -> Iterator[str]:
    yield _LEGEND
    for noun, methods in groupby(METHODS.values(), lambda method: method.noun):
        yield f"\n{noun}\n"
        for method in methods:
            yield f"  {_effect(method):7}  {method.name}({_parameters(method)})\n"
            yield f"           {method.summary}\n"


def _effect(method: ShellMethod) -> str:
    if method.left_because:
        return _LEFT
    if not method.entry.rpcs:
        return _ASKS_NOTHING
    return _CHANGES if method.changes_guest else _READS


def _parameters(method: ShellMethod) -> str:
    return ", ".join(
        parameter.name if parameter.required else f"[{parameter.name}]"
        for parameter in method.parameters
    )


def _described(method: ShellMethod) -> dict[str, object]:
    # Sorted by its keys in the end, as every mapping.
    return {
        "method": method.name,
        "noun": method.noun,
        "in_interface": method.entry.in_interface,
        "rpcs": [rpc.full_name for rpc in method.entry.rpcs],
        "changes_guest": method.changes_guest,
        "left_because": method.left_because or None,
        "summary": method.summary,
        "parameters": [
            {"name": each.name, "required": each.required, "should_be": each.should_be}
            for each in method.parameters
        ],
    }
