"""What is no mistake, and is warned of."""

from kata_exporter.config.look import Look
from kata_exporter.config.review import review
from kata_exporter.config.settings import Settings, StaticSandbox


def box(name: str, url: str, line: int) -> StaticSandbox:
    return StaticSandbox(name, url, line=line, file="c.yaml")


def reviewed(*sandboxes: StaticSandbox) -> list[str]:
    return list(review(Settings(sandboxes=sandboxes), Look()))


def test_nothing_is_said_of_what_is_well() -> None:
    assert reviewed(box("box-a", "unix:///a", 1), box("box-b", "unix:///b", 2)) == []


def test_an_agent_url_that_cannot_be_read_is_told_with_its_place_and_state() -> None:
    (line,) = reviewed(box("box-a", "http://a", 3))

    assert line.startswith("c.yaml:3: box-a will show as rejected: agent URL 'http://a': ")


def test_two_entries_with_one_agent_are_told_however_they_write_it() -> None:
    (line,) = reviewed(box("box-a", "vsock://3:1024", 1), box("box-b", "vsock://03:1024", 4))

    assert line == (
        "c.yaml:4: box-b has the agent URL of box-a (c.yaml:1): both will show what one guest says"
    )
