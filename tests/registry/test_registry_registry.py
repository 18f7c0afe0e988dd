"""The registry numbers generations and tells its listeners."""

from kata_exporter.model import Sandbox, SandboxGone, SandboxSeen
from kata_exporter.registry import Registry


class Recorder:
    """Writes down what it is told."""

    def __init__(self, name: str, said: list[str]) -> None:
        self.name = name
        self.said = said

    def started(self, sandbox: Sandbox) -> None:
        self.said.append(f"{self.name} started {sandbox.id}/{sandbox.generation}")

    def updated(self, sandbox: Sandbox) -> None:
        self.said.append(f"{self.name} updated {sandbox.id}/{sandbox.generation}")

    def stopped(self, sandbox: Sandbox) -> None:
        self.said.append(f"{self.name} stopped {sandbox.id}/{sandbox.generation}")


def test_listeners_are_started_in_order_and_stopped_in_reverse() -> None:
    said: list[str] = []
    registry = Registry([Recorder("store", said), Recorder("collection", said)])

    registry.apply(SandboxSeen("static", "a1", "unix:///a", "x"))
    registry.apply(SandboxSeen("static", "a1", "unix:///a", "y"))
    registry.apply(SandboxGone("static", "a1"))

    assert said == [
        "store started a1/1",
        "collection started a1/1",
        "collection stopped a1/1",
        "store stopped a1/1",
        "store started a1/2",
        "collection started a1/2",
        "collection stopped a1/2",
        "store stopped a1/2",
    ]


def test_generations_are_numbered_over_all_sandboxes_and_never_again() -> None:
    registry = Registry([])
    for sandbox_id in ("a1", "b1"):
        registry.apply(SandboxSeen("static", sandbox_id, "unix:///a", "x"))
    registry.apply(SandboxGone("static", "a1"))
    registry.apply(SandboxSeen("static", "a1", "unix:///a", "x"))

    assert [(s.id, s.generation) for s in registry.sandboxes()] == [("b1", 2), ("a1", 3)]


def test_a_sandbox_is_found_by_its_id_and_by_no_other() -> None:
    registry = Registry([])
    registry.apply(SandboxSeen("static", "a1", "unix:///a", "x"))

    found = registry.sandbox("a1")

    assert found == registry.sandboxes()[0]
    assert registry.sandbox("../a1") is None
