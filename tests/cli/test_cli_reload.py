"""``serve`` reloads: a process of its own, real files, a real signal, real HTTP."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from program import END_SECONDS, first_match, get, program
from waiting import eventually

HEAD = "discovery: {directories: []}\ncri: {endpoint: none}\ncontainerd: {endpoint: none}\nweb: {listen_address: '127.0.0.1:0'}\nsandboxes:\n"


def text(*ids: str) -> str:
    return HEAD + "".join(f"- {{id: {id_}, agent_url: 'unix:///nowhere'}}\n" for id_ in ids)


class Server:
    """A running ``serve``, and the file that it was started with."""

    def __init__(self, process: "subprocess.Popen[str]", address: str, path: Path) -> None:
        self.process = process
        self.url = f"http://{address}"
        self.path = path

    def sandboxes(self) -> set[str]:
        page = get(f"{self.url}/metrics")
        return set(re.findall(r'^kata_sandbox_up\{sandbox_id="([^"]*)"', page, re.MULTILINE))

    def reloaded(self) -> bool:
        page = get(f"{self.url}/metrics")
        return "kata_exporter_config_last_reload_successful 1.0" in page

    def post(self) -> tuple[int, str]:
        request = Request(f"{self.url}/-/reload", method="POST")  # noqa: S310  of our own making
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310  as above
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()


@contextmanager
def serving(tmp_path: Path, *argv: str) -> Iterator[Server]:
    path = tmp_path / "c.yaml"
    path.write_text(text("box-a"))
    with program(tmp_path, "serve", "--config.file", str(path), *argv) as process:
        address = first_match(process.stderr, r"addresses=(127\.0\.0\.1:[0-9]+)")
        yield Server(process, address, path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_SECONDS) == 0


def test_sighup_reloads_at_once_and_a_bad_file_is_told_with_its_line(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        log = server.process.stderr
        server.path.write_text(text("box-a", "box-b"))
        server.process.send_signal(signal.SIGHUP)
        assert first_match(log, r"(configuration reloaded).* sandboxes=2")
        eventually(lambda: server.sandboxes() == {"box-a", "box-b"})

        server.path.write_text("\n" + HEAD + "- {id: box-c}\n")
        server.process.send_signal(signal.SIGHUP)
        told = first_match(log, r'configuration not reloaded.*error="(.*)"')
        assert told.startswith(f"{server.path}:7: sandboxes[0]: agent_url is missing")
        eventually(lambda: not server.reloaded())
        assert server.sandboxes() == {"box-a", "box-b"}


def test_a_changed_file_is_taken_by_itself(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.path.write_text(text("box-b"))

        eventually(lambda: server.sandboxes() == {"box-b"})


def test_without_a_file_sighup_says_that_there_is_nothing_to_reload(tmp_path: Path) -> None:
    argv = [
        "--web.listen-address",
        "127.0.0.1:0",
        "--discovery.directory",
        "none",
        "--cri.endpoint",
        "none",
        "--containerd.endpoint",
        "none",
    ]
    with program(tmp_path, "serve", *argv) as process:
        first_match(process.stderr, r"addresses=(127\.0\.0\.1:[0-9]+)")
        process.send_signal(signal.SIGHUP)
        assert first_match(process.stderr, "(nothing to reload)")
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_SECONDS) == 0


@pytest.mark.parametrize("argv", [[], ["--web.enable-lifecycle"]])
def test_a_post_reloads_with_the_flag_alone(argv: list[str], tmp_path: Path) -> None:
    with serving(tmp_path, *argv) as server:
        server.path.write_text(text("box-a", "box-b"))

        status, said = server.post()

        if argv:
            assert (status, said) == (200, "configuration reloaded\n")
            eventually(lambda: server.sandboxes() == {"box-a", "box-b"})
        else:
            assert status == 403
            assert "--web.enable-lifecycle" in said


def test_sighup_still_ends_a_demo(tmp_path: Path) -> None:
    argv = ["demo", "--sandboxes", "1", "--web.listen-address", "127.0.0.1:0"]
    with program(tmp_path, *argv) as process:
        first_match(process.stdout, r"metrics at (\S+) ")
        process.send_signal(signal.SIGHUP)
        assert process.wait(END_SECONDS) == 0
