"""Which sources see the OOMs of a sandbox. Pure.

GetOOMEvent takes each event away from whoever else waits for it, and a shim always waits. So it is
never asked of an agent that has a shim, unless an administrator says that nobody else waits.
"""

from dataclasses import dataclass

from kata_exporter.guest.version import older_than
from kata_exporter.model import OomRules, Runtime, Sandbox
from kata_exporter.oom.outcome import OomSource

AUTO = "auto"
SAFE_RELEASE = (3, 32, 0)
"""In agents before it a second wait, while one outlives its connection, stops the whole agent."""

_RUNTIMES = frozenset({OomSource.CONTAINERD, OomSource.CRI, OomSource.CRIO, OomSource.VMSTAT})


@dataclass(frozen=True, slots=True)
class Chosen:
    """Sources that are to see a sandbox; ``refusal`` says why the agent isn't among them, if asked."""

    sources: frozenset[OomSource]
    refusal: str = ""


def choose(sandbox: Sandbox, rules: OomRules, agent_version: str | None) -> Chosen:
    """Choose the sources of a sandbox.

    Args:
        sandbox: as it is known.
        rules: that hold for it.
        agent_version: as the agent says; None while it hasn't been asked, and empty where it says
            nothing that could be one.
    """
    if rules.sources == (AUTO,):
        if has_shim(sandbox):
            return Chosen(_RUNTIMES)
        wanted = frozenset({OomSource.AGENT, OomSource.VMSTAT})
    else:
        wanted = frozenset(map(OomSource, rules.sources))
        if OomSource.CONTAINERD in wanted:
            wanted |= {OomSource.CRI}
    if OomSource.AGENT not in wanted or rules.only_consumer:
        return Chosen(wanted)
    refusal = _why_not(sandbox, agent_version)
    return Chosen(wanted - {OomSource.AGENT} if refusal else wanted, refusal)


def has_shim(sandbox: Sandbox) -> bool:
    """Whether a shim waits for the sandbox's events: one was found, or a container runtime has it."""
    is_known_to_a_runtime = sandbox.sources & {OomSource.CRI}
    found = sandbox.runtime is not Runtime.NONE or sandbox.announced is not None
    return found or bool(is_known_to_a_runtime)


def _why_not(sandbox: Sandbox, agent_version: str | None) -> str:
    if has_shim(sandbox):
        return "its shim waits for OOM events, and would lose those that we take"
    if agent_version is None:
        return "its agent's version isn't known yet"
    if not agent_version or older_than(agent_version, SAFE_RELEASE):
        told = agent_version or "an unknown version"
        return f"its agent is {told}, and before 3.32.0 a second waiter can stop an agent"
    return ""
