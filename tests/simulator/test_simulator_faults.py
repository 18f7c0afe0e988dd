"""Faults notice when a client goes, and let go of what they hold when they are switched off."""

import asyncio
import re
from pathlib import Path

import pytest

from fake_clock import FakeClock
from kata_exporter.agent import AgentError, KataAgent
from kata_exporter.agent.methods import GET_METRICS
from kata_exporter.clock import SystemClock
from kata_exporter.errors import Reason
from kata_exporter.guest.limits import DEFAULT_LIMITS
from kata_exporter.simulator import Fleet, SimulatedSandbox
from kata_exporter.simulator.faults import ATTACKS, FAULTS, make_fault
from kata_exporter.simulator.faults.answers import TERRIBLE_TEXT
from kata_exporter.simulator.faults.texts import CAP_BYTES, CAP_LINES
from kata_exporter.sockets import AgentUrl, Dialer
from kata_exporter.telemetry.hooks import CallTarget
from waiting import soon

HOLD_CONNECTIONS = [
    "connect-hang",
    "frozen",
    "write-hang",
    "header-only",
    "body-hang",
    "oversize-4gib",
    "slow-drip",
]


def client(sandbox: SimulatedSandbox) -> KataAgent:
    url = AgentUrl.parse(sandbox.agent_url)
    return KataAgent(
        Dialer().dial_url, str(url), target=CallTarget(url.address), clock=SystemClock()
    )


async def reason(sandbox: SimulatedSandbox, seconds: float = 5.0) -> Reason:
    agent = client(sandbox)
    try:
        await agent.version(deadline=SystemClock().monotonic() + seconds)
    except AgentError as error:
        return error.reason
    finally:
        await agent.aclose()
    return Reason.OK


@pytest.mark.parametrize("name", HOLD_CONNECTIONS)
@pytest.mark.parametrize("number", [0, 1], ids=["unix", "hybrid"])
async def test_a_client_that_goes_is_noticed(tmp_path: Path, name: str, number: int) -> None:
    fleet = Fleet(tmp_path, sandboxes=2)
    await fleet.start()
    before = len(asyncio.all_tasks())
    await fleet.sandboxes[number].suffer(name)

    got = await asyncio.gather(*(reason(fleet.sandboxes[number], 0.2) for _ in range(3)))

    assert set(got) == {Reason.TOO_LARGE if name == "oversize-4gib" else Reason.TIMEOUT}
    await soon(lambda: len(asyncio.all_tasks()) == before, within=5.0)
    await fleet.stop()


@pytest.mark.parametrize("number", [0, 1], ids=["unix", "hybrid"])
async def test_a_guest_that_goes_on_answers_what_was_asked_while_it_was_frozen(
    tmp_path: Path, number: int
) -> None:
    """On the connection that was there before, and on one that was made meanwhile."""
    fleet = Fleet(tmp_path, sandboxes=2)
    await fleet.start()
    sandbox = fleet.sandboxes[number]
    old, new = client(sandbox), client(sandbox)
    await old.check()
    await sandbox.suffer("frozen")
    asked = [asyncio.ensure_future(agent.check()) for agent in (old, new)]
    done, _ = await asyncio.wait(asked, timeout=0.2)
    assert not done

    await sandbox.suffer(None)

    await asyncio.wait_for(asyncio.gather(*asked), 5.0)
    await old.aclose()
    await new.aclose()
    await fleet.stop()


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
async def test_a_connection_that_ends_at_any_byte_of_an_answer_is_closed_to_the_client(
    tmp_path: Path, *, resets: bool
) -> None:
    fleet = Fleet(tmp_path, sandboxes=1)
    await fleet.start()
    (sandbox,) = fleet.sandboxes

    for index in range(26):
        await sandbox.suffer(f"{'reset' if resets else 'closed'}-at-{index}")
        assert await reason(sandbox) is Reason.CLOSED, index
    await fleet.stop()


