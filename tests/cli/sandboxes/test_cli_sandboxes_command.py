"""``sandboxes`` as a user runs it, against answers of every kind."""

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from canned_http import Answer, canned, ok, raw, status
from kata_exporter.cli.sandboxes import asking
from kata_exporter.cli.sandboxes.asking import AskError, ask
from kata_exporter.cli.sandboxes.target import at_url
from run_program import AS_ONE_WHO_OBEYS_MODES, on_terminal, run_program, started
from waiting import eventually

UP = {
    "id": "demo-1",
    "generation": 1,
    "runtime": "go",
    "agent_url": "hvsock:///run/vc/vm/demo-1/clh.sock:1024",
    "sources": ["directory"],
    "pod": {"namespace": "shop", "name": "web-0", "uid": "u-1"},
    "containers": [{"id": "c1", "name": "app", "image": "i", "state": "running"}],
    "up": True,
    "reason": "ok",
    "detail": "",
    "known_seconds": 5.0,
    "published": True,
    "lease_seconds": None,
}
DOWN = {**UP, "id": "demo-2", "up": False, "reason": "timeout", "pod": {"namespace": "search"}}


def listing(*sandboxes: object) -> Answer:
    return ok(json.dumps({"sandboxes": sandboxes}))


def test_a_table_is_printed_whatever_the_sandboxes_are_like() -> None:
    with canned(listing(UP, DOWN)) as server:
        ended = run_program("sandboxes", "--url", f"http://{server.address}")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "SANDBOX  POD         RUNTIME  STATE          CONTAINERS  OOM  AGE  SOURCES    URL\n"
        "demo-2   search/     go       down: timeout  1/1         0/-  5s   directory  hvsock:///run/vc/vm/demo-1/clh.sock:1024\n"
        "demo-1   shop/web-0  go       up             1/1         0/-  5s   directory  hvsock:///run/vc/vm/demo-1/clh.sock:1024\n"
    )
    (request,) = server.requests
    assert request.startswith(b"GET /api/v1/sandboxes HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("argv", "ids"),
    [
        ([], ["demo-1", "demo-2"]),
        (["--namespace", "shop"], ["demo-1"]),
        (["--namespace", "shop", "--namespace", "search"], ["demo-1", "demo-2"]),
        (["--reason", "timeout"], ["demo-2"]),
        (["--reason", "timeout", "--namespace", "shop"], []),
    ],
)
def test_json_is_all_that_was_said_of_those_that_were_asked_for(
    argv: list[str], ids: list[str]
) -> None:
    with canned(listing(UP, DOWN)) as server:
        ended = run_program("sandboxes", "--url", f"http://{server.address}", "--json", *argv)

    assert (ended.code, ended.err) == (0, "")
    printed = json.loads(ended.out)
    assert [entry["id"] for entry in printed] == ids
    assert all(entry in (UP, DOWN) for entry in printed)
    assert ended.out == json.dumps(printed, indent=2, sort_keys=True) + "\n"


def test_having_none_is_said_and_no_failure() -> None:
    with canned(listing()) as server:
        ended = run_program("sandboxes", "--url", f"http://{server.address}")
        filtered = run_program("sandboxes", "--url", f"http://{server.address}", "--reason", "ok")

    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("kata-exporter: the exporter knows no sandboxes")
    assert filtered.err.startswith("kata-exporter: no sandbox of those")


def test_an_exporter_on_a_unix_socket_is_asked_there(tmp_path: Path) -> None:
    with canned(listing(UP), tmp_path / "admin.sock"):
        ended = run_program("sandboxes", "--socket", str(tmp_path / "admin.sock"))

    assert (ended.code, ended.out.count("\n")) == (0, 2)


def test_the_configuration_says_where_the_exporter_is() -> None:
    with canned(listing(UP)) as server:
        ended = run_program("sandboxes", env={"KATA_EXPORTER_WEB_LISTEN_ADDRESS": server.address})

    assert (ended.code, ended.out.count("\n")) == (0, 2)


def test_no_proxy_of_the_environment_is_used() -> None:
    with canned(listing(UP)) as server, canned(listing()) as proxy:
        ended = run_program(
            "sandboxes",
            "--url",
            f"http://{server.address}",
            env=dict.fromkeys(("http_proxy", "ALL_PROXY"), f"http://{proxy.address}"),
        )

    assert (ended.code, ended.out.count("\n")) == (0, 2)
    assert proxy.requests == []


