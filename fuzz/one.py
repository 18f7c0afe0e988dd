"""Fuzz one target: ``python -m fuzz.one TARGET`` and arguments of libFuzzer; used by ``fuzz``."""

import sys
from importlib import import_module

import atheris


def main() -> None:
    """Run until libFuzzer ends the process: with 0 after its time, with something else on a fault."""
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["kata_exporter", "fuzz"]):
        target = import_module(f"fuzz.targets.{name}")
    atheris.Setup([f"fuzz {name}", *arguments], target.try_one)
    atheris.Fuzz()


main()
