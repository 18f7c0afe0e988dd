"""Every fault by its name. Names are for tests, for the demo, and for who switches them by hand."""

import random
from collections.abc import Callable, Iterable, Mapping

from kata_exporter._pb import agent_pb2
from kata_exporter.clock import Clock
from kata_exporter.simulator.faults import answers, texts
from kata_exporter.simulator.faults.base import Fault
from kata_exporter.simulator.faults.preface import FrozenGuest, PrefaceInPieces, PrefaceSays
from kata_exporter.simulator.faults.wire import (
    Babbles,
    Close,
    Hang,
    HangsUp,
    NeverReads,
    Step,
    Tamper,
    Tampering,
    Wait,
    encoded,
    header,
    with_header,
)
from kata_exporter.ttrpc import Code
from kata_exporter.ttrpc.frames import Frame

Make = Callable[[Clock], Fault]

DRIP_SECONDS = 0.1
"""Between two bytes of a slow drip."""

_GARBAGE = random.Random(0).randbytes(4096)  # noqa: S311  no secret, and the same each time
_U64_MAX = 2**64 - 1


def _wire(tamper: Tamper) -> Make:
    return lambda clock: Tampering(tamper, clock)


def _honest(frame: Frame) -> bytes:
    return encoded(frame)


def truncated_at(index: int, *, resets: bool = False) -> Make:
    """Return a fault that ends the connection after `index` bytes of its first answer."""
    return lambda clock: Tampering(
        lambda frame: (_honest(frame)[:index], Close()), clock, resets=resets
    )


def _drip(frame: Frame) -> Iterable[Step]:
    for byte in _honest(frame):
        yield bytes((byte,))
        yield Wait(DRIP_SECONDS)


def _says_id(change: Callable[[int], int]) -> Make:
    return _wire(lambda frame: (encoded(frame, stream_id=change(frame.header.stream_id)),))


def _header_only(frame: Frame) -> Iterable[Step]:
    return (_honest(frame)[:10], Hang())


def _announces(length: int) -> Make:
    return _wire(lambda frame: (header(length, frame.header.stream_id), Hang()))


def _bad_protobuf(frame: Frame) -> Iterable[Step]:
    return (header(64, frame.header.stream_id) + b"\xff" * 64,)


def _stats_bomb(message: agent_pb2.StatsContainerResponse) -> None:
    memory = message.cgroup_stats.memory_stats
    for number in range(8000):
        memory.stats[f"made_up_{number}"] = _U64_MAX
    memory.usage.usage = _U64_MAX


def _stats_extremes(message: agent_pb2.StatsContainerResponse) -> None:
    cpu = message.cgroup_stats.cpu_stats.cpu_usage
    cpu.total_usage = cpu.usage_in_usermode = cpu.usage_in_kernelmode = _U64_MAX
    message.cgroup_stats.pids_stats.limit = _U64_MAX


def _text(change: texts.Change) -> Make:
    return lambda _clock: answers.metrics_text(change)


def _fixed(make: Callable[[], Fault]) -> Make:
    return lambda _clock: make()


_STATUSES: Mapping[str, Make] = {
    f"status-{code.name.lower().replace('_', '-')}": _fixed(
        lambda code=code: answers.Status(code, answers.TERRIBLE_TEXT)  # type: ignore[misc]
    )
    for code in Code
    if code is not Code.OK
}

FAULTS: Mapping[str, Make] = {
    # Connecting and the preface of hybrid vsock.
    "frozen": _fixed(FrozenGuest),
    "preface-ko": _fixed(lambda: PrefaceSays(b"KO\n")),
    "preface-eof": _fixed(PrefaceSays),
    "preface-nul": _fixed(lambda: PrefaceSays(b"OK 1024\0\n")),
    "preface-endless": _fixed(lambda: PrefaceSays(*[b"x" * 4096] * 256)),
    "preface-in-pieces": _fixed(PrefaceInPieces),
    "hangs-up": _fixed(HangsUp),
    # Silence, in each phase.
    "write-hang": _fixed(NeverReads),
    "no-answer": _fixed(answers.NoAnswer),
    "header-only": _wire(_header_only),
    "slow-drip": _wire(_drip),
    "just-in-time": lambda clock: answers.Late(clock),  # noqa: PLW0108  named as its neighbours
    # Connections that end.
    "truncated-header": truncated_at(5),
    "truncated-body": truncated_at(15),
    "reset": truncated_at(15, resets=True),
    # Broken rules of the wire.
    "garbage": _fixed(lambda: Babbles(_GARBAGE)),
    "oversize-4gib": _announces(2**32 - 1),
    "oversize-4mib": _announces((4 << 20) + 1),
    "wrong-stream-even": _says_id(lambda stream_id: stream_id + 1),
    "wrong-stream-zero": _says_id(lambda _stream_id: 0),
    "wrong-stream-future": _says_id(lambda stream_id: stream_id + 2),
    "duplicate-answer": _wire(lambda frame: (_honest(frame), _honest(frame))),
    "unknown-type": _wire(lambda frame: (with_header(frame, frame_type=9),)),
    "request-type": _wire(lambda frame: (with_header(frame, frame_type=1),)),
    "data-type": _wire(lambda frame: (with_header(frame, frame_type=3),)),
    "flags": _wire(lambda frame: (with_header(frame, flags=1),)),
    "bad-protobuf": _wire(_bad_protobuf),
    "flood": _fixed(lambda: Babbles(*[header(0, 2**31 + 1) * 1000] * 100)),
    "flood-of-types": _fixed(lambda: Babbles(*[header(0, 1, frame_type=3) * 1000] * 100)),
    # Statuses.
    **_STATUSES,
    "status-unknown-number": _fixed(lambda: answers.Status(999, answers.TERRIBLE_TEXT)),
    "policy-denied": _fixed(answers.policy_denial),
    "policy-undefined": _fixed(answers.policy_undefined),
    "old-agent": _fixed(lambda: answers.Status(Code.UNIMPLEMENTED, "GetMetrics method")),
    "older-agent": _fixed(
        lambda: answers.Status(Code.NOT_FOUND, "grpc.AgentService/GetMetrics is not supported")
    ),
    # Texts and numbers.
    "forged-identity": _text(texts.forged_identity),
    "forged-names": _text(texts.forged_names),
    "type-collision": _text(texts.type_collision),
    "number-zoo": _text(texts.number_zoo),
    "timestamps": _text(texts.timestamps),
    "odd-characters": _text(texts.odd_characters),
    "openmetrics": _text(texts.openmetrics),
    "duplicates": _text(texts.duplicates),
    "many-samples": _text(texts.many_samples),
    "many-labels": _text(texts.many_labels),
    "long-label": _text(texts.long_label),
    "endless-line": _text(texts.endless_line),
    "endless-comments": _text(texts.endless_comments),
    "empty-text": _text(lambda _text: ""),
    "legal-max": _text(texts.legal_max),
    "churn": _fixed(lambda: answers.metrics_text(texts.Churn())),
    "counter-rollback": _fixed(lambda: answers.metrics_text(texts.Rollback())),
    "bad-utf8": _fixed(lambda: answers.Payload("GetMetrics", lambda _payload: b"\x0a\x02\xff\xfe")),
    "stats-bomb": _fixed(lambda: answers.stats(_stats_bomb)),
    "stats-extremes": _fixed(lambda: answers.stats(_stats_extremes)),
}


def make_fault(name: str, clock: Clock) -> Fault:
    """Return the fault of a name.

    Raises:
        KeyError: there is none; `FAULTS` has the names.
    """
    return FAULTS[name](clock)
