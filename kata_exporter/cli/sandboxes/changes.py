"""What changed from one answer to the next, in a line each. Pure."""

from collections.abc import Mapping, Sequence

from kata_exporter.cli.sandboxes import table
from kata_exporter.cli.sandboxes.known import KnownSandbox


def by_id(sandboxes: Sequence[KnownSandbox]) -> Mapping[str, KnownSandbox]:
    """Return the sandboxes by their ids."""
    return {sandbox.id: sandbox for sandbox in sandboxes}


def changes(
    before: Mapping[str, KnownSandbox], now: Mapping[str, KnownSandbox], *, full: bool
) -> list[str]:
    """Return a line for each sandbox that came, went, or changed but in its age."""
    lines = [f"gone     {_name(was, full=full)}" for key, was in before.items() if key not in now]
    for key, sandbox in now.items():
        was = before.get(key)
        if was is None:
            lines.append(f"there    {_name(sandbox, full=full)}: {_about(sandbox, full=full)}")
        elif was.generation != sandbox.generation:
            lines.append(f"replaced {_name(sandbox, full=full)}: {_about(sandbox, full=full)}")
        else:
            lines.extend(_changed(was, sandbox, full=full))
    return lines


def _changed(was: KnownSandbox, now: KnownSandbox, *, full: bool) -> list[str]:
    before, after = _parts(was, full=full), _parts(now, full=full)
    told = [
        f"{part} {before[part]} -> {after[part]}" for part in after if before[part] != after[part]
    ]
    return [f"changed  {_name(now, full=full)}: {', '.join(told)}"] if told else []


def _name(sandbox: KnownSandbox, *, full: bool) -> str:
    return f"{table.identity(sandbox, full=full)} {table.pod(sandbox, full=full)}"


def _about(sandbox: KnownSandbox, *, full: bool) -> str:
    parts = _parts(sandbox, full=full)
    return ", ".join(f"{part} {value}" for part, value in parts.items() if part != "pod")


def _parts(sandbox: KnownSandbox, *, full: bool) -> Mapping[str, str]:
    return {
        "pod": table.pod(sandbox, full=full),
        "state": table.state(sandbox),
        "containers": table.containers(sandbox),
        "sources": table.sources(sandbox),
        "url": table.url(sandbox),
    }
