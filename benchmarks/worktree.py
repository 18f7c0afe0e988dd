"""Another revision of the exporter, checked out beside this one for as long as it is measured."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.control import ROOT, HelperError, run

GIT_SECONDS = 60.0


@asynccontextmanager
async def revision(name: str, folder: Path) -> AsyncIterator[Path]:
    """Return a tree to import from: that revision's ``kata_exporter``, and these benchmarks.

    So the same benchmark measures both. What is installed is the same for both as well.

    Args:
        name: a commit, branch or tag.
        folder: an empty folder for the tree.

    Raises:
        HelperError: there is no such revision, or it has no exporter.
    """
    commit = await _git("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    checkout, tree = folder / "checkout", folder / "tree"
    await _git("worktree", "add", "--quiet", "--detach", str(checkout), commit)
    try:
        if not (checkout / "kata_exporter" / "app.py").exists():
            raise HelperError(f"revision {name} has no exporter to compare with")
        tree.mkdir()
        (tree / "kata_exporter").symlink_to(checkout / "kata_exporter")
        (tree / "benchmarks").symlink_to(ROOT / "benchmarks")
        yield tree
    finally:
        await _git("worktree", "remove", "--force", str(checkout))


async def head() -> str:
    """Return the commit of this tree, with ``-dirty`` where files differ; empty outside of git."""
    try:
        return await _git("describe", "--always", "--dirty", "--exclude=*", "--abbrev=12")
    except HelperError:
        return ""


async def _git(*arguments: str) -> str:
    return (await run(["git", "-C", str(ROOT), *arguments], within=GIT_SECONDS)).strip()
