"""``doctor`` on nodes with sandboxes: healthy ones, and such as misbehave."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from doctor_run import doctor, found
from kata_exporter.simulator import Fleet
from run_program import AS_ONE_WHO_OBEYS_MODES, Ended
from stranger import STRANGER_UID, needs_root, stranger


@pytest_asyncio.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    """Sandboxes of both runtimes, each reached over both kinds of socket."""
    fleet = Fleet(tmp_path / "n", sandboxes=4)
    await fleet.start()
    try:
        yield fleet
    finally:
        await fleet.stop()


def flags(fleet: Fleet, *, agent_root: bool = True) -> list[str]:
    root = fleet.host.root
    argv = [f"--discovery.directory={root / folder}" for folder in ("run/vc/sbs", "run/kata")]
    return [*argv, f"--discovery.agent-root={root / 'run/vc/vm'}"] if agent_root else argv


async def examine(fleet: Fleet, *argv: str, prefix: Sequence[str] = ()) -> Ended:
    return await asyncio.to_thread(doctor, *argv, *flags(fleet), prefix=prefix)


async def finding(fleet: Fleet, check: str, **how: Any) -> tuple[Ended, dict[str, Any]]:
    ended = await examine(fleet, "--json", **how)
    (one,) = found(ended)[check]
    return ended, one


async def test_a_healthy_node_is_told_in_a_line_for_each_check(fleet: Fleet) -> None:
    ended = await examine(fleet)

    assert (ended.code, ended.err) == (0, "")
    lines = [line for line in ended.out.splitlines() if " clock " not in line]
    root = fleet.host.root
    for expected in (
        "ok       configuration  no file; flags, environment and defaults: no sandboxes listed",
        f"ok       directory      {root}/run/vc/sbs: 2 sandboxes",
        f"ok       directory      {root}/run/kata: 2 sandboxes",
        "ok       vsock          AF_VSOCK may be used",
        "ok       shim           4 of 4 asked tell their agent's URL",
        "ok       agent-url      4 of 4 may be used: hvsock (2), remote (2)",
        "ok       agent          4 of 4 asked answer: 4.1.0 (4)",
    ):
        assert expected in lines


async def test_agents_are_asked_check_and_version_and_nothing_else(tmp_path: Path) -> None:
    asked: list[str] = []
    fleet = Fleet(
        tmp_path / "n", sandboxes=1, on_request=lambda request: asked.append(str(request))
    )
    await fleet.start()
    try:
        await examine(fleet)
    finally:
        await fleet.stop()

    assert len(asked) == 2
    assert "Check" in asked[0]
    assert "Version" in asked[1]


async def test_a_dead_shim_is_told_from_a_hung_one(fleet: Fleet) -> None:
    dead, hung, *_ = fleet.sandboxes
    await dead.shim.kill()
    hung.shim.hang = True
    try:
        ended, one = await finding(fleet, "shim")
    finally:
        hung.shim.hang = False

    assert (ended.code, one["verdict"]) == (0, "warning")
    assert one["summary"] == "2 of 4 asked tell their agent's URL"
    told = "\n".join(one["advice"])
    assert f"{dead.id}: connect_failed: " in told
    assert "its folder is a leftover" in told
    assert f"{hung.id}: timeout: shim: no answer within 2 s" in told


async def test_where_no_shim_answers_it_is_a_problem_and_no_agent_can_be_asked(
    fleet: Fleet,
) -> None:
    for sandbox in fleet.sandboxes:
        await sandbox.shim.kill()

    ended = await examine(fleet, "--json")

    by_check = found(ended)
    verdicts = [by_check[check][0]["verdict"] for check in ("shim", "agent-url", "agent")]
    assert (ended.code, verdicts) == (1, ["problem", "skipped", "skipped"])
    assert "demo-1, demo-2, demo-3 and 1 more: connect_failed" in by_check["shim"][0]["advice"][0]


async def test_a_socket_without_rights_says_whose_it_is_and_whom_to_be(fleet: Fleet) -> None:
    for sandbox in fleet.sandboxes:
        sandbox.shim.path.chmod(0)
    prefix = AS_ONE_WHO_OBEYS_MODES if os.geteuid() == 0 else ()

    ended, one = await finding(fleet, "shim", prefix=prefix)

    assert (ended.code, one["verdict"]) == (1, "problem")
    assert one["advice"] == [
        (
            "demo-1, demo-2, demo-3 and 1 more: may not be connected to"
            f" (user {os.geteuid()}, group {os.getegid()}, mode 0000): run the exporter as root"
        )
    ]


@needs_root
async def test_a_stranger_behind_a_shims_socket_gets_no_byte(fleet: Fleet) -> None:
    shim = fleet.sandboxes[0].shim
    await shim.kill()
    shim.path.unlink()
    with stranger(shim.path) as peer:
        _, one = await finding(fleet, "shim")
        connections, received = await asyncio.to_thread(peer.count)

    assert (connections, received) == (1, 0)
    assert f"peer is user {STRANGER_UID}" in one["advice"][0]
    assert "discovery.peer_uids" in one["advice"][0]


async def test_a_url_outside_of_the_sandboxs_own_folder_is_not_followed(fleet: Fleet) -> None:
    ended = await asyncio.to_thread(doctor, "--json", *flags(fleet, agent_root=False))

    by_check = found(ended)
    (url,), (agent,) = by_check["agent-url"], by_check["agent"]
    assert (url["verdict"], url["summary"]) == (
        "warning",
        "2 of 4 may be used: hvsock (1), remote (1)",
    )
    assert "discovery.agent_roots" in url["advice"][0]
    assert agent["summary"] == "2 of 2 asked answer: 4.1.0 (2)"


async def test_a_hostile_answer_of_a_shim_reaches_the_terminal_escaped(fleet: Fleet) -> None:
    fleet.sandboxes[0].shim.body = b"vsock://\x1b[2J\xe2\x80\xae"

    ended = await examine(fleet)

    assert all(line.isascii() and line.isprintable() for line in ended.out.splitlines())
    assert r"\x1b[2J" in ended.out


@pytest.mark.parametrize(
    ("fault", "reason", "hint"),
    [
        ("frozen", "timeout", "frozen or overloaded"),
        ("closed-at-0", "closed", "ended in mid-call"),
    ],
)
async def test_a_silent_agent_is_told_with_its_reason(
    fault: str, reason: str, hint: str, fleet: Fleet
) -> None:
    await fleet.sandboxes[0].suffer(fault)

    ended, one = await finding(fleet, "agent")

    assert (ended.code, one["verdict"]) == (0, "warning")
    assert one["summary"] == "3 of 4 asked answer: 4.1.0 (3)"
    assert one["advice"][0].startswith(f"demo-1: {reason}: ")
    assert hint in one["advice"][1]


async def test_agents_that_are_gone_are_a_problem(fleet: Fleet) -> None:
    root = fleet.host.root
    for folder in (root / "run/vc/vm", *(root / "run/kata").glob("*/root")):
        shutil.rmtree(folder)

    ended, one = await finding(fleet, "agent")

    assert (ended.code, one["verdict"], one["summary"]) == (1, "problem", "0 of 4 asked answer")
    assert "/run/vc" in one["advice"][1]


async def test_sandboxes_of_the_configuration_are_asked_as_well(
    fleet: Fleet, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    urls = {sandbox.id: sandbox.agent_url for sandbox in fleet.sandboxes[:3]} | {
        "broken": "vsock://3"
    }
    entries = ", ".join(f"{{id: {id_}, agent_url: '{url}'}}" for id_, url in urls.items())
    path.write_text(f"sandboxes: [{entries}]\n")

    ended = await asyncio.to_thread(
        doctor, "--json", f"--config.file={path}", "--discovery.directory=none"
    )

    by_check = found(ended)
    (configuration,), (shim,), (agent,) = (
        by_check[check] for check in ("configuration", "shim", "agent")
    )
    assert configuration["verdict"] == "warning"
    assert "broken will show as rejected" in configuration["advice"][0]
    assert shim["verdict"] == "skipped"
    assert agent["summary"] == "3 of 3 asked answer: 4.1.0 (3)"
    assert by_check["directory"][0]["verdict"] == "skipped"


class TestDirectories:
    async def test_one_that_is_missing_is_told_with_the_one_that_is_there(
        self, fleet: Fleet
    ) -> None:
        for sandbox in fleet.sandboxes:
            if sandbox.shim.path.is_relative_to(fleet.host.root / "run/kata"):
                await fleet.remove(sandbox)
        (fleet.host.root / "run/kata").rmdir()

        ended = await examine(fleet, "--json")

        go, rust = found(ended)["directory"]
        assert (go["verdict"], go["facts"]["sandboxes"]) == ("ok", ["demo-1", "demo-2"])
        assert (rust["verdict"], rust["facts"]["condition"]) == ("ok", "absent")

    async def test_in_a_container_it_has_to_be_mounted(self, tmp_path: Path) -> None:
        ended = await asyncio.to_thread(
            doctor,
            "--json",
            f"--discovery.directory={tmp_path}/none",
            env={"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
        )

        (one,) = found(ended)["directory"]
        assert (ended.code, one["verdict"]) == (1, "problem")
        assert one["advice"][0].startswith(f"mount the host's {tmp_path}/none at the same path")

    async def test_one_without_rights_names_its_owner(self, fleet: Fleet) -> None:
        folder = fleet.host.root / "run/vc/sbs"
        folder.chmod(0)
        prefix = AS_ONE_WHO_OBEYS_MODES if os.geteuid() == 0 else ()
        try:
            ended = await examine(fleet, "--json", prefix=prefix)
        finally:
            folder.chmod(0o755)

        denied, _ = found(ended)["directory"]
        assert (ended.code, denied["verdict"], denied["facts"]["condition"]) == (
            1,
            "problem",
            "denied",
        )
