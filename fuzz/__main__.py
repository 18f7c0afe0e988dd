"""Fuzz every target for a while, one after the other; a fault ends it with 1.

What breaks a promise is kept in fuzz/findings; once mended, it belongs into the corpus.
"""

import argparse
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from fuzz.targets import NAMES

_FOLDER = Path(__file__).parent
CORPUS = _FOLDER / "corpus"
FINDINGS = _FOLDER / "findings"

_INPUT_BYTES = 16 << 10
_MEMORY_MIB = 2048
_ONE_INPUT_SECONDS = 10


def main() -> int:
    """Read the arguments, and fuzz."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", default=NAMES, metavar="TARGET", help=f"{NAMES}")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(NAMES):
        parser.error(f"no target {min(unknown)!r}; the targets are {', '.join(NAMES)}")
    if find_spec("atheris") is None:
        print("not fuzzed: atheris has no wheel for this Python or this machine")
        return 0
    return max(fuzz(name, arguments.seconds) for name in arguments.targets)


def fuzz(name: str, seconds: int) -> int:
    """Fuzz one target; returns 0 where every promise was kept."""
    FINDINGS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as fresh:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "fuzz.one", name),
                f"-max_total_time={seconds}",
                f"-max_len={_INPUT_BYTES}",
                f"-rss_limit_mb={_MEMORY_MIB}",
                f"-timeout={_ONE_INPUT_SECONDS}",
                f"-artifact_prefix={FINDINGS}/{name}-",
                # The first folder takes what is new, and the committed corpus stays as it is.
                *(fresh, CORPUS / name),
            ],
            cwd=_FOLDER.parent,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        found = len(list(Path(fresh).iterdir()))
    if run.returncode:
        print(f"fuzz {name}: FAULT\n{run.stdout}{run.stderr}")
        return 1
    done = next((line for line in run.stderr.splitlines() if line.startswith("Done ")), "")
    print(f"fuzz {name}: {done.strip()}, {found} new inputs, no fault")
    return 0


if __name__ == "__main__":
    sys.exit(main())
