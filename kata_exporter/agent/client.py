"""The client of one sandbox's agent, joined from its parts."""

from kata_exporter.agent.calls.container import ContainerCalls
from kata_exporter.agent.calls.guest import GuestCalls
from kata_exporter.agent.calls.sandbox import SandboxCalls


class KataAgent(SandboxCalls, ContainerCalls, GuestCalls):
    """Asks the agent of one sandbox over ttrpc: `Agent`, and what agents do besides.

    It connects when it is first asked. After a failed dial it is dead for good, as Kata's own is;
    after a lost connection it asks nothing more until `disconnect`. `aclose` ends it, as the end of
    ``async with`` does.

    A ``deadline`` is absolute, as ``time.monotonic() + 5``, and holds for all that a method sends.
    Without one each of its calls has the time-out of its class.
    """
