"""Generates documents from the code. With --check, only says whether they are up to date."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from kata_exporter.cli.metrics import page as metrics
from pages import agent, configuration, openapi, simulator

DOCS = Path(__file__).parent.parent / "docs"

PAGES: Mapping[str, Callable[[], str]] = {
    "agent.md": agent.page,
    "configuration.md": configuration.page,
    "metrics.md": metrics.markdown,
    "openapi.json": openapi.page,
    "simulator.md": simulator.page,
}


def main() -> int:
    """Write the pages, or compare them."""
    texts = {DOCS / name: page() for name, page in PAGES.items()}
    if "--check" not in sys.argv[1:]:
        for path, text in texts.items():
            path.write_text(text)
        return 0
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"docs/{path.name} differs from the code: run 'make docs'", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