def test_a_redirect_is_not_followed() -> None:
    with canned(listing(UP)) as elsewhere:
        where = f"Location: http://{elsewhere.address}/api/v1/sandboxes\r\n"
        with canned(status("302 Found", extra=where)) as server:
            ended = run_program("sandboxes", "--url", f"http://{server.address}")

    assert ended.code == 1
    assert "sends us elsewhere" in ended.err
    assert elsewhere.requests == []


def test_an_exporter_that_is_not_there_is_one_line_and_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    ended = run_program("sandboxes", "--url", f"http://{address}")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"kata-exporter: nobody listens at http://{address}: start kata-exporter serve, or say with"
        " --url or --socket where it is\n"
    )

    ended = run_program("sandboxes", "--socket", str(tmp_path / "none.sock"))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("kata-exporter: there is no '/")


def _gigabytes(client: socket.socket, over: Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    part = b" " * 65536
    while not over.is_set():
        client.sendall(part)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (
            status("404 Not Found"),
            "is no kata-exporter, or an older one: it has no /api/v1/sandbox",
        ),
        (status("401 Unauthorized"), "denies it, with status 401"),
        (status("500 Internal Server Error"), "answered with status 500: its log says why"),
        (ok("<html>", "text/html"), "is no kata-exporter: its /api/v1/sandboxes is not plain JSON"),
        (ok("{}", extra="Content-Encoding: gzip\r\n"), "is not plain JSON"),
        (ok("nothing"), "does not answer as an exporter does: not JSON: Expecting value"),
        (ok('{"sandboxes": [{"id": 1}]}'), "as an exporter does: id of a sandbox is 1"),
        (raw(b""), "does not answer as an exporter does: Server disconnected"),
        (raw(b"SSH-2.0-\x1b[2J\r\n"), "does not answer as an exporter does: "),
        (raw(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 65536 + b"\r\n\r\n"), "does not answer as an expo"),
        (_gigabytes, "answers with more than 16 MiB, which no exporter does"),
    ],
)
def test_an_answer_that_is_no_exporters_is_one_line_and_1(answer: Answer, complaint: str) -> None:
    with canned(answer) as server:
        ended = run_program("sandboxes", "--url", f"http://{server.address}")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"kata-exporter: http://{server.address} ")
    assert complaint in ended.err
    assert ended.err.count("\n") == 1
    assert ended.err.removesuffix("\n").isprintable()


def _silent(client: socket.socket, over: Event) -> None:
    del client
    over.wait(30)


def _drop_by_drop(client: socket.socket, over: Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not over.wait(0.02):
        client.sendall(b" ")


@pytest.mark.parametrize("answer", [_silent, _drop_by_drop])
async def test_all_of_it_has_one_deadline(answer: Callable[[socket.socket, Event], None]) -> None:
    too_late = pytest.raises(AskError, match=r"has not answered within 0\.3 s")
    with canned(answer) as server, too_late:
        await ask(at_url(f"http://{server.address}"), deadline_seconds=0.3)


def test_the_deadline_of_the_command_is_5_seconds() -> None:
    assert asking.DEADLINE_SECONDS == 5.0


def test_names_with_terminal_escapes_reach_no_terminal() -> None:
    evil = {
        **UP,
        "pod": {"namespace": "a\x1b]0;owned\x07", "name": "b\u202e\n"},
        "reason": "\x1b[2J",
    }
    with canned(listing(evil)) as server:
        url = f"http://{server.address}"
        table, as_json = (
            run_program("sandboxes", "--url", url, *more) for more in ([], ["--json"])
        )

    for ended in (table, as_json):
        assert ended.code == 0
        assert all(line.isascii() and line.isprintable() for line in ended.out.splitlines())
    assert table.out.count("\n") == 2


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--json", "--watch"], "--json prints once: leave out --watch"),
        (["--url", "x"], "--url: 'x' is no URL of HTTP: write it as http://127.0.0.1:9823"),
        (["--url", "http://a", "--socket", "b"], "--socket: not allowed with argument --url"),
        (
            ["--reason", "timeouts"],
            "--reason: 'timeouts' is not a choice: write one of ok, pending",
        ),
        (["--watch", "5"], "--watch: '5' has no unit: write a duration such as 15s"),
        (["--watch", "1ms"], "--watch: must be from 100ms to 1d"),
        (["x"], "'x' is one argument too many"),
    ],
)
def test_a_mistake_is_one_line_and_2(argv: list[str], complaint: str) -> None:
    ended = run_program("sandboxes", *argv)

    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert complaint in ended.err


