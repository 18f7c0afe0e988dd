"""More sandboxes in a folder: which folder, what its files may hold, and how looks compare."""

from pathlib import Path

import pytest

from kata_exporter.config import look as look_module
from kata_exporter.config.load import Loader
from kata_exporter.errors import ConfigError

BOX_A = "sandboxes: [{id: box-a, agent_url: 'unix:///a'}]\n"
BOX_B = "# b\nsandboxes:\n- {id: box-b, agent_url: 'unix:///b'}\n"


@pytest.fixture
def main(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(BOX_A)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "sandboxes.d"
    path.mkdir()
    return path


def loader(main: Path | None, **flags: str) -> Loader:
    given = {name.replace("__", ".").replace("_", "-"): [value] for name, value in flags.items()}
    return Loader(config_file=main, environ={}, flags=given)


def ids(loader: Loader) -> list[str]:
    return [sandbox.id for sandbox in loader.load().settings.sandboxes]


def errors(loader: Loader) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loader.load()
    return str(caught.value).splitlines()


def test_the_folder_beside_the_file_is_read_if_it_is_there(main: Path, folder: Path) -> None:
    assert ids(loader(main)) == ["box-a"]
    (folder / "b.yaml").write_text(BOX_B)

    assert ids(loader(main)) == ["box-a", "box-b"]


def test_no_folder_is_no_matter(main: Path) -> None:
    loaded = loader(main).load()

    assert loaded.warnings == ()
    assert loaded.files == (str(main),)


def test_sandboxes_know_their_places(main: Path, folder: Path) -> None:
    (folder / "b.yaml").write_text(BOX_B)

    places = [sandbox.place for sandbox in loader(main).load().settings.sandboxes]

    assert places == [f"{main}:1", f"{folder}/b.yaml:3"]


def test_the_file_names_a_folder_relative_to_its_own(main: Path, tmp_path: Path) -> None:
    main.write_text("sandboxes_directory: more\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.yaml").write_text(BOX_B)

    assert ids(loader(main)) == ["box-b"]


def test_a_flag_names_it_above_the_file(main: Path, folder: Path, tmp_path: Path) -> None:
    main.write_text("sandboxes_directory: elsewhere\n")
    (folder / "b.yaml").write_text(BOX_B)

    assert ids(loader(main, config__sandboxes_directory=str(folder))) == ["box-b"]
    assert ids(loader(None, config__sandboxes_directory=str(folder))) == ["box-b"]
    variable = {"KATA_EXPORTER_CONFIG_SANDBOXES_DIRECTORY": str(folder)}
    assert ids(Loader(config_file=None, environ=variable, flags={})) == ["box-b"]
    assert ids(Loader(config_file=tmp_path / "c.yaml", environ=variable, flags={})) == ["box-b"]


def test_a_named_folder_that_is_not_there_is_warned_of(main: Path, tmp_path: Path) -> None:
    main.write_text("sandboxes_directory: missing\n")

    (warning,) = loader(main).load().warnings

    assert warning == (
        f"{tmp_path}/missing: isn't there: until it is, sandboxes_directory adds no sandboxes"
    )


def test_an_id_that_two_files_give_is_told_with_both_places(main: Path, folder: Path) -> None:
    (folder / "b.yaml").write_text("# b\n" + BOX_A)

    assert errors(loader(main)) == [
        (
            f"{folder}/b.yaml:2: sandboxes[0].id: 'box-a' is the id of the sandbox at {main}:1 too:"
            " give each sandbox an id of its own"
        )
    ]


def test_mistakes_of_all_files_are_told_at_once_file_by_file(main: Path, folder: Path) -> None:
    main.write_text("\n\n\n\ntypo: 1\n")
    (folder / "b.yaml").write_text("\nlog: {level: info}\n")
    (folder / "a.yaml").write_text("sandboxes: [\n")
    (folder / "c.yaml").symlink_to("nowhere")

    lines = errors(loader(main))

    assert [line.partition(": ")[0] for line in lines] == [
        f"{main}:5",
        f"{folder}/a.yaml:2",
        f"{folder}/b.yaml:2",
        f"{folder}/c.yaml",
    ]
    assert "log: unknown key; it is one of sandboxes" in lines[2]


def test_h9_a_file_of_the_folder_that_every_user_may_write_is_refused(
    main: Path, folder: Path
) -> None:
    (folder / "b.yaml").write_text(BOX_B)
    (folder / "b.yaml").chmod(0o666)

    (line,) = errors(loader(main))

    assert line.startswith(f"{folder}/b.yaml: every user may write it")


def test_h9_a_folder_that_every_user_may_write_is_refused(main: Path, folder: Path) -> None:
    folder.chmod(0o777)

    (line,) = errors(loader(main))

    assert line.endswith(f"sudo chmod o-w {folder}")


def test_all_files_of_a_folder_are_bounded_together(
    main: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_module, "MAX_FOLDER_BYTES", 100)
    for name in ("a.yaml", "b.yaml"):
        (folder / name).write_text("#" * 51)

    (line,) = errors(loader(main))

    assert line.startswith(f"{folder}/b.yaml: larger than the 49 bytes that are left for it")


def test_so_many_sandboxes_may_all_files_name_together(
    main: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "b.yaml").write_text(BOX_B)
    monkeypatch.setattr("kata_exporter.config.load.MAX_SANDBOXES", 2)
    assert len(ids(loader(main))) == 2

    monkeypatch.setattr("kata_exporter.config.load.MAX_SANDBOXES", 1)

    (line,) = errors(loader(main))
    assert line.startswith(f"{folder}/b.yaml:")
    assert "sandboxes: 2 in all files, where 1 are allowed" in line


def test_a_look_that_sees_the_same_has_the_same_checksum(main: Path, folder: Path) -> None:
    (folder / "b.yaml").write_text(BOX_B)
    before = loader(main).look().checksum()

    main.write_text(BOX_A)
    (folder / "b.yaml").touch()
    (folder / "notes.txt").write_text("of no interest")

    assert loader(main).look().checksum() == before


def test_a_look_that_sees_anything_else_has_another_checksum(main: Path, folder: Path) -> None:
    looking = loader(main)
    seen = {looking.look().checksum()}
    steps = [
        lambda: main.write_text(BOX_A + "#"),
        lambda: (folder / "b.yaml").write_text(BOX_B),
        lambda: (folder / "b.yaml").rename(folder / "c.yaml"),
        lambda: (folder / "c.yaml").chmod(0o646),
        (folder / "c.yaml").unlink,
        folder.rmdir,
        main.unlink,
        main.mkdir,
    ]
    for number, step in enumerate(steps):
        step()
        seen.add(looking.look().checksum())
        # Without the folder's file, it is as it was before that came.
        assert len(seen) == number + 2 - (number >= 4), number


def test_a_folder_that_the_file_names_anew_is_looked_at(main: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.yaml").write_text(BOX_B)
    looking = loader(main)
    assert looking.look().files == ()

    main.write_text("sandboxes_directory: more\n")

    assert [file.text for file in looking.look().files] == [BOX_B]


def test_there_are_files_where_one_or_a_folder_is_named(main: Path) -> None:
    assert loader(main).has_files
    assert loader(None, config__sandboxes_directory="/nowhere").has_files
    assert not loader(None).has_files
