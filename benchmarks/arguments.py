"""The command line of ``python -m benchmarks``."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.churn import QUICK as QUICK_CHURN
from benchmarks.churn import Churn
from benchmarks.hostile import QUICK as QUICK_HOSTILE
from benchmarks.hostile import Hostile
from benchmarks.plan import Plan

MAX_SANDBOXES = 2000
MAX_ROUNDS = 100
QUICK = Plan(sizes=(100,), rounds=2, window_seconds=1.0, interval_seconds=5)
PAIRED_ROUNDS = 4
"""Rounds of each visit of a comparison; there are two visits, so a figure has eight."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for; ``base`` and ``json`` may be None."""

    what: str
    plan: Plan
    churn: Churn
    hostile: Hostile
    base: str | None
    json: Path | None


def parse(argv: Sequence[str] | None = None) -> Arguments:
    """Read the command line; a mistake ends the process with 2, as argparse has it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the exporter on a fleet of canned agents, beside floors.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("fleet", "churn", "hostile", "micro"),
        default="fleet",
        help="the exporter on a fleet (the default), on one that comes and goes, on one that attacks, or"
        " its hot paths alone",
    )
    parser.add_argument(
        "--quick", action="store_true", help="100 sandboxes, 2 rounds: shows that it works"
    )
    parser.add_argument(
        "--sizes", type=_sizes, metavar="N[,N...]", help="sandboxes (default 100,1000)"
    )
    parser.add_argument(
        "--rounds", type=_rounds, metavar="N", help="values a figure (default 7; 4 a visit paired)"
    )
    parser.add_argument(
        "--base", type=_revision, metavar="REV", help="compare with this revision, A B A B"
    )
    parser.add_argument("--json", type=_file, metavar="FILE", help="write all figures there")
    given = parser.parse_args(argv)
    if given.what != "fleet" and given.base is not None:
        parser.error(f"--base: {given.what} has no comparison; run it in both trees")
    churn = QUICK_CHURN if given.quick else Churn()
    hostile = QUICK_HOSTILE if given.quick else Hostile()
    return Arguments(given.what, _plan(given), churn, hostile, given.base, given.json)


def _plan(given: argparse.Namespace) -> Plan:
    plan = QUICK if given.quick else Plan()
    rounds = plan.rounds
    if given.base is not None and not given.quick:
        rounds = PAIRED_ROUNDS
    return Plan(
        sizes=given.sizes or plan.sizes,
        rounds=given.rounds or rounds,
        window_seconds=plan.window_seconds,
        interval_seconds=plan.interval_seconds,
    )


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_number(word, MAX_SANDBOXES) for word in text.split(","))


def _rounds(text: str) -> int:
    return _number(text, MAX_ROUNDS)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1 to {most}")
    return int(text)


def _revision(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("is empty: name a commit, branch or tag")
    return text


def _file(text: str) -> Path:
    # Now, not when minutes of measuring are over.
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} can't be written: name a file in a folder")
    return path
