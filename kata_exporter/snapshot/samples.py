"""Samples about a sandbox that are made on the host: state, and what discovery knows."""

from collections.abc import Mapping

from kata_exporter.errors import Reason
from kata_exporter.metrics import Chunk, Metric, Shape, label_pairs, sample_prefix
from kata_exporter.model import Sandbox
from kata_exporter.snapshot import families
from kata_exporter.snapshot.identity import container_identity, sandbox_identity
from kata_exporter.snapshot.pod_labels import pod_label_pairs


def state_chunks(
    sandbox: Sandbox,
    *,
    up: bool,
    reason: Reason,
    success: Mapping[str, bool],
    times: Mapping[str, float],
    agent_version: str = "",
) -> tuple[Chunk, ...]:
    """Render what the last attempt showed.

    Args:
        sandbox: whom it is about.
        up: whether it got an answer.
        reason: why, or why not.
        success: by collector.
        times: when each collector last succeeded, in seconds since 1970.
        agent_version: checked; empty while it isn't known.
    """
    identity = sandbox_identity(sandbox)
    chunks = [
        _one(families.UP, identity, "", str(int(up))),
        _one(families.STATE, identity, label_pairs([("reason", reason)]), "1"),
    ]
    if success:
        chunks.append(
            _by_collector(
                families.COLLECTOR_SUCCESS,
                identity,
                {name: str(int(succeeded)) for name, succeeded in success.items()},
            )
        )
    if times:
        chunks.append(
            _by_collector(
                families.LAST_COLLECTION,
                identity,
                {name: f"{time:.3f}" for name, time in times.items()},
            )
        )
    if agent_version:
        labels = label_pairs([("version", agent_version)])
        chunks.append(_one(families.AGENT_INFO, identity, labels, "1"))
    return tuple(chunks)


def known_chunks(sandbox: Sandbox) -> tuple[Chunk, ...]:
    """Render what discovery knows."""
    identity = sandbox_identity(sandbox)
    containers = sandbox.workload_containers
    info = label_pairs(
        [
            ("uid", sandbox.pod.uid),
            ("runtime", sandbox.runtime),
            ("runtime_handler", sandbox.pod.runtime_handler),
            ("transport", _transport(sandbox.agent_url)),
        ]
    )
    chunks = [
        _one(families.CONTAINERS, identity, "", str(len(containers))),
        _one(families.INFO, identity, info, "1"),
    ]
    if sandbox.pod.labels:
        labels = label_pairs(pod_label_pairs(sandbox.pod.labels))
        chunks.append(_one(families.LABELS, identity, labels, "1"))
    if containers:
        prefixes = tuple(
            sample_prefix(
                families.CONTAINER_INFO.name,
                container_identity(sandbox, container),
                label_pairs([("image", container.image)]),
            )
            for container in containers
        )
        chunks.append(Shape(families.CONTAINER_INFO, prefixes).chunk(["1"] * len(prefixes)))
    return tuple(chunks)


def _one(metric: Metric, identity: str, labels: str, value: str) -> Chunk:
    return Shape(metric, (sample_prefix(metric.name, identity, labels),)).chunk([value])


def _by_collector(metric: Metric, identity: str, values: Mapping[str, str]) -> Chunk:
    prefixes = tuple(
        sample_prefix(metric.name, identity, label_pairs([("collector", name)])) for name in values
    )
    return Shape(metric, prefixes).chunk(list(values.values()))


def _transport(agent_url: str) -> str:
    scheme, separator, _ = agent_url.partition("://")
    return scheme if separator else ""
