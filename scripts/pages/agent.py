"""The agent's client: each method with its RPCs, time-outs, effect and the agents that have it."""

from collections.abc import Iterable, Iterator
from typing import Any

from kata_exporter.agent.caller import Timeouts
from kata_exporter.agent.catalog import CATALOG, Entry
from kata_exporter.agent.methods import Method
from kata_exporter.cli.agent.methods import LEFT_TO_RUNTIMES, summary
from kata_exporter.cli.markdown import cell, table

INTRODUCTION = """\
# The agent's client

Generated from the code by `make docs`; a check keeps it so.

`kata_exporter.agent` is a client of Kata's agent for asyncio, complete and typed. It can be used by \
itself:

```python
import time

from kata_exporter.agent import KataAgent
from kata_exporter.model import Container
from kata_exporter.sockets import Dialer

async with KataAgent(Dialer().dial_url, "hvsock:///run/vc/vm/SANDBOX/clh.sock:1024") as agent:
    print(await agent.get_guest_details())
    print(await agent.stats_container(Container(CONTAINER_ID), deadline=time.monotonic() + 5))
```

`Agent` is its interface, `MockAgent` the same in memory for tests. What methods take and give is in \
`kata_exporter.agent.types`; errors are `AgentError`, whose `reason` says why there is no answer, and \
`ArgumentError`, before anything is sent. Whoever can connect to an agent owns its sandbox: the \
exporter itself holds an observer, which can make five calls that change nothing.

## Deadlines

A `deadline` is absolute, in seconds on the client's clock: `time.monotonic() + 5` unless the client was \
given a `clock` of another kind. It holds for all that a method sends, connecting included. One that has \
passed gives reason `timeout` at once; one that is not finite is refused.

Without a deadline each call has the time-out of its class, as with Kata's own client, so that a method \
that makes several calls may take the sum, and the deadline is the only bound of the whole. That is so \
for the `Health/Check` of `start_sandbox` as well: with a deadline it may take longer than its 30 s.

## Life of a client

- It connects with the first call, for 30 s at most or as `AgentConfig.dial_timeout_seconds` says. A call \
whose deadline runs out meanwhile ends with `timeout`, and the connection is still made for the others.
- After a failed dial it is **dead for good**: each call ends with reason `dead`, and nothing is dialled. \
Who wants to try again makes a new client, when it sees fit. A URL that can't be read fails no dial.
- A connection that is lost gives `closed` until `disconnect`, after which the next call connects.
- `redial=True` dials again and again within the time of one dial, for a guest that boots.
- `hook` is told of each call's start, steps and end, and may add metadata to its request: a `CallHook` of \
`kata_exporter.telemetry.hooks`, whose failures fail no call.
- `aclose`, or the end of `async with`, closes all its connections.

Where Kata's own client reaches into the VMM or the shared files, a runtime gives ours what it has: \
`KataAgent(…, host=Host(hypervisor, sharing))`, of the protocols `Hypervisor` and `FileSharing` in \
`kata_exporter.agent.collaborators`. A container's volumes are the file sharing's, which says what the \
guest mounts for them. Without a host, what concerns it does nothing and says so in the log, at debug \
level: a container's files have to be in the guest already.

## Methods

- **Time-out** is what holds without a `deadline`. One that is given for several calls is for each.
- **Changes** says whether something in the guest is changed, or taken from whoever else waits for it.
- **Agents** are the releases that have it, from 2.0 on.
- Methods in *italics* are extras, which the interface of Kata's own runtime didn't have.
"""

SHELL = f"""
## From the shell

`kata-exporter agent URL_OR_SANDBOX METHOD` makes one call on a connection of its own. The agent is \
named by its URL, or by the id of a sandbox in the configuration file. `--list` has the methods with \
their parameters, and `--list --json` says what each parameter should be.

What a guest measures, as it says it:

```
kata-exporter agent hvsock:///run/vc/vm/SANDBOX/clh.sock:1024 get_agent_metrics --raw --timeout 5s
```

The same sandbox by its id, and a change: a process is started in a container of it, and printed with \
the exec id that the other calls take.

```
kata-exporter agent SANDBOX exec --config.file kata-exporter.yaml --yes-change-guest \\
    --param container=CONTAINER_ID --json '{{"command": {{"args": ["uname", "-a"]}}}}'
```

- `--param NAME=VALUE` is for what one word can say: texts, numbers (`0x…` too), `true` and `false`, \
a container by its id, a time, a path. `--json` is for everything: an object by the names of the \
parameters, whose parts are the dataclasses of `kata_exporter.agent.types`. Where one of several is \
meant, an object of one key names it: `"shared_fs": {{"VirtioFs": {{}}}}`.
- What is printed is JSON in ASCII. Numbers are exact, which not every reader of JSON keeps above \
2^53. Bytes are text where they are UTF-8, else `{{"base64": "…"}}`; so are bytes that are given. \
`--param NAME=-` reads them from standard input, `--raw` prints text and bytes as they are.
- `--timeout` is for all that the method sends, connecting included. SIGINT ends the wait, and the \
connection with it, so that the guest keeps what was waited for.
- `--traceparent` goes along with every request: the guest's spans join that trace.
- **Changes** in the tables above means: `--yes-change-guest` is needed. It is about taking as well: \
whoever takes an OOM event, an exit code or output takes it from the runtime.
- It ends with 0 if it was done; 1 if not, and says reason, status and the agent's text; 2 if the \
command line is wrong, and 3 if a change lacks its flag: then nothing was sent; 130 after a signal.

There is no runtime around the command, so `create_container` shares no files, and `start_sandbox` \
loads neither policy nor kernel modules. Left to runtimes altogether are: \
{", ".join(f"`{name}`" for name in LEFT_TO_RUNTIMES)}.
"""

TIMEOUT_NOTES = {
    "start_sandbox": "all but the first 300 s on another machine; each try of UpdateInterface its own",
    "create_container": "or `create_container_timeout_seconds` of the sandbox",
    "update_interface": "for each of 20 tries, pauses not counted",
    "copy_file": "for each piece of 1 MiB",
}
"""What a method's time-outs are besides those of its calls' classes."""

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
        yield f"\n### {noun.capitalize()}\n\n{NOUNS[noun]}\n\n"
        yield from table(HEAD, map(_row, entries))
    yield SHELL


def _row(entry: Entry) -> tuple[str, ...]:
    name = f"`{entry.name}`"
    return (
        name if entry.in_interface else f"*{name}*",
        "<br>".join(f"`{method.full_name}`" for method in entry.rpcs) or "none",
        _noted(_joined(map(_timeout, entry.rpcs)), TIMEOUT_NOTES.get(entry.name)),
        "" if not entry.rpcs else "yes" if entry.changes_guest else "no",
        _joined(map(_releases, entry.rpcs)),
        cell(summary(entry.name)),
    )


def _joined(texts: Iterable[str]) -> str:
    """Join what the RPCs have, once where they have the same."""
    each = list(texts)
    return each[0] if len(set(each)) == 1 else "<br>".join(each)


def _timeout(method: Method[Any, Any]) -> str:
    seconds = Timeouts().of(method.timeout)
    return "none" if seconds is None else f"{seconds:g} s"


def _noted(text: str, note: str | None) -> str:
    return text if note is None else f"{text}<br>({note})"


def _releases(method: Method[Any, Any]) -> str:
    since = f"from {method.since}" if method.since else ""
    until = f"before {method.until}" if method.until else ""
    return f"{since} {until}".strip() or "all"
