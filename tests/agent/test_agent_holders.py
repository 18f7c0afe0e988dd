"""Who holds the client: nothing but the agent's own package, and the command that asks an agent."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import kata_exporter
from fake_clock import FakeClock
from kata_exporter.agent import KataAgent, Observer, observe
from kata_exporter.telemetry.hooks import CallTarget
from scripted_agent import scripted_agent

ROOT = Path(kata_exporter.__file__).parent
CLIENT = KataAgent.__name__
HOLDERS = ("kata_exporter.agent", "kata_exporter.cli.agent")
CLIENT_MODULES = tuple(f"kata_exporter.agent.{name}" for name in ("client", "calls", "caller"))


def holds(module: str) -> bool:
    return any(module == holder or module.startswith(f"{holder}.") for holder in HOLDERS)


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages([str(ROOT)], "kata_exporter."):
        if "_pb" not in found.name and not found.name.endswith("__main__"):
            yield found.name


def names_in(source: str) -> set[str]:
    """Return every name that code reads, defines or imports, with the modules it imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name():
                names.add(node.id)
            case ast.Attribute():
                names.add(node.attr)
            case ast.ImportFrom():
                names.add(node.module or "")
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
            case ast.Constant() if isinstance(node.value, str) and node.value == CLIENT:
                names.add(node.value)
            case ast.alias():
                names.update((node.name, node.asname or ""))
    return names


def reaches_the_client(source: str) -> bool:
    names = names_in(source)
    return CLIENT in names or any(name.startswith(CLIENT_MODULES) for name in names)


OTHERS = sorted(module for module in modules() if not holds(module))


def test_scan_sees_the_whole_tree() -> None:
    assert {"kata_exporter.app", "kata_exporter.cli.main", "kata_exporter.web.server"} <= {*OTHERS}
    assert len(OTHERS) > 80


@pytest.mark.parametrize(
    "source",
    [
        "from kata_exporter.agent import KataAgent",
        "from kata_exporter.agent import KataAgent as Client",
        "from kata_exporter.agent.client import KataAgent",
        "from kata_exporter.agent import client",
        "from kata_exporter.agent.calls.guest import GuestCalls",
        "import kata_exporter.agent.client",
        "import kata_exporter.agent as a; a.KataAgent",
        "import kata_exporter.agent as a; getattr(a, 'KataAgent')",
        "def f(agent: 'KataAgent') -> None: ...",
    ],
)
def test_scan_finds_the_client_however_it_is_reached(source: str) -> None:
    assert reaches_the_client(source)


@pytest.mark.parametrize("module", OTHERS)
def test_nothing_else_names_or_imports_the_client(module: str) -> None:
    loaded = importlib.import_module(module)

    assert loaded.__file__ is not None
    assert not reaches_the_client(Path(loaded.__file__).read_text())
    held = {name for name, member in vars(loaded).items() if member is KataAgent}
    assert not held


async def test_observe_gives_an_observer_that_connects_when_it_is_first_asked(
    clock: FakeClock,
) -> None:
    async with scripted_agent(clock) as scripted:
        scripted.answers["grpc.Health/Check"] = b""
        observer = observe(
            scripted.dial_url, "unix:///run/a.sock", target=CallTarget("/run/a.sock"), clock=clock
        )
        assert isinstance(observer, Observer)
        assert (observer.alive, scripted.dials) == (True, 0)

        await observer.check(deadline=clock.monotonic() + 1)

        assert scripted.urls == ["unix:///run/a.sock"]
        assert scripted.methods == ["grpc.Health/Check"]
        await observer.aclose()
