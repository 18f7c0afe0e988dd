"""Identity labels: who a sample is about. They come from the host only, never from a guest."""

from kata_exporter.metrics import Scope, label_pairs
from kata_exporter.model import Container, Sandbox


def sandbox_identity(sandbox: Sandbox) -> str:
    """Render the labels of `Scope.SANDBOX`."""
    values = (sandbox.id, sandbox.pod.namespace, sandbox.pod.name)
    return label_pairs(zip(Scope.SANDBOX.labels, values, strict=True))


def container_identity(sandbox: Sandbox, container: Container) -> str:
    """Render the labels of `Scope.CONTAINER`."""
    values = (
        sandbox.id,
        sandbox.pod.namespace,
        sandbox.pod.name,
        container.name,
        container.id,
    )
    return label_pairs(zip(Scope.CONTAINER.labels, values, strict=True))
