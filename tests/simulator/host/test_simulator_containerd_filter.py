"""The filters of containerd's event stream, in the forms that clients send and those refused."""

from collections.abc import Sequence

import pytest

from kata_exporter.simulator.host.containerd_filter import FilterError, parse_filter

FIELDS = {
    ("namespace",): "k8s.io",
    ("topic",): "/tasks/oom",
    ("event", "container_id"): "c-1",
    ("event", "odd name"): "yes",
}


def lookup(path: Sequence[str]) -> str | None:
    return FIELDS.get(tuple(path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        'topic=="/tasks/oom"',
        'topic~="/tasks/oom"',
        'topic~="^/tasks/(oom|exit)$"',
        "topic~=/tasks/",
        r"topic~=|/tasks/o+m|",
        "topic~=tasks.o",
        "namespace==k8s.io",
        "namespace==k8s.io,topic~=|^/tasks/|",
        ' namespace == k8s.io , topic ~= "oom" ',
        "namespace!=moby",
        "event.container_id==c-1",
        'event."odd name"==yes',
        'event . container_id=="c-1"',
        "event.container_id",
        "event.pid!=7",
        r'topic~="\\w+/oom"',
    ],
)
def test_what_matches(text: str) -> None:
    assert parse_filter(text)(lookup)


@pytest.mark.parametrize(
    "text",
    [
        'topic=="/tasks/exit"',
        'topic=="/tasks"',
        "namespace==moby",
        "namespace!=k8s.io",
        'namespace==k8s.io,topic=="/tasks/exit"',
        "event.pid",
        "event.pid==7",
        "event",
        "event.container_id~=^x",
        # Regular expressions are compiled to match, and one that can't be matches nothing.
        'topic~="("',
    ],
)
def test_what_does_not_match(text: str) -> None:
    assert not parse_filter(text)(lookup)


@pytest.mark.parametrize(
    "text",
    [
        "topic==/tasks/oom",
        "topic==/tasks/",
        "topic=oom",
        "topic===oom",
        "topic==",
        "topic==,namespace==k8s.io",
        "topic~=oom,",
        ",topic~=oom",
        "topic~=oom namespace==k8s.io",
        'topic=="oom',
        "topic.==oom",
        "/topic/==oom",
        "==oom",
        " ",
        r'topic~="\d"',
    ],
)
def test_what_is_refused_is_shown(text: str) -> None:
    with pytest.raises(FilterError, match="filters: parse error: "):
        parse_filter(text)


def test_escapes_in_quotes_are_read_once() -> None:
    said = parse_filter(r'topic=="a\"b\\c\td"')

    assert said(lambda _: 'a"b\\c\td')
    assert not said(lambda _: r"a\"b\\c\td")
