"""The first values are admitted for good, and no others."""

from kata_exporter.collectors.containers.admitted import Admitted


def test_the_first_values_are_admitted_again_and_again_and_no_others() -> None:
    admitted = Admitted[str](2)

    answers = [admitted.admits(value) for value in "abcabca"]

    assert answers == [True, True, False, True, True, False, True]


def test_none_is_admitted_where_there_is_room_for_none() -> None:
    assert not Admitted[int](0).admits(1)
