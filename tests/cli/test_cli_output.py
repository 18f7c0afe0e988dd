"""Standard output that can't be written."""

import errno
import io
import sys
from collections.abc import Callable

import pytest

from kata_exporter.cli import output


class Broken(io.RawIOBase):
    """Fails every write with `error`."""

    def __init__(self, error: int) -> None:
        super().__init__()
        self.error = error

    def writable(self) -> bool:
        return True

    def write(self, _data: object) -> int:
        if self.error:
            raise OSError(self.error, "broken")
        return len(bytes(_data))  # type: ignore[call-overload]  # any buffer


def flush_what_is_buffered() -> None:
    sys.stdout.write("x")
    output.flush()


ACTIONS = [
    pytest.param(lambda: output.write(b"page\n"), id="write"),
    pytest.param(lambda: output.say("line"), id="say"),
    pytest.param(flush_what_is_buffered, id="flush"),
]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("number", "gone"), [(errno.EPIPE, True), (errno.ENOSPC, False)])
def test_a_failed_write_tells_whether_the_reader_has_gone(
    action: Callable[[], None], number: int, gone: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = Broken(number)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw), "utf-8"))

    with pytest.raises(output.OutputError, match="standard output: broken") as caught:
        action()

    assert caught.value.reader_gone is gone
    raw.error = 0  # what is still buffered goes nowhere


def test_complaints_carry_the_programs_name_on_every_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.complain("one\ntwo")

    assert capsys.readouterr().err == "kata-exporter: one\nkata-exporter: two\n"
