"""The simulator: how to use it, and each scenario, fault and attack by its name."""

import inspect
from collections.abc import Iterator

from kata_exporter.cli.markdown import cell, table
from kata_exporter.simulator import KINDS, Scenario
from kata_exporter.simulator.agent.programs import PROGRAMS
from kata_exporter.simulator.faults import ATTACKS, GROUPS

INTRODUCTION = """\
# The simulator

Generated from the code by `make docs`; a check keeps it so.

A fleet of simulated sandboxes, for trying dashboards and alerts without Kata, and what tests stand on. \
Guests keep one consistent state each: CPU time adds up to the time that passed, memory adds up, \
what containers use is part of what their guest uses, counters only grow, and begin anew when the VM \
does. Agents answer as kata-agent 2.0 to 4.1 do, on cgroup v1 and v2.

## Trying it

```
kata-exporter demo                                    # 20 calm sandboxes, and the exporter on them
kata-exporter demo --scenario faults --sandboxes 60   # what goes on is printed as it happens
kata-exporter demo --agents-only ./host               # no exporter: the fleet is for another one
```

The same `--seed` gives the same fleet and lets the same happen. `--interval` is how often each \
sandbox is asked. Ctrl-C ends it and leaves nothing behind.

With `--agents-only DIR`, DIR is what `/` is on a node, for any exporter:

| path | what is there |
|---|---|
| `run/vc/sbs/ID/shim-monitor.sock` | shims of the Go runtime: `/agent-url` and `/metrics` over HTTP |
| `run/kata/ID/shim-monitor.sock` | shims of runtime-rs, likewise |
| `run/vc/vm/ID/`, `run/kata/ID/root/` | the agents: `clh.sock` and `kata.hvsock` are hybrid vsock, `agent.ttrpc` speaks ttrpc at once |
| `run/containerd/containerd.sock` | CRI `runtime.v1` (lists and events), containerd's events on `/tasks/*`, and its version |
| `kata-exporter.yaml` | the configuration of an exporter that is to find all this |

DIR must be new or empty, and short enough for a socket's address (107 bytes with what stands below it).
"""

PROCESSES = """
## Containers and processes

Agents understand every call of the agent's interface. So a client can make containers and processes in \
a simulated guest, write to them, read their two streams to the end, pause them, signal them and wait for \
them; when it destroys the sandbox, the VM powers off. A container uses half of what its guest has left, \
whatever runs in it. Containers that the container runtime didn't make are unknown to CRI, and gone after \
a boot. What a process can run:

"""

FAULTS = """
## Faults

`--scenario faults` goes through them; tests switch them on by name while a sandbox runs. Besides \
these there are `closed-at-K` and `reset-at-K`: the connection ends after K bytes of its first answer.
"""

TAIL = """
## Attacks

What a hostile guest could try, and the faults that try it. What each may cost is in \
[security.md](security.md); what is promised of each is held to by a test of its number.
"""


def page() -> str:
    """Render the page."""
    return "".join(_parts())


def _parts() -> Iterator[str]:
    yield INTRODUCTION
    yield "\n## Scenarios\n\n"
    yield from table(("`--scenario`", "what goes on", "agents"), map(_scenario, Scenario))
    yield PROCESSES
    yield from table(
        ("command", "what it does"),
        ((f"`{program.usage}`", cell(program.what)) for program in PROGRAMS.values()),
    )
    yield "\nAnything else serves until a signal ends it.\n"
    yield FAULTS
    for title, faults in GROUPS.items():
        yield f"\n### {title}\n\n"
        yield from table(
            ("fault", "what the sandbox does"),
            ((f"`{name}`", cell(fault.what)) for name, fault in faults.items()),
        )
    yield TAIL + "\n"
    yield from table(
        ("", "attack", "faults"),
        (
            (
                a.number,
                cell(a.what),
                ", ".join(f"`{n}`" for n in a.faults) or f"none: {a.no_way_in}",
            )
            for a in ATTACKS
        ),
    )


def _scenario(scenario: Scenario) -> tuple[str, str, str]:
    versions = dict.fromkeys(f"{k.version} (cgroup v{k.cgroup:d})" for k in KINDS[scenario])
    return f"`{scenario}`", cell(_said_of(scenario)), ", ".join(versions)


def _said_of(scenario: Scenario) -> str:
    """Return what the code says of a scenario: the docstring below its name."""
    lines = inspect.getsource(Scenario).splitlines()
    at = next(
        n for n, line in enumerate(lines) if line.strip() == f'{scenario.name} = "{scenario}"'
    )
    return lines[at + 1].strip().strip('"')
