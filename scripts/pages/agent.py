"""The agent's client: each method with its RPCs, time-outs, effect and the agents that have it."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from kata_exporter.agent import KataAgent
from kata_exporter.agent.caller import Timeouts
from kata_exporter.agent.catalog import CATALOG, Entry
from kata_exporter.agent.methods import Method
from pages.markdown import cell, table

INTRODUCTION = """\
# The agent's client

Generated from the code by `make docs`; a check keeps it so.

`kata_exporter.agent` is a client of Kata's agent for asyncio, complete and typed. It can be used by \
itself:

```python
from kata_exporter.agent import KataAgent
from kata_exporter.model import Container
from kata_exporter.sockets import Dialer

agent = KataAgent(Dialer().dial_url, "hvsock:///run/vc/vm/SANDBOX/clh.sock:1024")
print(await agent.get_guest_details())
print(await agent.stats_container(Container(CONTAINER_ID)))
await agent.aclose()
```

`Agent` is its interface, `MockAgent` the same in memory for tests. What methods take and give is in \
`kata_exporter.agent.types`; errors are `AgentError`, whose `reason` says why there is no answer, and \
`ArgumentError` (of `kata_exporter.errors`), before anything is sent. Whoever can connect to an agent owns its sandbox: the \
exporter itself holds an observer, which can make five calls that change nothing.

- **Time-out** is what holds without a `deadline`; with one, that holds for all that the method sends, \
connecting included. A time-out that is given for several calls is for each.
- **Changes** says whether something in the guest is changed, or taken from whoever else waits for it.
- **Agents** are the releases that have it, from 2.0 on.
- Methods in *italics* are extras, which the interface of Kata's own runtime didn't have.
"""

NOUNS = {
    "connection": "The way to the agent. Nothing here asks it.",
    "sandbox": "A sandbox's life.",
    "container": "Containers.",
    "process": "Processes in containers.",
    "network": "A guest's network.",
    "guest": "The guest as a whole.",
    "observe": "What changes nothing, but for taking OOM events.",
}

HEAD = ("method", "RPC", "time-out", "changes", "agents", "what it does")


def page() -> str:
    """Render the page."""
    return "".join(_parts())


def _parts() -> Iterator[str]:
    yield INTRODUCTION
    for noun, entries in CATALOG.items():
        yield f"\n## {noun.capitalize()}\n\n{NOUNS[noun]}\n\n"
        yield from table(HEAD, map(_row, entries))


def _row(entry: Entry) -> tuple[str, ...]:
    name = f"`{entry.name}`"
    return (
        name if entry.in_interface else f"*{name}*",
        "<br>".join(f"`{method.full_name}`" for method in entry.rpcs) or "none",
        _joined(map(_timeout, entry.rpcs)),
        "" if not entry.rpcs else "yes" if entry.changes_guest else "no",
        _joined(map(_releases, entry.rpcs)),
        cell(_first_sentence(entry.name)),
    )


def _joined(texts: Iterable[str]) -> str:
    """Join what the RPCs have, once where they have the same."""
    each = list(texts)
    return each[0] if len(set(each)) == 1 else "<br>".join(each)


def _timeout(method: Method[Any, Any]) -> str:
    seconds = Timeouts().of(method.timeout)
    return "none" if seconds is None else f"{seconds:g} s"


def _releases(method: Method[Any, Any]) -> str:
    since = f"from {method.since}" if method.since else ""
    until = f"before {method.until}" if method.until else ""
    return f"{since} {until}".strip() or "all"


def _first_sentence(name: str) -> str:
    text = inspect.getdoc(getattr(KataAgent, name)) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("``", "`")
