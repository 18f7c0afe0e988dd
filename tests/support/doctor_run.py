"""Running ``kata-exporter doctor`` as a user does, but on a machine that a test has made."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from run_program import Ended, run_program

_PROGRAM = (sys.executable, str(Path(__file__).parent / "doctor_program.py"))


def doctor(*argv: str, env: Mapping[str, str] | None = None, prefix: Sequence[str] = ()) -> Ended:
    """Run ``doctor`` outside of any container, on a port that the kernel chooses."""
    here = {"KATA_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:0", "KUBERNETES_SERVICE_HOST": ""}
    return run_program(
        "doctor", *argv, env={**here, **(env or {})}, prefix=prefix, program=_PROGRAM
    )


def found(ended: Ended) -> dict[str, list[dict[str, Any]]]:
    """Return the findings of a report in JSON, by check."""
    by_check: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(ended.out)["checks"]:
        by_check.setdefault(finding["check"], []).append(finding)
    return by_check
