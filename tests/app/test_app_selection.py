"""Parts of the page as a scraper asks for them, and what is left out of it, over HTTP."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_from_bytes

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from kata_exporter.config.settings import CollectorSettings
from promtool import check_metrics
from rig import Rig, running, samples, up
from waiting import soon


@pytest_asyncio.fixture
async def rig(tmp_path: Path, no_task_left: None) -> AsyncIterator[Rig]:
    del no_task_left
    async with running(tmp_path, sandboxes=3) as rig:
        await soon(rig.exporter.ready)
        yield rig


def families(page: str) -> set[str]:
    return {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}


def groups(page: str) -> set[str]:
    """The first two words of each family's name."""
    return {"_".join(name.split("_")[:2]) for name in families(page)}


def ids(page: str) -> set[str]:
    """The sandboxes that a page has anything of."""
    return {
        line.partition('sandbox_id="')[2].partition('"')[0]
        for line in page.splitlines()
        if 'sandbox_id="' in line
    }


async def scrape(rig: Rig, query: str) -> str:
    status, body = await rig.get(f"/metrics?{query}")
    assert status == 200, body
    return body.decode()


async def refused(rig: Rig, query: str) -> str:
    status, body = await rig.get(f"/metrics?{query}")
    assert status == 400
    return body.decode()


OF_SANDBOXES = {"kata_sandbox", "kata_agent", "kata_container"}


async def test_collect_has_that_collectors_series_and_what_the_host_knows(rig: Rig) -> None:
    page = await scrape(rig, "collect[]=container_stats")

    # What is counted of OOMs is the host's as well.
    assert groups(page) == OF_SANDBOXES | {"kata_guest"}
    guests = {line.partition("{")[0] for line in page.splitlines() if line.startswith("kata_guest")}
    assert guests == {"kata_guest_oom_kills_total"}
    assert samples(page, "kata_container_memory_usage_bytes")
    assert len(samples(page, "kata_sandbox_up")) == 3


async def test_exclude_has_the_others(rig: Rig) -> None:
    page = await scrape(rig, "exclude[]=container_stats")

    assert "kata_guest" in groups(page)
    assert not samples(page, "kata_container_memory_usage_bytes")
    assert len(samples(page, "kata_sandbox_up")) == 3


async def test_name_has_those_families_and_nothing_else(rig: Rig) -> None:
    page = await scrape(rig, "name[]=kata_guest_load1&name[]=kata_sandbox_up")

    assert families(page) == {"kata_guest_load1", "kata_sandbox_up"}
    assert ids(page) == {s.id for s in rig.fleet.sandboxes}


async def test_own_metrics_are_on_a_selected_page_only_where_they_are_named(rig: Rig) -> None:
    whole = await rig.scrape()
    assert "kata_exporter_build_info" in families(whole)
    assert "process_cpu_seconds_total" in families(whole)

    for query in ("collect[]=guest_metrics", f"sandbox={rig.fleet.sandboxes[0].id}"):
        page = await scrape(rig, query)
        assert not {f for f in families(page) if f.startswith(("kata_exporter", "process"))}
    named = ["kata_exporter_sandboxes", "process_cpu_seconds_total", "kata_sandbox_up"]
    page = await scrape(rig, "&".join(f"name[]={name}" for name in named))
    assert families(page) == set(named)
    assert samples(page, "kata_exporter_sandboxes") == ["kata_exporter_sandboxes 3.0"]


async def test_a_name_of_a_histograms_series_is_the_whole_histogram(rig: Rig) -> None:
    family = "kata_exporter_agent_call_duration_seconds"

    page = await scrape(rig, f"name[]={family}_bucket")

    assert families(page) == {family}
    assert samples(page, f"{family}_count")


async def test_a_sandbox_has_its_own_series_and_no_other(rig: Rig) -> None:
    one, two, _ = (s.id for s in rig.fleet.sandboxes)

    assert ids(await scrape(rig, f"sandbox={one}")) == {one}
    page = await scrape(rig, f"sandbox={one}&sandbox={two}&name[]=kata_sandbox_up")
    assert ids(page) == {one, two}
    assert families(page) == {"kata_sandbox_up"}


async def test_a_selected_page_has_the_lines_of_the_whole_one(rig: Rig) -> None:
    for sandbox in rig.fleet.sandboxes:
        await sandbox.suffer("no-answer")  # so that nothing changes between the two
    await soon(lambda: set(rig.up().values()) == {"0"})
    whole = (await rig.scrape()).splitlines()

    page = await scrape(rig, "exclude[]=guest_metrics")

    assert set(page.splitlines()) <= set(whole)


async def test_every_family_of_the_whole_page_can_be_asked_for(rig: Rig) -> None:
    names = sorted(families(await rig.scrape()))
    assert len(names) > 150

    for start in range(0, len(names), 50):
        asked = names[start : start + 50]
        page = await scrape(rig, "&".join(f"name[]={name}" for name in asked))
        assert families(page) == set(asked)


@pytest.mark.parametrize(
    ("off", "method", "group"),
    [
        ("guest_metrics", "GetMetrics", "kata_guest"),
        ("container_stats", "StatsContainer", "kata_container_memory"),
    ],
)
async def test_a_collector_that_is_off_makes_no_call_and_is_refused_by_name(
    tmp_path: Path, no_task_left: None, off: str, method: str, group: str
) -> None:
    del no_task_left
    collectors = CollectorSettings(**{off: False})
    async with running(tmp_path, sandboxes=2, collectors=collectors) as rig:
        await soon(rig.exporter.ready)
        page = await rig.scrape()
        told = await refused(rig, f"collect[]={off}")

    assert rig.wire
    assert method not in {request.method for request in rig.wire}
    assert f"collector {off} is switched off" in told
    assert group not in page
    assert set(up(page).values()) == {"1"}


