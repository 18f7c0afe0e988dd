"""Fuzzing, with atheris: ``make fuzz``, or ``python -m fuzz [--seconds N] [TARGET...]``."""
