"""The corpus of every fuzz target keeps the promises, and fuzzing would tell of one that is broken."""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from fuzz.__main__ import CORPUS, fuzz, main
from fuzz.targets import NAMES

INPUTS = [(name, path) for name in NAMES for path in sorted((CORPUS / name).iterdir())]


@pytest.mark.parametrize(("name", "path"), INPUTS, ids=lambda value: str(value).rpartition("/")[2])
def test_every_input_of_the_corpus_keeps_the_promises(name: str, path: Path) -> None:
    import_module(f"fuzz.targets.{name}").try_one(path.read_bytes())


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(NAMES)
    targets = {path.stem for path in (CORPUS.parent / "targets").glob("[a-z]*.py")}
    assert targets == set(NAMES)


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this machine")
@pytest.mark.timeout(120)
def test_a_target_that_breaks_its_promise_is_told_with_what_broke_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fuzz.__main__.FINDINGS", tmp_path)
    monkeypatch.setattr("fuzz.__main__.CORPUS", tmp_path / "corpus")
    (tmp_path / "corpus" / "query").mkdir(parents=True)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import kata_exporter.web.query as query\n"
        "def refuse(*_: object) -> None:\n"
        "    raise query.QueryError('x' * 5000)\n"
        "query.parse_selection = refuse\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(broken))

    assert fuzz("query", 60) == 1

    assert "FAULT" in capsys.readouterr().out
    assert [path for path in tmp_path.iterdir() if path.name.startswith("query-crash")]


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this machine")
def test_fuzzing_for_a_second_finds_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzz", "--seconds", "1", "agent_url"])

    assert main() == 0

    assert "no fault" in capsys.readouterr().out


def test_a_target_that_there_is_not_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzz", "nothing"])

    with pytest.raises(SystemExit):
        main()

    assert "the targets are frames, answers" in capsys.readouterr().err