async def test_with_every_collector_off_sandboxes_are_up_while_their_agents_live(
    tmp_path: Path, no_task_left: None
) -> None:
    del no_task_left
    async with running(
        tmp_path,
        sandboxes=2,
        collectors=CollectorSettings(guest_metrics=False, container_stats=False),
    ) as rig:
        await soon(rig.exporter.ready)
        assert set(rig.up().values()) == {"1"}
        assert {request.method for request in rig.wire} == {"Version", "Check"}
        assert "the collectors" in await refused(rig, "exclude[]=x")
        assert "switched on: none" in await refused(rig, "collect[]=guest_metrics")

        silent, alive = (s.id for s in rig.fleet.sandboxes)
        await rig.fleet.sandboxes[0].suffer("no-answer")
        await soon(lambda: rig.up() == {silent: "0", alive: "1"})
        assert rig.states()[silent] == "timeout"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("collect[]=cpu", "the collectors are guest_metrics, container_stats"),
        ("collect[]=guest_metrics&exclude[]=guest_metrics", "leave one of them out"),
        ("name[]=kata_sandbox_upp", "did you mean 'kata_sandbox_up'?"),
        ("sandbox=../../etc", "no sandbox '../../etc' is known; known: "),
        ("sandbox=%3Cscript%3E%00%0A", r"'<script>\x00\n'"),
    ],
)
async def test_a_wrong_one_is_a_400_that_says_what_there_is(
    rig: Rig, query: str, told: str
) -> None:
    text = await refused(rig, query)

    assert told in text
    assert text.count("\n") == 1


async def test_no_parameter_makes_a_call(rig: Rig) -> None:
    for sandbox in rig.fleet.sandboxes:
        await sandbox.suffer("no-answer")
    await soon(lambda: set(rig.up().values()) == {"0"})
    await rig.exporter._collection.aclose()
    rig.wire.clear()

    one = rig.fleet.sandboxes[0].id
    for query in ("collect[]=guest_metrics", f"sandbox={one}", "name[]=kata_guest_load1"):
        await scrape(rig, query)
    await refused(rig, "collect[]=x")

    assert rig.wire == []


async def test_gzip_and_head_are_as_on_the_whole_page(rig: Rig) -> None:
    url = f"http://{rig.exporter.addresses[0]}/metrics"
    params = {"name[]": "kata_sandbox_up"}
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        async with session.get(url, params=params, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            page = gzip.decompress(await answer.read()).decode()
        async with session.head(url, params=params) as answer:
            assert (answer.status, await answer.read()) == (200, b"")
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        async with session.head(url, params={"name[]": "x"}) as answer:
            assert (answer.status, await answer.read()) == (400, b"")

    assert families(page) == {"kata_sandbox_up"}


async def test_selected_pages_are_valid_under_promtool(rig: Rig) -> None:
    one = rig.fleet.sandboxes[0].id
    queries = ("collect[]=guest_metrics", "exclude[]=guest_metrics", f"sandbox={one}")

    pages = [await scrape(rig, query) for query in queries]

    for page in pages:
        findings = await asyncio.to_thread(check_metrics, page.encode())
        assert findings == ""


NAMES = ["kata_sandbox_up", "kata_guest_load1", "kata_exporter_sandboxes", "kata_nothing", "", "x"]
COLLECTORS = ["guest_metrics", "container_stats", "cpu", ""]
words = st.sampled_from(["collect[]", "exclude[]", "name[]", "sandbox", "collect%5B%5D", "x", "="])
odd = st.one_of(
    st.text(max_size=200).map(lambda text: quote(text.encode("utf-8", "surrogatepass"))),
    st.binary(max_size=50).map(quote_from_bytes),
    st.sampled_from(["%", "%zz", "%ff", "+", "&", "&&=", ";", "a=b=c", "%u0000"]),
)


def queries(sandbox_ids: list[str]) -> st.SearchStrategy[str]:
    values = st.one_of(st.sampled_from([*NAMES, *COLLECTORS, *sandbox_ids]), odd)
    pairs = st.tuples(words, values).map(lambda pair: f"{pair[0]}={pair[1]}")
    return st.lists(st.one_of(pairs, odd), max_size=6).map("&".join)


def ask(address: str, query: str) -> tuple[int, Mapping[str, str], str]:
    """Send a request line as it is, and return what is answered."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"GET /metrics?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = answer.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


async def test_any_query_gets_a_valid_page_or_a_400(rig: Rig) -> None:
    address = rig.exporter.addresses[0]
    seen: set[int] = set()

    @settings(max_examples=150, deadline=None)
    @given(queries([s.id for s in rig.fleet.sandboxes]))
    def check(query: str) -> None:
        status, headers, body = ask(address, query)
        seen.add(status)
        assert status in {200, 400}, (status, query)
        if status == 200:
            assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
            names = [family.name for family in text_string_to_metric_families(body)]
            assert len(names) == len(set(names))
        else:
            assert len(body) <= 2000

    await asyncio.to_thread(check)

    assert seen == {200, 400}
