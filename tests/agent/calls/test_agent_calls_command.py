"""From a command to a process: numbers only, and nothing that would be read as something else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata_exporter.agent.calls.command import process_of, user_of
from kata_exporter.agent.types import Command, oci
from kata_exporter.errors import ArgumentError

IDS = st.integers(0, (1 << 32) - 1)


def command(user: str = "0", primary: str = "", groups: tuple[str, ...] = ()) -> Command:
    return Command(("ls",), user, primary, groups)


@given(IDS, st.none() | IDS, st.none() | IDS, st.lists(IDS, max_size=5))
def test_numbers_of_32_bits_are_whom_it_runs_as(
    uid: int, gid: int | None, primary: int | None, groups: list[int]
) -> None:
    user = user_of(
        command(
            str(uid) if gid is None else f"{uid}:{gid}",
            "" if primary is None else str(primary),
            tuple(map(str, groups)),
        )
    )

    expected = primary if primary is not None else gid or 0
    assert user == oci.User(uid, expected, tuple(groups))


@given(st.text(max_size=30) | st.from_regex(r"[0-9:+\- _]{0,30}", fullmatch=True))
def test_any_user_is_two_numbers_at_most_or_an_error_that_names_it(text: str) -> None:
    """Judged by a second reading of the rule."""
    parts = text.split(":")
    good = len(parts) <= 2 and all(
        re.fullmatch(r"[0-9]+", part, re.ASCII) and int(part) < 1 << 32 for part in parts
    )

    if good:
        user = user_of(command(text))
        assert [user.uid, user.gid][: len(parts)] == [int(part) for part in parts]
        return
    with pytest.raises(ArgumentError) as caught:
        user_of(command(text))
    assert caught.value.argument == "command.user"


@pytest.mark.parametrize(
    "user",
    ["", "root", ":", "0:", ":0", "0:0:0", "-1", "+1", "1_0", "0x0", " 0", "0 ", "٣", "4294967296"],
)
def test_user_that_is_no_number_is_refused(user: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        user_of(command(user))

    assert caught.value.argument == "command.user"


def test_number_of_thousands_of_digits_is_refused_like_any() -> None:
    with pytest.raises(ArgumentError, match=r"command\.user"):
        user_of(command("9" * 5000))
    assert user_of(command("0" * 5000 + "7")).uid == 7


def test_groups_are_named_where_they_are_wrong() -> None:
    with pytest.raises(ArgumentError, match=r"command\.primary_group"):
        user_of(command(primary="wheel"))
    with pytest.raises(ArgumentError, match=r"command\.supplementary_groups\[1\]"):
        user_of(command(groups=("1", "wheel")))


def test_variables_are_joined_in_order_and_may_hold_anything_but_nul() -> None:
    env = {"B": "x=y", "A": "", "c.d": "\n"}

    assert process_of(Command(("ls",), env=env)).env == ("B=x=y", "A=", "c.d=\n")


@pytest.mark.parametrize(
    ("bad", "argument"),
    [
        (Command(()), "command.args"),
        (Command(("ls", "a\0b")), "command.args[1]"),
        (Command(("ls",), env={"": "x"}), "command.env"),
        (Command(("ls",), env={"A=B": "x"}), "command.env"),
        (Command(("ls",), env={"A\0": "x"}), "command.env"),
        (Command(("ls",), env={"A": "x\0"}), "command.env[A]"),
    ],
)
def test_what_cannot_be_run_is_refused(bad: Command, argument: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        process_of(bad)

    assert caught.value.argument == argument
