"""Making the call, and what the command ends with."""

import argparse
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kata_exporter.agent import AgentError, CopyError, KataAgent
from kata_exporter.cli import exit_codes, output
from kata_exporter.cli.agent import listing
from kata_exporter.cli.agent.encode import json_page
from kata_exporter.cli.agent.methods import ShellMethod, method_named
from kata_exporter.cli.agent.parameters import parameters_of
from kata_exporter.cli.agent.target import Target, target_of
from kata_exporter.cli.runner import run_until_signal
from kata_exporter.clock import Clock, SystemClock
from kata_exporter.errors import AddressError, ArgumentError, ConfigError
from kata_exporter.telemetry.hooks import CallInfo, CallWatch, NoWatch


@dataclass(frozen=True, slots=True)
class ShellCall:
    """All that a command line says of a call."""

    target: Target
    method: ShellMethod
    arguments: Mapping[str, Any]
    timeout_seconds: float | None
    """None: what the method's calls have by themselves."""
    traceparent: str
    """Empty: none."""
    raw: bool


def list_methods(args: argparse.Namespace) -> int:
    """Print all methods.

    Raises:
        ConfigError: an object was given where none has a meaning.
    """
    if args.json:
        raise ConfigError("--list takes no parameters: --json stands without an object there")
    output.write(listing.as_text() if args.json is None else listing.as_json())
    return exit_codes.OK


def run_method(args: argparse.Namespace) -> int:
    """Call a method and print what it gives; 1 if the agent didn't do it, 130 if a signal ended it.

    Raises:
        ConfigError: a part of the command line is wrong; nothing was sent.
    """
    method = method_named(args.method)
    if method.changes_guest and not args.yes_change_guest:
        output.complain(
            f"{method.name} changes the guest, or takes what another client waits for:"
            " add --yes-change-guest if that is meant; nothing was sent"
        )
        return exit_codes.UNCONFIRMED
    try:
        call = _call_of(args, method)
        page = run_until_signal(perform(call, SystemClock()))
    except ArgumentError as error:
        raise ConfigError(f"{method.name}: {error}") from error
    except AgentError as error:
        output.complain(_line(error))
        return exit_codes.FAILED
    except (AddressError, CopyError) as error:
        output.complain(str(error))
        return exit_codes.FAILED
    if page is None:
        return exit_codes.INTERRUPTED
    output.write(page)
    return exit_codes.OK


def _call_of(args: argparse.Namespace, method: ShellMethod) -> ShellCall:
    if args.raw and method.gives not in {str, bytes}:
        raise ConfigError(f"--raw: {method.name} gives neither text nor bytes: leave it out")
    return ShellCall(
        target_of(args),
        method,
        parameters_of(method, args.param, args.json),
        args.timeout,
        args.traceparent or "",
        args.raw,
    )


async def perform(call: ShellCall, clock: Clock) -> bytes:
    """Make a call on a connection of its own, and return what is to be printed.

    Raises:
        AgentError: the agent didn't do it.
        ArgumentError: an argument can't be right; nothing was sent.
        CopyError: a file of the host can't be copied.
    """
    agent = KataAgent(
        call.target.dial_url,
        call.target.url,
        target=call.target.about,
        clock=clock,
        hook=_Joining(call.traceparent) if call.traceparent else None,
    )
    arguments = dict(call.arguments)
    if call.method.has_deadline and call.timeout_seconds is not None:
        arguments["deadline"] = clock.monotonic() + call.timeout_seconds
    try:
        given = getattr(agent, call.method.name)(**arguments)
        given = await given if inspect.isawaitable(given) else given
    finally:
        await agent.aclose()
    if call.raw:
        return given.encode() if isinstance(given, str) else bytes(given)
    return json_page(given)


class _Joining(NoWatch):
    """Has every request carry a trace context that was given."""

    def __init__(self, traceparent: str) -> None:
        self._traceparent = traceparent

    def started(self, info: CallInfo) -> CallWatch:
        """Return the one watch."""
        del info
        return self

    def metadata(self) -> Sequence[tuple[str, str]]:
        """Return the context."""
        return (("traceparent", self._traceparent),)


def _line(error: AgentError) -> str:
    """Return reason, code, method and the agent's text, which is escaped and cut already."""
    text = error.detail.removeprefix(f"{error.code}: ")
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    return f"{error.reason} {error.code}: {error.method}: {text}{notes}"
