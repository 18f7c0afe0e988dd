"""CRI-O's bundles: a file ``oom`` says that there was one; nothing is followed to get there."""

import os
from pathlib import Path

from kata_exporter.model import OomSeen
from kata_exporter.oom.crio import find, is_there


def _bundle(folder: Path, container_id: str) -> Path:
    bundle = folder / container_id / "userdata"
    bundle.mkdir(parents=True)
    return bundle


def test_a_file_oom_is_an_event_of_its_time(tmp_path: Path) -> None:
    (_bundle(tmp_path, "c1") / "oom").touch()
    os.utime(tmp_path / "c1/userdata/oom", ns=(5, 7_000_000_000))
    _bundle(tmp_path, "c2")

    found = list(find(str(tmp_path), ["c1", "c2", "c3"]))

    assert found == [OomSeen("crio", "c1", "", 7_000_000_000)]


def test_no_link_is_followed_and_no_id_leads_out(tmp_path: Path) -> None:
    outside = _bundle(tmp_path / "outside", "x")
    (outside / "oom").touch()
    bundles = tmp_path / "bundles"
    (bundles / "c2").mkdir(parents=True)
    (bundles / "c1").symlink_to(tmp_path / "outside/x")
    (bundles / "c2/userdata").symlink_to(outside)
    (_bundle(bundles, "c3") / "oom").symlink_to(outside / "oom")
    (_bundle(bundles, "c4") / "oom").mkdir()

    ids = ["c1", "c2", "c3", "c4", "../outside/x", "", "a\0b"]

    assert list(find(str(bundles), ids)) == []


def test_the_folder_may_come_later(tmp_path: Path) -> None:
    folder = tmp_path / "bundles"
    assert not is_there(str(folder))
    folder.mkdir()

    assert is_there(str(folder))
