"""Every fault of the catalog at once: each sandbox has the reason that fits, and nobody else's."""

import re
from contextlib import suppress
from pathlib import Path

import pytest

from kata_exporter.app import Exporter
from kata_exporter.simulator import Fleet, SimulatedSandbox
from kata_exporter.simulator.faults import FAULTS, needs_hybrid
from promtool import check_metrics
from rig import settings_for, states
from waiting import soon

NO_ONE_REASON = {"just-in-time"}
"""Comes as late as the deadline allows: now in time, now not."""

REASONS = {
    "connect-hang": "timeout",
    "frozen": "timeout",
    "preface-ko": "handshake_failed",
    "preface-eof": "handshake_failed",
    "preface-nul": "handshake_failed",
    "preface-endless": "handshake_failed",
    "preface-in-pieces": "ok",
    "hangs-up": "closed",
    "write-hang": "timeout",
    "no-answer": "timeout",
    "header-only": "timeout",
    "body-hang": "timeout",
    "slow-drip": "timeout",
    "late-metrics": "ok",
    "truncated-header": "closed",
    "truncated-body": "closed",
    "reset": "closed",
    "reset-unanswered": "closed",
    "garbage": "protocol_error",
    "oversize-4gib": "too_large",
    "oversize-4mib": "too_large",
    "oversize-sent": "too_large",
    "wrong-stream-even": "protocol_error",
    "wrong-stream-zero": "protocol_error",
    "wrong-stream-future": "protocol_error",
    "duplicate-answer": "ok",
    "unknown-type": "protocol_error",
    "request-type": "protocol_error",
    "data-type": "protocol_error",
    "flags": "protocol_error",
    "bad-protobuf": "protocol_error",
    "flood": "protocol_error",
    "flood-of-types": "protocol_error",
    "status-permission-denied": "policy_blocked",
    "status-unimplemented": "unsupported",
    "status-not-found": "unsupported",
    "status-invalid-argument": "unsupported",
    "status-deadline-exceeded": "timeout",
    "status-huge": "too_large",
    "forged-version": "ok",
    "policy-denied": "policy_blocked",
    "policy-denies-metrics": "policy_blocked",
    "policy-undefined": "policy_blocked",
    "old-agent": "unsupported",
    "older-agent": "unsupported",
    "forged-identity": "ok",
    "forged-names": "ok",
    "type-collision": "ok",
    "number-zoo": "ok",
    "timestamps": "rejected",
    "odd-characters": "ok",
    "openmetrics": "ok",
    "duplicates": "ok",
    "many-samples": "rejected",
    "full-text": "ok",
    "many-processors": "ok",
    "many-labels": "ok",
    "long-label": "ok",
    "endless-line": "ok",
    "endless-comments": "rejected",
    "empty-text": "rejected",
    "legal-max": "ok",
    "label-churn": "ok",
    "counter-rollback": "ok",
    "counter-leap": "ok",
    "oom-count-falls": "ok",
    "oom-count-leaps": "ok",
    "bad-utf8": "protocol_error",
    "stats-bomb": "ok",
    "stats-extremes": "ok",
}


def expected() -> dict[str, str]:
    """Return the reason of each fault; a status that means nothing to us is the agent's error."""
    statuses = dict.fromkeys((name for name in FAULTS if name.startswith("status-")), "agent_error")
    return statuses | REASONS


def test_every_fault_has_a_reason_to_expect() -> None:
    assert set(expected()) | NO_ONE_REASON == set(FAULTS)


def assign(fleet: Fleet) -> dict[str, SimulatedSandbox]:
    """Give each fault a sandbox; those of the preface need a hybrid vsock socket."""
    hybrid = [s for s in fleet.sandboxes if s.agent_url.startswith("hvsock:")]
    unix = [s for s in fleet.sandboxes if s.agent_url.startswith("unix:")]
    return {
        name: (hybrid if needs_hybrid(name) or not unix else unix).pop(0)
        for name in [*FAULTS, "healthy-1", "healthy-2"]
    }


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_each_fault_is_told_apart_and_touches_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Fleet(tmp_path, sandboxes=len(FAULTS) + 12, seed=3)
    await fleet.start()
    assigned = assign(fleet)
    for name in FAULTS:
        await assigned[name].suffer(name)
    settings = settings_for(list(assigned.values()), interval_seconds=2.0)
    exporter = Exporter(settings, environ={})
    wanted = {assigned[name].id: reason for name, reason in expected().items()}
    wanted |= {assigned[name].id: "ok" for name in ("healthy-1", "healthy-2")}

    names = {sandbox.id: name for name, sandbox in assigned.items()}

    def differences() -> dict[str, tuple[str, str]]:
        now = states(exporter.render().decode())
        return {names[i]: (now[i], wanted[i]) for i in wanted if now[i] != wanted[i]}

    async def no_differences(within: float) -> None:
        with suppress(AssertionError):  # what differs says more than that something does
            await soon(lambda: not differences(), within=within)
        assert differences() == {}

    try:
        await exporter.start()
        await no_differences(within=30.0)
        page = exporter.render()
        assert check_metrics(page) == ""
        text = page.decode()
        assert "somebody-else" not in text
        assert "666999666" not in text
        # Each has its own series: a guest's text can't add to another's, or take from it.
        for name in ("healthy-1", "healthy-2"):
            assert (
                len(re.findall(rf'kata_guest_load1\{{sandbox_id="{assigned[name].id}"', text)) == 1
            )
        for record in caplog.records:
            line = f"{record.getMessage()} {record.__dict__.get('fields', '')}"
            assert line.isprintable(), line
            assert len(line) < 1200

        for name in FAULTS:
            await assigned[name].suffer(None)
        wanted = dict.fromkeys(wanted, "ok")
        # What was refused as a state is asked again rarely, by design.
        for name, reason in expected().items():
            if reason in {"policy_blocked", "unsupported"}:
                del wanted[assigned[name].id]
        await no_differences(within=60.0)
    finally:
        await exporter.stop()
        await fleet.stop()