class TestOnATerminal:
    def test_lines_fit_and_states_are_coloured(self) -> None:
        with canned(listing(UP, DOWN)) as server:
            argv = ["sandboxes", "--url", f"http://{server.address}"]
            with on_terminal(*argv, columns=90) as shown:
                assert shown.process.wait(30) == 0

        text = bytes(shown.written).decode()
        assert "\x1b[32mup" in text
        assert "\x1b[31mdown: timeout" in text
        plain = text.replace("\x1b[32m", "").replace("\x1b[31m", "").replace("\x1b[0m", "")
        assert max(len(line) for line in plain.splitlines()) == 90

    @pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
    def test_colours_are_left_out_where_they_are_not_wanted(self, env: dict[str, str]) -> None:
        with (
            canned(listing(UP)) as server,
            on_terminal("sandboxes", "--url", f"http://{server.address}", env=env) as shown,
        ):
            assert shown.process.wait(30) == 0

        assert b"demo-1" in shown.written
        assert b"\x1b" not in shown.written

    def test_watching_draws_over_what_was_there_until_a_signal(self) -> None:
        with canned(listing(UP, DOWN)) as server:
            argv = ["sandboxes", "--url", f"http://{server.address}", "--watch=100ms"]
            with on_terminal(*argv, columns=120) as shown:
                eventually(lambda: shown.written.count(b"1 of 2 up") >= 2, within=20)
                server.answer = status("500 Internal Server Error")
                eventually(lambda: b"answered with status 500" in shown.written, within=20)
                server.answer = listing()
                eventually(lambda: b"0 of 0 up" in shown.written, within=20)
                shown.process.send_signal(signal.SIGINT)
                assert shown.process.wait(10) == 0

        assert shown.written.count(b"\x1b[?7l") == shown.written.count(b"\x1b[?7h") > 2

    def test_a_watch_shows_no_more_lines_than_there_is_room_for(self) -> None:
        many = [{**UP, "id": f"demo-{n}"} for n in range(50)]
        with canned(listing(*many)) as server:
            argv = ["sandboxes", "--url", f"http://{server.address}", "--watch=60s"]
            with on_terminal(*argv, lines=10) as shown:
                eventually(lambda: b"\x1b[?7h" in shown.written, within=20)

        frame = bytes(shown.written).decode()
        assert "… and 45 more" in frame
        assert frame.count("\n") == 9


class TestNotOnATerminal:
    def test_watching_prints_what_changes_until_a_signal(self) -> None:
        with canned(listing(UP)) as server:
            argv = ["sandboxes", "--url", f"http://{server.address}", "--watch=100ms"]
            with started(*argv) as process:
                assert process.stdout is not None
                first = process.stdout.readline()
                server.answer = listing({**UP, "up": False, "reason": "closed"}, DOWN)
                second, third = process.stdout.readline(), process.stdout.readline()
                server.answer = status("500 Internal Server Error")
                assert process.stderr is not None
                complaint = process.stderr.readline()
                server.answer = listing(DOWN)
                fourth = process.stdout.readline()
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=10)

        told = [line[21:] for line in (first, second, third, fourth)]
        assert told == [
            (
                "there    demo-1 shop/web-0: state up, containers 1/1, sources directory,"
                " url hvsock:///run/vc/vm/demo-1/clh.sock:1024\n"
            ),
            "changed  demo-1 shop/web-0: state up -> down: closed\n",
            (
                "there    demo-2 search/: state down: timeout, containers 1/1, sources directory,"
                " url hvsock:///run/vc/vm/demo-1/clh.sock:1024\n"
            ),
            "gone     demo-1 shop/web-0\n",
        ]
        assert complaint.endswith("answered with status 500: its log says why\n")
        assert (process.returncode, out, err) == (0, "", "")

    def test_an_exporter_that_is_not_there_at_first_ends_a_watch(self, tmp_path: Path) -> None:
        ended = run_program("sandboxes", "--socket", str(tmp_path / "none.sock"), "--watch")

        assert (ended.code, ended.out) == (1, "")


def test_a_socket_that_may_not_be_connected_to_says_whom_to_be(tmp_path: Path) -> None:
    prefix = AS_ONE_WHO_OBEYS_MODES if os.geteuid() == 0 else ()
    with canned(listing(UP), tmp_path / "admin.sock"):
        (tmp_path / "admin.sock").chmod(0)
        ended = run_program("sandboxes", "--socket", str(tmp_path / "admin.sock"), prefix=prefix)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith(": permission denied: ask as root, or as the exporter's user\n")
