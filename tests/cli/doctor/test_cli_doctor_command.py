"""``doctor`` as a user runs it, on machines that lack something."""

import socket
from pathlib import Path

import pytest

from canned_http import canned, ok
from doctor_run import doctor, found


def test_a_wrong_flag_is_one_line_and_2() -> None:
    ended = doctor("--jsn")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "kata-exporter: unknown flag '--jsn'; did you mean '--json'?"
        " (see kata-exporter doctor --help)\n"
    )


def test_it_takes_the_flags_that_serve_runs_with() -> None:
    argv = ("--no-collector.container_stats", "--cri.endpoint", "none", "--log.format", "json")
    (finding,) = found(doctor("--json", *argv))["configuration"]
    assert finding["verdict"] == "ok"


def test_a_configuration_that_can_t_be_used_is_a_problem_and_the_rest_is_looked_at(
    tmp_path: Path,
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("typo: 1\ncollection: {interval: 5}\n")

    ended = doctor("--config.file", str(path))

    assert (ended.code, ended.err) == (1, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("problem  configuration ")
    assert f"         -> {path}:1: typo: unknown key" in lines[1]
    assert f"         -> {path}:2: collection.interval: '5' has no unit" in lines[2]
    assert any(line.startswith("ok       protobuf ") for line in lines)


@pytest.mark.parametrize(
    ("error", "verdict"), [("", "ok"), ("EPERM", "warning"), ("EAFNOSUPPORT", "warning")]
)
def test_vsock_is_tried(error: str, verdict: str) -> None:
    (finding,) = found(doctor("--json", env={"DOCTOR_VSOCK": error}))["vsock"]

    assert (finding["verdict"], finding["facts"]["error"]) == (verdict, error)


def test_a_low_limit_of_files_is_a_problem(tmp_path: Path) -> None:
    entries = ", ".join(f"{{id: s{n}, agent_url: 'unix:///none/{n}'}}" for n in range(40))
    path = tmp_path / "c.yaml"
    path.write_text(f"sandboxes: [{entries}]\n")

    prefix = ("prlimit", "--nofile=200:4096")
    (finding,) = found(doctor("--json", "--config.file", str(path), prefix=prefix))["open-files"]

    assert finding["verdict"] == "problem"
    assert finding["summary"] == "200 may be open; 40 sandboxes need about 248"
    assert finding["facts"] == {"soft_limit": 200, "hard_limit": 4096, "sandboxes": 40}


def test_a_decoder_without_bounds_is_a_problem() -> None:
    env = {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    ended = doctor("--json", env=env)

    (finding,) = found(ended)["protobuf"]
    assert (ended.code, finding["verdict"], finding["facts"]["backend"]) == (1, "problem", "python")


class TestListenAddress:
    def test_an_exporter_that_listens_there_is_as_it_should_be(self) -> None:
        with canned(ok("kata-exporter is healthy.\n", "text/plain")) as server:
            (finding,) = found(doctor("--json", "--web.listen-address", server.address))[
                "listen-address"
            ]

        assert (finding["verdict"], finding["facts"]["listener"]) == ("ok", "exporter")
        assert server.requests[0].startswith(b"GET /-/healthy HTTP/1.0\r\n")

    def test_another_program_is_a_problem(self) -> None:
        with canned(ok("{}")) as server:
            ended = doctor("--json", "--web.listen-address", server.address)
            (finding,) = found(ended)["listen-address"]

        assert (ended.code, finding["verdict"], finding["facts"]["listener"]) == (
            1,
            "problem",
            "other",
        )

    def test_an_address_of_another_machine_is_a_problem(self) -> None:
        ended = doctor("--json", "--web.listen-address", "192.0.2.1:9823")

        (finding,) = found(ended)["listen-address"]
        assert (ended.code, finding["facts"]["error"]) == (1, "EADDRNOTAVAIL")

    def test_one_that_is_free_stays_so(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
        (finding,) = found(doctor("--json", "--web.listen-address", address))["listen-address"]

        assert (finding["verdict"], finding["summary"]) == ("ok", f"{address}: free")
        socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))).close()


def test_a_user_without_an_inotify_instance_left_is_told_what_to_raise() -> None:
    """In a user namespace of its own, whose limit is nobody else's."""
    limit = "echo 0 > /proc/sys/user/max_inotify_instances"
    prefix = ("unshare", "--user", "--map-root-user", "sh", "-c", f'{limit} && exec "$@"', "sh")
    (finding,) = found(doctor("--json", prefix=prefix))["inotify"]

    assert (finding["verdict"], finding["facts"]["error"]) == ("warning", "EMFILE")
    assert "fs.inotify.max_user_instances=" in finding["advice"][0]
