"""What a reload changes in a running exporter, key by key, and what it leaves as it is."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from fake_clock import FakeClock, settle
from kata_exporter.config.keys import KEYS
from reload_rig import RELOADS, ReloadRig, reloading
from rig import samples, states, up
from waiting import soon

RELOADED = {key.name for key in KEYS if key.setting and key.reloads}
RESTARTED = {key.name for key in KEYS if not key.reloads}


@pytest_asyncio.fixture
async def rig(tmp_path: Path, clock: FakeClock, no_task_left: None) -> AsyncIterator[ReloadRig]:
    del no_task_left
    async with reloading(tmp_path, clock) as rig:
        yield rig


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


async def reload(rig: ReloadRig, *more: str, skip: int = 0, head: str = "") -> None:
    rig.write(*more, skip=skip, head=head)
    assert await rig.post() == (200, "configuration reloaded\n")


def page_lines(rig: ReloadRig, sandbox_id: str) -> set[str]:
    """Series of one sandbox, without their values."""
    marker = f'sandbox_id="{sandbox_id}"'
    return {line.rpartition(" ")[0] for line in rig.page().splitlines() if marker in line}


async def test_sandboxes_that_are_new_come_and_those_that_left_go(rig: ReloadRig) -> None:
    first, second = rig.fleet.sandboxes
    before = page_lines(rig, second.id)

    await reload(rig, "- {id: box-x, agent_url: 'unix:///nowhere.sock'}", skip=1)
    await soon(lambda: states(rig.page()).get("box-x") == "connect_failed")

    assert page_lines(rig, first.id) == set()
    assert up(rig.page()) == {second.id: "1", "box-x": "0"}
    assert page_lines(rig, second.id) == before


async def test_an_unchanged_sandbox_keeps_generation_connection_and_series(rig: ReloadRig) -> None:
    second = rig.fleet.sandboxes[1]
    generations, series = rig.generations(), page_lines(rig, second.id)
    link = rig.exporter._collection._rounds[second.id]._link
    observer = link._observer
    assert observer is not None

    await reload(
        rig, skip=1, head="# lines move\ncollection: {interval: 7s}\nlog: {level: debug}\n"
    )

    assert rig.generations()[second.id] == generations[second.id]
    assert rig.exporter._collection._rounds[second.id]._link is link
    assert link._observer is observer
    assert page_lines(rig, second.id) == series


async def test_another_pod_is_another_generation(rig: ReloadRig) -> None:
    first = rig.fleet.sandboxes[0]
    generation = rig.generations()[first.id]

    await reload(
        rig,
        f"- {{id: {first.id}, agent_url: '{first.agent_url}', pod: {{namespace: other}}}}",
        skip=1,
    )
    await soon(lambda: up(rig.page()).get(first.id) == "1")

    assert rig.generations()[first.id] > generation
    assert all('namespace="other"' in line for line in page_lines(rig, first.id))


async def test_other_containers_stay_in_the_generation(rig: ReloadRig) -> None:
    first = rig.fleet.sandboxes[0]
    generation = rig.generations()[first.id]

    await reload(rig, rig.entries()[0].partition(", containers")[0] + "}", skip=1)

    assert rig.generations()[first.id] == generation
    assert not any(f'"{first.id}"' in line for line in samples(rig.page(), "kata_container_info"))


async def test_files_of_the_folder_come_and_go(rig: ReloadRig) -> None:
    folder = rig.path.parent / "sandboxes.d"
    folder.mkdir()
    (folder / "x.yaml").write_text("sandboxes: [{id: box-x, agent_url: 'unix:///x'}]\n")
    await rig.look()
    await soon(lambda: "box-x" in up(rig.page()))

    (folder / "x.yaml").unlink()
    await rig.look()

    await soon(lambda: "box-x" not in up(rig.page()))


async def test_another_sandboxes_directory_is_read(rig: ReloadRig) -> None:
    folder = rig.path.parent / "other"
    folder.mkdir()
    (folder / "x.yaml").write_text("sandboxes: [{id: box-x, agent_url: 'unix:///x'}]\n")

    await reload(rig, head="sandboxes_directory: other\n")

    assert "box-x" in rig.generations()


async def test_another_interval_timeout_and_concurrency_are_handed_to_those_who_keep_them(
    rig: ReloadRig,
) -> None:
    await reload(rig, head="collection: {interval: 60s, timeout: 2s, concurrency: 8}\n")

    collection = rig.exporter._collection
    assert collection._scheduler._interval_seconds == 60.0
    assert collection._scheduler._usual._places == 6
    for rounds in collection._rounds.values():
        assert rounds._settings.timeout_seconds == 2.0
        assert rounds._link._interval_seconds == 60.0


async def test_a_collector_that_is_switched_off_takes_its_series_along_and_sandboxes_stay_up(
    rig: ReloadRig,
) -> None:
    ids = {s.id for s in rig.fleet.sandboxes}
    assert len(samples(rig.page(), "kata_guest_load1")) == 2

    await reload(rig, head="collectors: {guest_metrics: false}\n")
    rig.clock.advance(16.0)
    await soon(lambda: not samples(rig.page(), "kata_guest_load1"))
    assert samples(rig.page(), "kata_container_memory_usage_bytes") != []
    assert up(rig.page()) == dict.fromkeys(ids, "1")

    await reload(rig, head="collectors: {guest_metrics: false, container_stats: false}\n")
    rig.clock.advance(16.0)
    await soon(lambda: not samples(rig.page(), "kata_container_memory_usage_bytes"))
    assert samples(rig.page(), "kata_sandbox_collector_success") == []
    assert up(rig.page()) == dict.fromkeys(ids, "1")

    await reload(rig)
    rig.clock.advance(16.0)
    await soon(lambda: len(samples(rig.page(), "kata_guest_load1")) == 2)


async def test_another_max_age_withholds_what_is_older(rig: ReloadRig) -> None:
    for sandbox in rig.fleet.sandboxes:
        await sandbox.suffer("no-answer")
    rig.clock.advance(3.0)
    assert len(samples(rig.page(), "kata_guest_load1")) == 2

    await reload(rig, head="collection: {interval: 1s, max_age: 2s}\n")
    assert len(samples(rig.page(), "kata_guest_load1")) == 2
    rig.clock.advance(2.5)

    assert samples(rig.page(), "kata_guest_load1") == []
    assert len(samples(rig.page(), "kata_sandbox_up")) == 2


async def test_a_shorter_interval_takes_no_series_until_its_first_round(rig: ReloadRig) -> None:
    """What is shown is older by far than three intervals of the new kind."""
    await reload(rig, head="collection: {interval: 1h}\n")
    rig.clock.advance(1200.0)

    await reload(rig, head="collection: {interval: 1m}\n")

    assert len(samples(rig.page(), "kata_guest_load1")) == len(rig.fleet.sandboxes)


async def test_another_level_and_format_of_the_log_hold_for_the_next_line(
    rig: ReloadRig, capsys: pytest.CaptureFixture[str]
) -> None:
    await reload(rig, head="log: {level: warn, format: json}\n")
    capsys.readouterr()

    logging.getLogger("kata_exporter").info("not this one")
    logging.getLogger("kata_exporter").warning("this one")

    err = capsys.readouterr().err
    assert '"msg": "this one"' in err
    assert "not this one" not in err


async def test_a_log_that_is_to_stay_as_it_is_is_not_set_up_anew(rig: ReloadRig) -> None:
    """That would forget which libraries have had their line of this minute."""
    await reload(rig, head="log: {level: warn}\n")
    before = logging.getLogger("grpc").handlers[:]

    await reload(rig, head="log: {level: warn}\ncollection: {interval: 7s}\n")

    assert logging.getLogger("grpc").handlers == before


RESTART_VALUES = {
    "discovery.directories": "discovery: {directories: [/nowhere]}",
    "discovery.agent_roots": "discovery: {directories: [], agent_roots: [/other]}",
    "discovery.agent_port": "discovery: {directories: [], agent_port: 2048}",
    "discovery.peer_uids": "discovery: {directories: [], peer_uids: [7]}",
    "cri.endpoint": "cri: {endpoint: /nowhere.sock}",
    "cri.runtime_handlers": "cri: {endpoint: none, runtime_handlers: [qemu]}",
    "cri.pod_labels": "cri: {endpoint: none, pod_labels: [app]}",
    "containerd.endpoint": "containerd: {endpoint: /nowhere.sock}",
    "containerd.namespace": "containerd: {endpoint: none, namespace: moby}",
    "oom.poll_timeout": "oom: {poll_timeout: 10s}",
    "oom.state_file": "oom: {state_file: /nowhere/oom.json}",
    "oom.crio_bundles": "oom: {crio_bundles: /nowhere}",
    "web.listen_address": "web: {listen_address: '127.0.0.1:1', enable_lifecycle: true}",
    "web.enable_lifecycle": "web: {listen_address: '127.0.0.1:0'}",
    "web.admin_socket": "web: {listen_address: '127.0.0.1:0', enable_lifecycle: true, admin_socket: /run/a}",
    "tracing.console": "tracing: {console: true}",
}


def test_every_key_that_needs_a_restart_is_tried_here() -> None:
    assert set(RESTART_VALUES) == RESTARTED


@pytest.mark.parametrize("key", sorted(RESTART_VALUES))
async def test_a_key_that_needs_a_restart_is_logged_once_and_the_rest_applies(
    key: str, rig: ReloadRig, caplog: pytest.LogCaptureFixture
) -> None:
    address = rig.exporter.addresses
    head = RESTART_VALUES[key] + "\ncollection: {interval: 60s}"

    await reload(rig, head=head)
    await reload(rig, head=head + "\n# again")

    told = [r.__dict__["fields"]["key"] for r in caplog.records if "restart" in r.message]
    assert told == [key]
    assert rig.exporter.addresses == address
    assert rig.exporter._collection._scheduler._interval_seconds == 60.0


@pytest.mark.parametrize("key", sorted(RESTART_VALUES))
async def test_a_key_that_needs_a_restart_and_is_set_back_needs_none(
    key: str, rig: ReloadRig, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        await reload(rig, head=RESTART_VALUES[key])
        await reload(rig)

    told = [r.__dict__["fields"]["key"] for r in caplog.records if "restart" in r.message]
    assert told == [key, key]


async def test_a_flag_keeps_its_precedence(tmp_path: Path, clock: FakeClock) -> None:
    async with reloading(tmp_path, clock, "log.level=error") as rig:
        await reload(rig, head="log: {level: debug}\n")

        assert rig.exporter._settings.log.level == "error"


async def test_the_start_counts_as_a_load(rig: ReloadRig) -> None:
    assert rig.value(f"{RELOADS}_successful") == 1
    assert rig.value(f"{RELOADS}_success_timestamp_seconds") == 1_800_000_000.0


async def test_without_lifecycle_a_post_is_refused_and_the_watch_goes_on(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with reloading(tmp_path, clock, "web.enable-lifecycle=false") as rig:
        status, text = await rig.post()
        assert status == 403
        assert "--web.enable-lifecycle" in text

        rig.write(skip=1)
        await rig.look()

        await soon(lambda: len(rig.generations()) == 1)


async def test_stopping_in_the_middle_of_a_reload_leaves_nothing(rig: ReloadRig) -> None:
    rig.write(skip=1)
    asking = [asyncio.create_task(rig.reloader.reload()) for _ in range(3)]
    await settle(1)

    await asyncio.wait_for(rig.exporter.stop(), 5.0)

    done, _ = await asyncio.wait(asking, timeout=5.0)
    assert len(done) == 3
