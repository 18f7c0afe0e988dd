"""The last OOMs, found by what they are about."""

from dataclasses import replace

import pytest

from kata_exporter.errors import ArgumentError
from kata_exporter.model import OomKind, OomRecord, Pod
from kata_exporter.oom.journal import MAX_RECORDS, Journal, OomFilter

ONE = OomRecord(100.0, OomKind.REPORTED, "containerd", "sb1", Pod("shop", "web-0"), "web", "c1")


def test_the_newest_come_first_and_the_oldest_give_way() -> None:
    journal = Journal()
    for n in range(MAX_RECORDS + 2):
        journal.add(replace(ONE, time=float(n)))

    found = list(journal.find(OomFilter()))

    assert len(found) == MAX_RECORDS
    assert (found[0].time, found[-1].time) == (MAX_RECORDS + 1, 2.0)


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (OomFilter(), True),
        (OomFilter(namespace="shop", pod="web-0", container="web", sandbox_id="sb1"), True),
        (OomFilter(kind=OomKind.REPORTED, source="containerd", since=100.0), True),
        (OomFilter(namespace="other"), False),
        (OomFilter(pod="other"), False),
        (OomFilter(container=""), False),
        (OomFilter(sandbox_id="sb2"), False),
        (OomFilter(kind=OomKind.INFERRED), False),
        (OomFilter(source="agent"), False),
        (OomFilter(since=100.5), False),
    ],
)
def test_filter(wanted: OomFilter, takes: bool) -> None:  # noqa: FBT001  a table
    assert wanted.takes(ONE) is takes


def test_no_more_are_found_than_are_asked_for() -> None:
    journal = Journal()
    for n in range(10):
        journal.add(replace(ONE, time=float(n), source="agent" if n % 2 else "cri"))

    found = [record.time for record in journal.find(OomFilter(source="agent", limit=3))]

    assert found == [9.0, 7.0, 5.0]


@pytest.mark.parametrize("limit", [0, -1, MAX_RECORDS + 1])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(ArgumentError, match=rf"limit {limit}: should be from 1 to 1000"):
        OomFilter(limit=limit)


@pytest.mark.parametrize("limit", [1, MAX_RECORDS])
def test_a_limit_in_range_is_taken(limit: int) -> None:
    journal = Journal()
    for _ in range(MAX_RECORDS):
        journal.add(ONE)

    assert len(list(journal.find(OomFilter(limit=limit)))) == limit