async def test_faults_are_switched_while_it_runs(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=1)
    await fleet.start()
    (sandbox,) = fleet.sandboxes
    seen = []

    for name in ("garbage", None, "status-internal", "hangs-up", None):
        await sandbox.suffer(name)
        seen.append(await reason(sandbox))

    assert seen == [
        Reason.PROTOCOL_ERROR,
        Reason.OK,
        Reason.AGENT_ERROR,
        Reason.CLOSED,
        Reason.OK,
    ]
    await fleet.stop()


def test_the_simulator_knows_the_caps() -> None:
    assert (GET_METRICS.cap_bytes, DEFAULT_LIMITS.lines) == (CAP_BYTES, CAP_LINES)


async def test_texts_fill_the_cap_and_never_more(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=1)
    await fleet.start()
    (sandbox,) = fleet.sandboxes
    agent = client(sandbox)
    sizes = {}
    for name in (
        "legal-max",
        "many-samples",
        "full-text",
        "many-labels",
        "long-label",
        "endless-line",
    ):
        await sandbox.suffer(name)
        sizes[name] = len((await agent.get_agent_metrics()).encode())

    assert sizes["legal-max"] == CAP_BYTES - 4
    assert all(CAP_BYTES - 1024 < size <= CAP_BYTES - 4 for size in sizes.values()), sizes
    await agent.aclose()
    await fleet.stop()


@pytest.mark.parametrize("number", [0, 1], ids=["unix", "hybrid"])
async def test_who_could_not_connect_does_once_the_fault_is_over(
    tmp_path: Path, number: int
) -> None:
    fleet = Fleet(tmp_path, sandboxes=2)
    await fleet.start()
    sandbox = fleet.sandboxes[number]
    for _ in range(2):  # also where the backlog is full already
        await sandbox.suffer("connect-hang")
    waiting = asyncio.ensure_future(reason(sandbox))
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done

    await sandbox.suffer(None)

    assert await waiting is Reason.OK
    assert await reason(sandbox) is Reason.OK
    await fleet.stop()


async def test_who_connects_as_connecting_begins_to_hang_is_served_no_more(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=1)
    await fleet.start()
    (sandbox,) = fleet.sandboxes
    switching = asyncio.ensure_future(sandbox.suffer("connect-hang"))

    asked = reason(sandbox, 0.2)

    assert await asked is Reason.TIMEOUT
    await switching
    await fleet.stop()


async def test_a_forged_version_is_longer_than_any_and_of_several_lines(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, sandboxes=1)
    await fleet.start()
    await fleet.sandboxes[0].suffer("forged-version")
    agent = client(fleet.sandboxes[0])

    version = await agent.version()

    assert version.agent_version == TERRIBLE_TEXT[:1024]
    await agent.aclose()
    await fleet.stop()


@pytest.mark.parametrize("name", ["closed-at-", "reset-at-x", "closed-at-12345678", "no-such"])
def test_what_is_no_name_is_refused(name: str, clock: FakeClock) -> None:
    with pytest.raises(KeyError):
        make_fault(name, clock)


def test_names_are_words_with_hyphens_and_say_what_they_do() -> None:
    for name, fault in FAULTS.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), name
        assert fault.what, name


def test_each_attack_of_a_guest_has_a_fault_or_no_way_in() -> None:
    assert [attack.number for attack in ATTACKS] == [f"G{n}" for n in range(1, 24)]
    for attack in ATTACKS:
        assert set(attack.faults) <= set(FAULTS), attack.number
        assert bool(attack.faults) != bool(attack.no_way_in), attack.number


def test_each_attack_is_held_to_what_is_promised_of_it_by_a_test_of_its_number() -> None:
    sources = "".join(
        file.read_text() for file in (Path(__file__).parents[1] / "app").glob("test_*.py")
    )
    tested = {f"G{number}" for number in re.findall(r"def test_g([0-9]+)_", sources)}
    assert tested == {attack.number for attack in ATTACKS if attack.faults}
