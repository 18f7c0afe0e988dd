"""``/api/v1/oom-events``: the last OOMs, by what they are about; wrong queries say what there is."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import pytest_asyncio

from api_site import ApiSite
from fake_clock import FakeClock
from kata_exporter.model import OomKind, OomRecord, Pod
from kata_exporter.web.openapi import description

PATH = "/api/v1/oom-events"
ONE = OomRecord(
    1_700_000_000.5,
    OomKind.REPORTED,
    "containerd",
    "sb1",
    Pod("shop", 'we"b'),
    "app",
    "c1",
    working_set_bytes=60,
    limit_bytes=64,
)
OTHER = OomRecord(
    1_700_000_100.0, OomKind.UNATTRIBUTED, "vmstat", "sb2", Pod("shop", "db-0"), "", "", kills=3
)


@pytest_asyncio.fixture
async def api(clock: FakeClock, tmp_path: Path) -> AsyncIterator[ApiSite]:
    site = ApiSite(clock, tmp_path)
    site.journal.add(ONE)
    site.journal.add(OTHER)
    await site.start()
    yield site
    await site.aclose()


async def test_the_newest_come_first_with_all_that_is_known_of_them(api: ApiSite) -> None:
    for listener in (api.public, api.admin):
        answer = await listener("GET", PATH)

        assert answer.json() == {
            "oom_events": [
                {
                    "time": "2023-11-14T22:15:00.000+00:00",
                    "kind": "unattributed",
                    "source": "vmstat",
                    "sandbox_id": "sb2",
                    "namespace": "shop",
                    "pod": "db-0",
                    "container": "",
                    "container_id": "",
                    "kills": 3,
                    "working_set_bytes": None,
                    "limit_bytes": None,
                },
                {
                    "time": "2023-11-14T22:13:20.500+00:00",
                    "kind": "reported",
                    "source": "containerd",
                    "sandbox_id": "sb1",
                    "namespace": "shop",
                    "pod": 'we"b',
                    "container": "app",
                    "container_id": "c1",
                    "kills": 1,
                    "working_set_bytes": 60,
                    "limit_bytes": 64,
                },
            ]
        }


async def test_an_answer_is_as_it_is_described(api: ApiSite) -> None:
    document = description()
    schema = {
        "$ref": "#/components/schemas/OomEventList",
        "components": document["components"],
    }

    jsonschema.validate((await api.public("GET", PATH)).json(), schema)
    parameters = document["paths"][PATH]["get"]["parameters"]
    assert {each["name"] for each in parameters} == {
        *("namespace", "pod", "container", "sandbox_id", "source", "kind", "since", "limit")
    }


@pytest.mark.parametrize(
    ("query", "sandboxes"),
    [
        ("", ["sb2", "sb1"]),
        ("?namespace=shop&limit=1", ["sb2"]),
        ("?kind=reported", ["sb1"]),
        ("?container=", ["sb2"]),
        ("?since=1700000100", ["sb2"]),
        ("?pod=we%22b&source=containerd&sandbox_id=sb1", ["sb1"]),
        ("?namespace=other", []),
    ],
)
async def test_a_query_chooses(api: ApiSite, query: str, sandboxes: list[str]) -> None:
    found = (await api.public("GET", PATH + query)).json()["oom_events"]

    assert [event["sandbox_id"] for event in found] == sandboxes


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?nam=x", "there is no parameter 'nam'; there are namespace, pod"),
        ("?pod=a&pod=b", "pod is given more than once"),
        ("?kind=all", "kind: there is no 'all'; there are reported, inferred, unattributed, vmm"),
        ("?limit=1001", "limit: '1001' is no whole number from 1 to 1000"),
        ("?limit=0", "limit: '0' is no whole number from 1"),
        ("?limit=-1", "limit: '-1' is no whole number"),
        ("?limit=%D9%A3", "is no whole number"),
        ("?since=now", "since: 'now' is no whole number"),
        ("?limit=" + "9" * 5000, "is no whole number from 1 to 1000"),
    ],
)
async def test_a_wrong_query_is_a_400_that_says_what_there_is(
    api: ApiSite, query: str, words: str
) -> None:
    answer = await api.public("GET", PATH + query)

    assert answer.status == 400
    assert words in answer.json()["detail"]
    assert len(answer.json()["detail"]) < 400


async def test_only_the_last_thousand_are_kept(api: ApiSite) -> None:
    for n in range(1200):
        api.journal.add(replace(ONE, time=float(n)))

    assert len((await api.public("GET", PATH)).json()["oom_events"]) == 1000
