"""What the answers of the node's container runtime mean. Pure."""

from collections.abc import Sequence

from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.cli.doctor.runtime_facts import (
    EventFacts,
    NodeRuntime,
    RuntimeFacts,
    RuntimeSocket,
)

CRI, EVENTS = "cri", "events"
"""The findings' names."""

_UNNAMED = "series have no names of pods and containers"
_UNHEARD = "OOMs that only the runtime tells are not counted"
_NO_SERVICE = "UNIMPLEMENTED"


def judge(facts: NodeRuntime) -> Sequence[Finding]:
    """Return a finding about CRI, and one about containerd's events."""
    return [_judge_cri(facts.cri), _judge_events(facts.events, facts.cri)]


def _judge_cri(facts: RuntimeFacts) -> Finding:
    if not facts.sockets:
        return Finding(CRI, Verdict.SKIPPED, f"off: {_UNNAMED}", facts=facts)
    if facts.code:
        return _judge_failure(facts)
    handlers = ", ".join(
        f"{handler or 'default'} ({count})" for handler, count in sorted(facts.handlers.items())
    )
    # Where each event goes to one of those who ask, asking would take them from the kubelet.
    events = "tells its events to all" if facts.tells_events else "listed, not asked for events"
    pods = f"{sum(facts.handlers.values())} pods ready, {facts.kata_pods} of them Kata's"
    summary = f"{facts.name} {facts.version} at {facts.path}, {events}: {pods}"
    if handlers:
        summary += f"; handlers: {handlers}"
    return Finding(CRI, Verdict.OK, summary, facts=facts)


def _judge_failure(facts: RuntimeFacts) -> Finding:
    there = [socket for socket in facts.sockets if socket.is_there]
    if not there:
        summary = f"no socket of a runtime is there: {_UNNAMED}"
        return Finding(
            CRI, Verdict.WARNING, summary, _advice_on_absence(facts.sockets), facts=facts
        )
    summary = f"{there[0].path}: {facts.code}: {facts.detail}: {_UNNAMED}"
    return Finding(CRI, Verdict.WARNING, summary, _advice_on_failure(facts, there), facts=facts)


def _advice_on_absence(sockets: Sequence[RuntimeSocket]) -> tuple[str, ...]:
    tried = ", ".join(socket.path for socket in sockets)
    return (
        f"in a container, mount the folder of the runtime's socket; tried: {tried}",
        "where it is elsewhere, name it: --cri.endpoint unix:///PATH",
    )


def _advice_on_failure(facts: RuntimeFacts, there: Sequence[RuntimeSocket]) -> tuple[str, ...]:
    if not any(socket.may_connect for socket in there):
        return ("run the exporter as root: the socket is the runtime's",)
    if facts.code == _NO_SERVICE:
        return (
            "its CRI is off: take cri out of disabled_plugins in containerd's config.toml",
            "or name the kubelet's socket with --cri.endpoint",
        )
    return ("look at the runtime: crictl info, and its log",)


def _judge_events(facts: EventFacts, cri: RuntimeFacts) -> Finding:
    if not facts.sockets:
        return Finding(EVENTS, Verdict.SKIPPED, f"off: {_UNHEARD}", facts=facts)
    if not any(socket.is_there for socket in facts.sockets):
        return Finding(EVENTS, Verdict.SKIPPED, f"no containerd here: {_UNHEARD}", facts=facts)
    if not facts.code:
        summary = "containerd tells of containers' starts, exits and OOMs"
        return Finding(EVENTS, Verdict.OK, summary, facts=facts)
    summary = f"not told by containerd ({facts.code}): {_UNHEARD}"
    advice = "see cri above" if cri.code else "look at containerd: ctr events, and its log"
    return Finding(EVENTS, Verdict.WARNING, summary, (advice,), facts=facts)
