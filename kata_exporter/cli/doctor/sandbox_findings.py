"""What answers of a few sandboxes mean. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from kata_exporter.cli.doctor.finding import Finding, Verdict
from kata_exporter.cli.doctor.sandbox_facts import Asked, SandboxFacts, ShimSocket, Step
from kata_exporter.errors import Reason

SHIM, AGENT_URL, AGENT = "shim", "agent-url", "agent"
"""The findings' names."""
_MOST_NAMED = 3
_GROUP_WRITE = 0o020

_OF_SHIM: Mapping[Reason, str] = {
    Reason.CONNECT_FAILED: "the shim has ended, and its folder is a leftover if crictl pods has no"
    " such sandbox",
    Reason.TIMEOUT: "the shim hangs: look at its process, containerd-shim-kata-v2",
    Reason.REJECTED: "",
}
_OF_AGENT: Mapping[Reason, str] = {
    Reason.CONNECT_FAILED: "the VM has ended; or in a container, the folder of its socket isn't"
    " mounted (/run/vc, /run/kata)",
    Reason.VSOCK_FORBIDDEN: "see vsock above",
    Reason.HANDSHAKE_FAILED: "the VMM is there and the guest isn't listening: it boots, or has failed",
    Reason.TIMEOUT: "the guest is frozen or overloaded: look at the VMM's process",
    Reason.CLOSED: "the agent has ended in mid-call: look at the guest's console",
    Reason.REJECTED: "see agent-url above",
}
_ELSE = "see the reason in the exporter's README"


def judge(facts: SandboxFacts) -> Sequence[Finding]:
    """Return a finding each about shims, about the URLs that they tell, and about agents."""
    return [_judge_shims(facts), _judge_urls(facts), _judge_agents(facts)]


def _judge_shims(facts: SandboxFacts) -> Finding:
    asked = [one for one in facts.asked if one.shim is not None]
    if not asked:
        return Finding(SHIM, Verdict.SKIPPED, "no sandbox has one here", facts=facts)
    failed = [one for one in asked if not _went_well(one.shim)]
    summary = f"{len(asked) - len(failed)} of {len(asked)} asked tell their agent's URL"
    if len(asked) < facts.found:
        summary += f" (there are {facts.found})"
    advice = tuple(_about_shims(failed))
    return Finding(SHIM, _verdict(failed, asked), summary, advice, facts=facts)


def _about_shims(failed: Sequence[Asked]) -> Iterator[str]:
    denied = [one for one in failed if one.socket is not None and not one.socket.may_connect]
    if denied:
        yield f"{_named(denied)}: {_about_rights(denied[0].socket)}"
    rest = [one for one in failed if one not in denied]
    yield from _by_reason([(one, one.shim) for one in rest], _OF_SHIM)


def _about_rights(socket: ShimSocket | None) -> str:
    assert socket is not None  # noqa: S101  it may not be connected to, so it was seen
    whose = f"user {socket.owner}, group {socket.group}, mode {socket.mode:04o}"
    group = f", or in group {socket.group}" if socket.mode & _GROUP_WRITE else ""
    return f"may not be connected to ({whose}): run the exporter as root{group}"


def _judge_urls(facts: SandboxFacts) -> Finding:
    asked = [one for one in facts.asked if one.url is not None]
    if not asked:
        return Finding(AGENT_URL, Verdict.SKIPPED, "none is known")
    failed = [one for one in asked if not _went_well(one.url)]
    summary = f"{len(asked) - len(failed)} of {len(asked)} may be used"
    schemes = Counter(
        one.url.detail.partition("://")[0] for one in asked if one.url and _went_well(one.url)
    )
    if schemes:
        summary += f": {_counted(schemes)}"
    advice = tuple(f"{one.id}: {one.url.detail}" for one in failed[:_MOST_NAMED] if one.url)
    return Finding(AGENT_URL, _verdict(failed, asked), summary, advice)


def _judge_agents(facts: SandboxFacts) -> Finding:
    asked = [one for one in facts.asked if one.agent is not None]
    if not asked:
        return Finding(AGENT, Verdict.SKIPPED, "none can be asked")
    failed = [one for one in asked if not _answered(one.agent)]
    summary = f"{len(asked) - len(failed)} of {len(asked)} asked answer"
    versions = Counter(
        one.agent.detail for one in asked if one.agent and one.agent.reason is Reason.OK
    )
    if versions:
        summary += f": {_counted(versions)}"
    advice = tuple(_by_reason([(one, one.agent) for one in failed], _OF_AGENT))
    return Finding(AGENT, _verdict(failed, asked), summary, advice)


def _by_reason(
    failed: Sequence[tuple[Asked, Step | None]], hints: Mapping[Reason, str]
) -> Iterator[str]:
    """Yield a line for each reason: who, one of the errors, and what to do."""
    reasons = Counter(step.reason for _, step in failed if step)
    for reason, _ in reasons.most_common():
        those = [(one, step) for one, step in failed if step and step.reason is reason]
        first = those[0][1]
        hint = hints.get(reason, _ELSE)
        yield f"{_named([one for one, _ in those])}: {reason}: {first.detail}"
        if hint:
            yield f"{reason}: {hint}"


def _went_well(step: Step | None) -> bool:
    return step is not None and step.reason is Reason.OK


def _answered(step: Step | None) -> bool:
    return step is not None and step.reason.answered


def _verdict(failed: Sequence[Asked], asked: Sequence[Asked]) -> Verdict:
    if not failed:
        return Verdict.OK
    return Verdict.PROBLEM if len(failed) == len(asked) else Verdict.WARNING


def _named(sandboxes: Sequence[Asked]) -> str:
    names = ", ".join(one.id for one in sandboxes[:_MOST_NAMED])
    more = len(sandboxes) - _MOST_NAMED
    return f"{names} and {more} more" if more > 0 else names


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
