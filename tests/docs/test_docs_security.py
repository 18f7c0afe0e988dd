"""docs/security.md says what the code does: each cap, and the bounds that follow from them."""

import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from kata_exporter.agent import OBSERVED_METHODS
from kata_exporter.agent.methods import GET_METRICS, METHOD_OF, STATS_CONTAINER
from kata_exporter.config.settings import CollectionSettings
from kata_exporter.guest import families
from kata_exporter.guest.family import Family
from kata_exporter.guest.limits import Limits
from kata_exporter.ttrpc.client_protocol import ERROR_ANSWER_BYTES, MAX_UNKNOWN_ANSWERS
from kata_exporter.ttrpc.envelope import ENVELOPE_BYTES
from kata_exporter.ttrpc.frames import HEADER_BYTES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
PACKAGE = "kata_exporter"

READ_AT_ONCE_BYTES = 256 << 10
"""What asyncio takes from a socket at a time."""

_ROW = re.compile(r"^\| [^|]+ \| ([0-9.]+)(?: ([A-Za-z]+))? \| `([^`]+)` \|$", re.MULTILINE)
FAMILY_MODULES = [
    f"{families.__name__}.{module.name}" for module in pkgutil.iter_modules(families.__path__)
]
_FACTORS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "bytes": 1, "characters": 1, "s": 1}
CAPS = {where: float(number) * _FACTORS[unit or ""] for number, unit, where in _ROW.findall(TEXT)}


LABEL_CAPS = {
    f"{found.__name__.removeprefix(PACKAGE + '.')}: {label.raw}": label.most
    for found in map(import_module, FAMILY_MODULES)
    for family in vars(found).values()
    if isinstance(family, Family)
    for label in family.labels
}


def value_of(where: str) -> float:
    """What the code has.

    A constant, a field's default, a parameter's as ``Class(parameter)``, or how many values a guest
    may give a label as ``module: label``.
    """
    if ": " in where:
        return float(LABEL_CAPS[where])
    path, _, parameter = where.removesuffix(")").partition("(")
    names = path.split(".")
    folder = ROOT / PACKAGE
    depth = 0
    while (folder / names[depth]).is_dir():
        folder /= names[depth]
        depth += 1
    module = import_module(".".join([PACKAGE, *names[: depth + 1]]))
    *owners, last = names[depth + 1 :]
    owner: Any = reduce(getattr, owners, module)
    if parameter:
        found = inspect.signature(getattr(owner, last)).parameters[parameter].default
    elif isinstance(owner, type) and is_dataclass(owner):
        found = next(f.default for f in fields(owner) if f.name == last)
    else:
        found = getattr(owner, last)
    assert isinstance(found, int | float)
    return float(found)


@pytest.mark.parametrize("where", CAPS)
def test_a_cap_is_that_of_the_code(where: str) -> None:
    assert CAPS[where] == value_of(where)


def test_every_row_of_the_table_of_caps_was_read() -> None:
    table = TEXT.split("## Caps", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) == len(CAPS) > 60


def caps_on_guests() -> Iterator[str]:
    """Every cap on what a guest may send, and on what is kept of it."""
    package = ROOT / PACKAGE
    files = [package / "agent" / "errors.py"]
    for name in ("ttrpc", "sockets", "guest", "collectors"):
        files += (file for file in (package / name).rglob("*.py") if "_pb" not in file.parts)
    for file in files:
        module = ".".join(file.relative_to(package).with_suffix("").parts)
        for constant in re.findall(r"^(MAX_[A-Z_]+) = ", file.read_text(), re.MULTILINE):
            yield f"{module}.{constant}"
    yield from LABEL_CAPS
    yield from (f"guest.limits.Limits.{field.name}" for field in fields(Limits))
    for method in map(METHOD_OF.__getitem__, OBSERVED_METHODS):
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method.name).upper()
        yield f"agent.methods.{name}.cap_bytes"


def test_no_cap_on_guests_is_left_out() -> None:
    left_out = set(caps_on_guests()) - CAPS.keys()
    assert not left_out, "give each a row in docs/security.md"


def round_bytes(containers: int) -> int:
    """The most that is read in a round."""
    answers = (GET_METRICS.cap_bytes, *[STATS_CONTAINER.cap_bytes] * containers, 0)
    nobodys = [0] * MAX_UNKNOWN_ANSWERS
    return READ_AT_ONCE_BYTES + sum(
        HEADER_BYTES + ENVELOPE_BYTES + max(cap, ERROR_ANSWER_BYTES) for cap in (*answers, *nobodys)
    )


def test_the_bound_on_bytes_follows_from_the_caps() -> None:
    interval = CollectionSettings().interval_seconds
    cells = {
        unit: [float(cell) for cell in re.findall(r"([0-9.]+) MiB", line)]
        for unit, line in re.findall(r"^\| bytes a (round|minute) \|(.*)$", TEXT, re.MULTILINE)
    }
    counts = [int(count) for count in re.findall(r"C = ([0-9]+) \|", TEXT)]
    assert len(counts) == 3

    rounds = [round_bytes(count) / (1 << 20) for count in counts]

    assert cells["round"] == [round(mib, 2) for mib in rounds]
    assert cells["minute"] == [round(mib * 60 / interval, 1) for mib in rounds]
