"""What each check makes of its facts."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from kata_exporter.cli.doctor import (
    configuration,
    decoder,
    directories,
    files,
    inotify,
    listening,
    vsock,
    wall_clock,
)
from kata_exporter.cli.doctor.configuration import ConfigurationFacts
from kata_exporter.cli.doctor.decoder import DecoderFacts
from kata_exporter.cli.doctor.directories import Condition, Directory, DirectoryFacts
from kata_exporter.cli.doctor.files import FileFacts
from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.cli.doctor.inotify import InotifyFacts
from kata_exporter.cli.doctor.listening import Listener, ListenFacts
from kata_exporter.cli.doctor.vsock import VsockFacts
from kata_exporter.cli.doctor.wall_clock import ClockFacts

OK, WARNING, PROBLEM, SKIPPED = Verdict

GO = Directory("/run/vc/sbs", Condition.READABLE, ("a1", "b2"), 1, 0, 0o755)
NO_RUST = Directory("/run/kata", Condition.ABSENT)
NO_GO = Directory("/run/vc/sbs", Condition.ABSENT)


def told(findings: Sequence[Finding]) -> list[tuple[Verdict, str]]:
    return [(finding.verdict, finding.summary) for finding in findings]


def advice(findings: Sequence[Finding]) -> str:
    return "\n".join(line for finding in findings for line in finding.advice)


class TestConfiguration:
    def test_every_line_that_loading_said_is_told(self) -> None:
        facts = ConfigurationFacts(("c.yaml",), 0, ("c.yaml:1: typo", "c.yaml:2: other"), ())

        (finding,) = configuration.judge(facts)

        assert (finding.verdict, finding.advice) == (PROBLEM, facts.problems)

    def test_warnings_are_warnings(self) -> None:
        (finding,) = configuration.judge(ConfigurationFacts(("c.yaml",), 2, (), ("odd",)))

        assert told([finding]) == [(WARNING, "c.yaml: 2 sandboxes listed")]
        assert finding.advice == ("odd",)


class TestDirectories:
    def test_one_that_is_absent_beside_one_that_is_there_is_as_it_may_be(self) -> None:
        assert told(directories.judge(DirectoryFacts((GO, NO_RUST), 0, in_container=False))) == [
            (OK, "/run/vc/sbs (Go runtime): 2 sandboxes, and 1 folders without shim-monitor.sock"),
            (OK, "/run/kata (runtime-rs): not there, and needed only once a shim makes it"),
        ]

    def test_in_a_container_it_is_most_likely_not_mounted(self) -> None:
        findings = directories.judge(DirectoryFacts((GO, NO_RUST), 0, in_container=True))

        assert [finding.verdict for finding in findings] == [OK, WARNING]
        assert advice(findings).startswith("mount the host's /run/kata at the same path")

    def test_for_the_go_runtime_the_folder_with_the_vms_sockets_is_mounted_too(self) -> None:
        findings = directories.judge(DirectoryFacts((NO_GO, NO_RUST), 0, in_container=True))

        assert findings[0].advice[0].startswith("mount the host's /run/vc at the same path")

    def test_where_all_are_absent_nothing_can_be_found(self) -> None:
        facts = DirectoryFacts((NO_GO, NO_RUST), 0, in_container=False)

        assert [finding.verdict for finding in directories.judge(facts)] == [PROBLEM, PROBLEM]

    def test_where_sandboxes_are_listed_none_is_needed(self) -> None:
        facts = DirectoryFacts((NO_GO, NO_RUST), 3, in_container=False)
        assert [finding.verdict for finding in directories.judge(facts)] == [OK, OK]
        assert told(directories.judge(DirectoryFacts((), 3, in_container=False))) == [
            (SKIPPED, "none is searched")
        ]
        assert told(directories.judge(DirectoryFacts((), 0, in_container=False))) == [
            (PROBLEM, "none is searched")
        ]

    def test_one_that_may_not_be_read_names_its_owner(self) -> None:
        denied = Directory("/d", Condition.DENIED, owner=7, mode=0o700)

        findings = directories.judge(DirectoryFacts((GO, denied), 0, in_container=False))

        assert told(findings)[1] == (PROBLEM, "/d: may not be read")
        assert advice(findings) == "run the exporter as root (it belongs to user 7, mode 0700)"

    def test_a_file_in_its_place_is_a_problem(self) -> None:
        file = Directory("/d", Condition.NO_DIRECTORY)

        findings = directories.judge(DirectoryFacts((GO, file), 0, in_container=False))

        assert told(findings)[1] == (PROBLEM, "/d: not a directory")


class TestVsock:
    def test_what_may_be_used_is_ok(self) -> None:
        facts = VsockFacts("", has_device=False, is_filtered=True, in_container=True)

        assert told(vsock.judge(facts)) == [(OK, "AF_VSOCK may be used")]

    @pytest.mark.parametrize("error", ["EPERM", "EACCES"])
    @pytest.mark.parametrize(
        ("is_filtered", "in_container", "name"),
        [
            (True, True, "RuntimeDefault"),
            (True, False, "RestrictAddressFamilies="),
            (False, True, "SELinux"),
            (False, False, "SELinux"),
        ],
    )
    def test_a_denial_names_what_denies_it(
        self, error: str, name: str, *, is_filtered: bool, in_container: bool
    ) -> None:
        facts = VsockFacts(
            error, has_device=True, is_filtered=is_filtered, in_container=in_container
        )

        (finding,) = vsock.judge(facts)

        assert finding.verdict is WARNING
        assert error in finding.summary
        assert name in advice([finding])

    def test_a_kernel_without_it_names_the_module(self) -> None:
        facts = VsockFacts("EAFNOSUPPORT", has_device=False, is_filtered=False, in_container=False)

        (finding,) = vsock.judge(facts)

        assert finding.verdict is WARNING
        assert "modprobe vhost_vsock" in advice([finding])
        assert "/dev/vhost-vsock" in advice([finding])


@pytest.mark.parametrize(
    ("soft", "sandboxes", "verdict"),
    [
        (-1, 10_000, OK),
        (1024, 100, OK),
        (856, 100, OK),
        (855, 100, WARNING),
        (428, 100, WARNING),
        (427, 100, PROBLEM),
        (64, 0, PROBLEM),
    ],
)
def test_the_limit_of_files_is_held_against_the_number_of_sandboxes(
    soft: int, sandboxes: int, verdict: Verdict
) -> None:
    (finding,) = files.judge(FileFacts(soft, 4096, sandboxes))

    assert finding.verdict is verdict
    assert bool(finding.advice) is (verdict is not OK)
    if sandboxes == 100 and finding.advice:
        assert "raise it to 1024 " in finding.advice[0]


@pytest.mark.parametrize(
    ("facts", "verdict", "what"),
    [
        (InotifyFacts(128, 65_536, "", 100), OK, ""),
        (InotifyFacts(0, 0, "", 100), OK, ""),
        (InotifyFacts(128, 399, "", 100), WARNING, "fs.inotify.max_user_watches=65536"),
        (InotifyFacts(128, 65_536, "EMFILE", 1), WARNING, "fs.inotify.max_user_instances=1024"),
        (InotifyFacts(512, 65_536, "EMFILE", 1), WARNING, "fs.inotify.max_user_instances=2048"),
        (InotifyFacts(128, 65_536, "ENOSPC", 1), WARNING, "fs.inotify.max_user_watches=262144"),
        (InotifyFacts(0, 0, "EPERM", 1), WARNING, "seccomp"),
        (InotifyFacts(0, 0, "ENOSYS", 1), WARNING, "seccomp"),
    ],
)
def test_without_inotify_it_is_said_what_to_raise(
    facts: InotifyFacts, verdict: Verdict, what: str
) -> None:
    (finding,) = inotify.judge(facts)

    assert finding.verdict is verdict
    assert what in advice([finding])


@pytest.mark.parametrize(
    ("facts", "verdict", "what"),
    [
        (ClockFacts(datetime(2026, 1, 1, tzinfo=UTC), 0.0, synchronised=True), OK, ", kept right"),
        (ClockFacts(datetime(2026, 1, 1, tzinfo=UTC), 0.0, synchronised=None), OK, "2026-01-01"),
        (ClockFacts(datetime(1970, 1, 1, tzinfo=UTC), 0.0, None), PROBLEM, "never set"),
        (ClockFacts(datetime(2026, 1, 1, tzinfo=UTC), -3.0, True), WARNING, "moved by -3.0 s"),
        (ClockFacts(datetime(2026, 1, 1, tzinfo=UTC), 0.0, False), WARNING, "nobody keeps it"),
    ],
)
def test_a_clock_that_is_wrong_or_that_nobody_keeps_is_told(
    facts: ClockFacts, verdict: Verdict, what: str
) -> None:
    (finding,) = wall_clock.judge(facts)

    assert finding.verdict is verdict
    assert what in finding.summary
    assert bool(finding.advice) is (verdict is not OK)


def test_a_decoder_without_bounds_is_a_problem() -> None:
    assert told(decoder.judge(DecoderFacts("7.36.2", "upb"))) == [
        (OK, "7.36.2 with its decoder upb")
    ]
    assert told(decoder.judge(DecoderFacts("7.36.2", "python"))) == [
        (PROBLEM, "7.36.2 with its decoder python")
    ]


@pytest.mark.parametrize(
    ("listener", "error", "verdict", "what"),
    [
        (Listener.NOBODY, "", OK, ""),
        (Listener.EXPORTER, "", OK, ""),
        (Listener.OTHER, "", PROBLEM, "stop what listens there, or choose another"),
        (Listener.NOBODY, "EACCES", PROBLEM, "ports below 1024 are root's"),
        (Listener.NOBODY, "EADDRNOTAVAIL", PROBLEM, "no address of this machine"),
        (Listener.NOBODY, "EADDRINUSE", PROBLEM, "answers nobody"),
        (Listener.NOBODY, "Name or service not known", PROBLEM, "choose another"),
    ],
)
def test_an_address_is_free_or_the_exporters_or_a_problem(
    listener: Listener, error: str, verdict: Verdict, what: str
) -> None:
    (finding,) = listening.judge([ListenFacts("127.0.0.1:9823", listener, error)])

    assert (finding.verdict, finding.subject) == (verdict, "127.0.0.1:9823")
    assert what in advice([finding])
