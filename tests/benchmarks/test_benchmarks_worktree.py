"""Another revision is checked out beside this one, and goes again."""

import os
import shutil
from pathlib import Path

import pytest

from benchmarks import worktree
from benchmarks.control import HelperError, run

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("git") is None, reason="git isn't installed"),
]


async def git(repository: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    return await run(["git", "-C", str(repository), *identity, *arguments], within=30.0)


@pytest.fixture
async def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a revision before the exporter, one with it, and a later one."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # under a hook of git's they name another repository
    path = tmp_path / "repository"
    package = path / "kata_exporter"
    package.mkdir(parents=True)
    (path / "benchmarks").mkdir()
    await git(path, "init", "--quiet")
    await git(path, "commit", "--quiet", "--allow-empty", "--message", "nothing yet")
    for text in ("first", "second"):
        (package / "app.py").write_text(text)
        await git(path, "add", ".")
        await git(path, "commit", "--quiet", "--message", text)
    monkeypatch.setattr(worktree, "ROOT", path)
    return path


async def test_the_tree_has_the_revisions_exporter_and_these_benchmarks(
    repository: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    async with worktree.revision("HEAD~1", folder) as tree:
        assert (tree / "kata_exporter" / "app.py").read_text() == "first"
        assert (tree / "benchmarks").resolve() == repository / "benchmarks"
    assert (await git(repository, "worktree", "list")).count("\n") == 1
    assert not (folder / "checkout").exists()
    assert (repository / "kata_exporter" / "app.py").read_text() == "second"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("no-such-branch", "git failed: "),
        ("--all", "git failed: "),
        ("HEAD~2", "revision HEAD~2 has no exporter to compare with"),
    ],
)
async def test_a_revision_that_is_no_use_is_refused(
    name: str, complaint: str, repository: Path, tmp_path: Path
) -> None:
    with pytest.raises(HelperError, match=complaint):
        async with worktree.revision(name, tmp_path):
            pytest.fail("it was taken")
    assert (await git(repository, "worktree", "list")).count("\n") == 1


async def test_the_head_says_whether_files_differ(repository: Path) -> None:
    commit = await worktree.head()
    assert commit == (await git(repository, "rev-parse", "--short=12", "HEAD")).strip()
    (repository / "kata_exporter" / "app.py").write_text("third")
    assert await worktree.head() == f"{commit}-dirty"


async def test_outside_of_git_there_is_no_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktree, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert await worktree.head() == ""
