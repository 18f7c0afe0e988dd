"""What simulated processes can run.

A program is a generator: it does what it can at once, yields what it waits for, and returns its
exit code. So a process needs no task, stops where its container is paused, and is gone at once.
"""

import re
import shlex
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kata_exporter.simulator.agent.pipe import CAPACITY_BYTES, Pipe
from kata_exporter.simulator.agent.process_spec import ProcessSpec
from kata_exporter.simulator.exit_codes import NOT_FOUND

Ready = Callable[[], bool]
"""Whether what a program waits for has come."""
Run = Generator[Ready, None, int]

_LONGEST_SLEEP_SECONDS = 1e9
_WRONG_USAGE = 2


class Surroundings(Protocol):
    """What a program sees of the process that runs it."""

    @property
    def spec(self) -> ProcessSpec:
        """How it was started."""

    @property
    def stdin(self) -> Pipe:
        """Its input."""

    @property
    def stdout(self) -> Pipe:
        """Its output."""

    @property
    def stderr(self) -> Pipe:
        """Where it complains; with a terminal the same as its output."""

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of its terminal."""

    def alarm(self, seconds: float) -> Ready:
        """Return what becomes true in `seconds`."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program: how it is called, and what it does."""

    usage: str
    what: str
    run: Callable[[Surroundings, Sequence[str], Pipe], Run]
    """Given the words after its name, and where its output goes."""


def run(around: Surroundings) -> Run:
    """Run a process's program; one that isn't in `PROGRAMS` serves until a signal ends it."""
    name, words = _split(around.spec.args)
    program = PROGRAMS.get(name)
    if program is None:
        while True:
            yield _never
    return (yield from program.run(around, words, around.stdout))


def _ends_with(code: int) -> Callable[[Surroundings, Sequence[str], Pipe], Run]:
    def end(around: Surroundings, words: Sequence[str], output: Pipe) -> Run:
        del around, words, output
        yield from ()
        return code

    return end


def _echo(around: Surroundings, words: Sequence[str], output: Pipe) -> Run:
    del around
    yield from _write(output, " ".join(words) + "\n")
    return 0


def _env(around: Surroundings, words: Sequence[str], output: Pipe) -> Run:
    del words
    yield from _write(output, "".join(f"{line}\n" for line in around.spec.env))
    return 0


def _pwd(around: Surroundings, words: Sequence[str], output: Pipe) -> Run:
    del words
    yield from _write(output, f"{around.spec.cwd}\n")
    return 0


def _id(around: Surroundings, words: Sequence[str], output: Pipe) -> Run:
    del words
    spec = around.spec
    groups = ",".join(map(str, dict.fromkeys((spec.gid, *spec.groups))))
    yield from _write(output, f"uid={spec.uid} gid={spec.gid} groups={groups}\n")
    return 0


def _stty(around: Surroundings, words: Sequence[str], output: Pipe) -> Run:
    if list(words) != ["size"] or not around.spec.terminal:
        return (yield from _complain(around, "stty: no terminal to ask, or no 'size' asked for", 1))
    rows, columns = around.window
    yield from _write(output, f"{rows} {columns}\n")
    return 0


def _cat(around: Surroundings, words: Sequence[str], output: Pipe) -> Run:
    del words
    while True:
        yield lambda: around.stdin.at_end or around.stdin.room < CAPACITY_BYTES
        if around.stdin.at_end:
            return 0
        yield from _write(output, around.stdin.take(CAPACITY_BYTES))


def _sleep(around: Surroundings, words: Sequence[str], output: Pipe) -> Run:
    del output
    try:
        seconds = sum(map(float, words))
    except ValueError:
        seconds = -1.0
    if not words or not seconds >= 0:  # a NaN is not
        return (yield from _complain(around, f"sleep: not a time: {' '.join(words)!r}", 1))
    yield around.alarm(seconds) if seconds <= _LONGEST_SLEEP_SECONDS else _never
    return 0


def _sh(around: Surroundings, words: Sequence[str], output: Pipe) -> Run:
    code = 0
    try:
        commands = list(_commands(words[1])) if len(words) > 1 and words[0] == "-c" else None
    except ValueError as error:
        return (yield from _complain(around, f"sh: {error}", _WRONG_USAGE))
    if commands is None:
        yield lambda: around.stdin.at_end  # reads no commands there, and ends with it
        return 0
    for command in commands:
        match command:
            case ["exit"]:
                return code
            case ["exit", number] if re.fullmatch("[0-9]{1,9}", number):
                return int(number) & 0xFF
            case [*complaint, ">&2"]:
                code = yield from _run_command(around, complaint, around.stderr)
            case _:
                code = yield from _run_command(around, command, output)
    return code


def _run_command(around: Surroundings, command: Sequence[str], output: Pipe) -> Run:
    name, words = _split(command or ["true"])
    program = PROGRAMS.get(name)
    if program is None:
        return (yield from _complain(around, f"sh: {name}: not found", NOT_FOUND))
    return (yield from program.run(around, words, output))


PROGRAMS: Mapping[str, Program] = {
    "true": Program("true", "ends with 0", _ends_with(0)),
    "false": Program("false", "ends with 1", _ends_with(1)),
    "echo": Program("echo WORD…", "writes its words and a newline", _echo),
    "env": Program("env", "writes its environment", _env),
    "pwd": Program("pwd", "writes its working directory", _pwd),
    "id": Program("id", "writes its user and groups, as numbers", _id),
    "stty": Program("stty size", "writes the rows and columns of its terminal", _stty),
    "cat": Program("cat", "copies its input to its output, until the input ends", _cat),
    "sleep": Program("sleep SECONDS", "ends with 0 after that time", _sleep),
    "sh": Program(
        "sh -c COMMANDS",
        "runs those of the above, and itself, one after the other; knows `;`, `>&2`, quotes and "
        "`exit N`",
        _sh,
    ),
}


def _commands(script: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";\n")
    lexer.whitespace = " \t"
    lexer.commenters = ""
    lexer.whitespace_split = True
    command: list[str] = []
    for word in [*lexer, ";"]:
        is_separator = word and not word.strip(";\n")
        if not is_separator:
            command.append(word)
        elif command:
            yield command
            command = []


def _split(args: Sequence[str]) -> tuple[str, Sequence[str]]:
    return args[0].rpartition("/")[2], args[1:]


def _write(pipe: Pipe, text: str | bytes) -> Generator[Ready, None, None]:
    rest = text.encode() if isinstance(text, str) else text
    while rest:
        yield lambda: pipe.room > 0
        rest = rest[pipe.put(rest) :]


def _complain(around: Surroundings, text: str, code: int) -> Run:
    yield from _write(around.stderr, f"{text}\n")
    return code


def _never() -> bool:
    return False
