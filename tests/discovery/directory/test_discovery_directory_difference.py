"""Comparing what is known with what a look saw."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.discovery.directory.difference import difference
from kata_exporter.discovery.directory.folder import Found
from kata_exporter.model import Refusal

OLD, NEW = Found("1:1"), Found("1:2")
REFUSED = Found("1:1", Refusal("rejected", "a symlink"))


def test_new_and_gone_are_told_apart_and_what_is_the_same_is_not_told() -> None:
    change = difference({"aa": OLD, "bb": OLD}, {"aa": OLD, "bb": None, "cc": NEW})

    assert change.found == {"aa": OLD, "cc": NEW}
    assert (change.gone, change.new) == (("bb",), ("cc",))


def test_what_was_not_looked_at_stays() -> None:
    assert difference({"aa": OLD}, {"bb": NEW}).found == {"aa": OLD, "bb": NEW}


def test_another_birth_is_new_and_so_is_another_refusal() -> None:
    assert difference({"aa": OLD}, {"aa": NEW}).new == ("aa",)
    assert difference({"aa": OLD}, {"aa": REFUSED}).new == ("aa",)


def test_what_was_never_known_can_not_go() -> None:
    change = difference({}, {"aa": None})

    assert (change.gone, change.new) == ((), ())


ids = st.sampled_from(["aa", "bb", "cc", "dd", "ee"])
births = st.integers(1, 3).map(lambda n: Found(f"1:{n}"))
steps = st.lists(st.dictionaries(ids, st.none() | births), max_size=12)


@given(steps=steps, looks=st.sets(st.integers(0, 12)))
def test_any_makes_removes_and_replacements_end_with_what_is_there(
    steps: list[Mapping[str, Found | None]], looks: set[int]
) -> None:
    there: dict[str, Found] = {}
    known: Mapping[str, Found] = {}
    believed: dict[str, Found] = {}
    changed: set[str] = set()
    for number, step in enumerate([*steps, {}]):
        for sandbox_id, made in step.items():
            there.pop(sandbox_id, None)
            if made is not None:
                there[sandbox_id] = made
            changed.add(sandbox_id)
        if number in looks or number == len(steps):
            # As events have it: only what has changed since is looked at.
            change = difference(known, {name: there.get(name) for name in changed})
            known, changed = change.found, set()
            for sandbox_id in change.gone:
                del believed[sandbox_id]
            believed |= {sandbox_id: known[sandbox_id] for sandbox_id in change.new}

    assert known == there
    assert believed == there, "who is told of the differences alone knows as much"
