"""Which sources see a sandbox: an agent that has a shim is never asked for events unasked."""

from dataclasses import replace

import pytest

from kata_exporter.model import Announcement, OomRules, Runtime, Sandbox
from kata_exporter.oom import OomSource
from kata_exporter.oom.rules import Chosen, choose

BY_HAND = Sandbox("sb1", 1, "unix:///x", sources=frozenset({"static"}))
SHIMS = (
    replace(BY_HAND, runtime=Runtime.GO),
    replace(BY_HAND, runtime=Runtime.RUST),
    replace(BY_HAND, announced=Announcement("/run/vc/vm/sb1")),
    replace(BY_HAND, sources=frozenset({"static", "cri"})),
)
RUNTIMES = frozenset(OomSource) - {OomSource.AGENT}


@pytest.mark.parametrize("sandbox", SHIMS)
@pytest.mark.parametrize("version", [None, "", "3.31.0", "4.1.0"])
def test_auto_never_asks_an_agent_that_has_a_shim(sandbox: Sandbox, version: str | None) -> None:
    assert choose(sandbox, OomRules(), version) == Chosen(RUNTIMES)


@pytest.mark.parametrize(
    ("version", "sources"),
    [
        ("3.32.0", {"agent", "vmstat"}),
        ("4.1.0", {"agent", "vmstat"}),
        ("3.31.9", {"vmstat"}),
        ("", {"vmstat"}),
        (None, {"vmstat"}),
    ],
)
def test_auto_asks_the_agent_where_there_is_no_shim_and_it_is_new_enough(
    version: str | None, sources: set[str]
) -> None:
    assert choose(BY_HAND, OomRules(), version).sources == sources


@pytest.mark.parametrize(
    ("sandbox", "version", "why"),
    [
        (SHIMS[0], "4.1.0", "its shim waits"),
        (BY_HAND, "3.31.0", "3.31.0, and before 3.32.0"),
        (BY_HAND, "", "an unknown version, and before 3.32.0"),
    ],
)
def test_the_agent_is_refused_with_the_reason_unless_nobody_else_waits(
    sandbox: Sandbox, version: str, why: str
) -> None:
    refused = choose(sandbox, OomRules(("agent", "vmstat")), version)
    taken = choose(sandbox, OomRules(("agent", "vmstat"), only_consumer=True), version)

    assert refused.sources == {"vmstat"}
    assert why in refused.refusal
    assert taken == Chosen(frozenset({OomSource.AGENT, OomSource.VMSTAT}))


@pytest.mark.parametrize(
    ("listed", "sources"),
    [
        ((), set()),
        (("containerd",), {"containerd", "cri"}),
        (("crio",), {"crio"}),
        (("vmstat",), {"vmstat"}),
    ],
)
def test_what_is_listed_is_taken_and_nothing_else(
    listed: tuple[str, ...], sources: set[str]
) -> None:
    assert choose(SHIMS[0], OomRules(listed), "4.1.0") == Chosen(frozenset(map(OomSource, sources)))
