"""Every fault by its name: for tests, for the demo, and for who switches them by hand."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kata_exporter._pb import agent_pb2
from kata_exporter.clock import Clock
from kata_exporter.simulator.faults import answers, tampers, texts
from kata_exporter.simulator.faults.base import Fault
from kata_exporter.simulator.faults.preface import (
    ConnectHang,
    FrozenGuest,
    PrefaceInPieces,
    PrefaceSays,
)
from kata_exporter.simulator.faults.tampers import Make, ends_at, tampering
from kata_exporter.simulator.faults.wire import (
    Babbles,
    HangsUp,
    NeverReads,
    Tamper,
    header,
    with_header,
)
from kata_exporter.ttrpc import Code

_U64_MAX = 2**64 - 1
_KIB, _MIB = 1 << 10, 1 << 20


@dataclass(frozen=True, slots=True)
class NamedFault:
    """How a fault is made, and what it does."""

    make: Make
    what: str


def _wire(tamper: Tamper, what: str) -> NamedFault:
    return NamedFault(tampering(tamper), what)


def _fixed(make: Callable[[], Fault], what: str) -> NamedFault:
    return NamedFault(lambda _clock: make(), what)


def _text(change: texts.Change, what: str) -> NamedFault:
    return _fixed(lambda: answers.metrics_text(change), what)


def _stats_bomb(message: agent_pb2.StatsContainerResponse) -> None:
    memory = message.cgroup_stats.memory_stats
    for number in range(8000):
        memory.stats[f"made_up_{number}"] = _U64_MAX
    memory.usage.usage = _U64_MAX


def _stats_extremes(message: agent_pb2.StatsContainerResponse) -> None:
    cpu = message.cgroup_stats.cpu_stats.cpu_usage
    cpu.total_usage = cpu.usage_in_usermode = cpu.usage_in_kernelmode = _U64_MAX
    message.cgroup_stats.pids_stats.limit = _U64_MAX


def _status_of(code: Code) -> NamedFault:
    return _fixed(
        lambda: answers.Status(code, answers.TERRIBLE_TEXT),
        f"answers {code.name} with 10 KB of text, control characters included",
    )


GROUPS: Mapping[str, Mapping[str, NamedFault]] = {
    "Connecting": {
        "connect-hang": _fixed(ConnectHang, "nobody accepts, and the socket's backlog is full"),
        "hangs-up": _fixed(HangsUp, "closes each connection as soon as it is made"),
        "frozen": _fixed(
            FrozenGuest,
            "accepts and says nothing, as while the VMM is stopped; what was asked meanwhile is"
            " answered when the fault ends",
        ),
        "preface-ko": _fixed(lambda: PrefaceSays(b"KO\n"), "the VMM answers CONNECT with KO"),
        "preface-eof": _fixed(PrefaceSays, "the VMM answers CONNECT by hanging up"),
        "preface-nul": _fixed(
            lambda: PrefaceSays(b"OK 1024\0\n"), "the VMM's OK has a NUL byte in it"
        ),
        "preface-endless": _fixed(
            lambda: PrefaceSays(*[b"x" * 4096] * 256), "the VMM answers with 1 MiB and no newline"
        ),
        "preface-in-pieces": _fixed(
            PrefaceInPieces, "the VMM's OK comes byte by byte: odd, and allowed"
        ),
    },
    "Silence": {
        "write-hang": _fixed(NeverReads, "accepts and never reads"),
        "no-answer": _fixed(answers.NoAnswer, "reads requests, and answers when the fault ends"),
        "header-only": _wire(tampers.header_only, "a header, and then nothing"),
        "body-hang": _wire(tampers.half_a_body, "half of an answer, and then nothing"),
        "slow-drip": _wire(
            tampers.drip, f"a right answer, a byte every {tampers.DRIP_SECONDS:g} s"
        ),
        "just-in-time": NamedFault(
            lambda clock: answers.Late(clock),  # noqa: PLW0108  named as its neighbours
            "each answer takes nine tenths of the time that the caller gave it",
        ),
        "late-metrics": NamedFault(
            lambda clock: answers.Late(clock, only="GetMetrics"),
            "the answer to GetMetrics does, and the others don't: slow in every round, late in none",
        ),
    },
    "Connections that end": {
        "truncated-header": NamedFault(ends_at(5), "closes within the header of an answer"),
        "truncated-body": NamedFault(ends_at(15), "closes within the body of an answer"),
        "reset": NamedFault(ends_at(15, resets=True), "resets within the body of an answer"),
        "reset-unanswered": NamedFault(ends_at(0, resets=True), "resets instead of answering"),
    },
    "Broken rules of the wire": {
        "garbage": _fixed(lambda: Babbles(tampers.GARBAGE), "4 KiB of random bytes, unasked"),
        "oversize-4gib": _wire(tampers.announcing(2**32 - 1), "announces 4 GiB"),
        "oversize-4mib": _wire(tampers.announcing(4 * _MIB + 1), "announces 4 MiB and a byte"),
        "oversize-sent": _wire(tampers.endless(2**32 - 1), "announces 4 GiB, and sends them"),
        "wrong-stream-even": _wire(
            tampers.with_id(lambda own: own + 1), "answers on a stream of the server's"
        ),
        "wrong-stream-zero": _wire(tampers.with_id(lambda _: 0), "answers on stream 0"),
        "wrong-stream-future": _wire(
            tampers.with_id(lambda own: own + 2), "answers what wasn't asked yet"
        ),
        "duplicate-answer": _wire(tampers.twice, "gives each answer twice"),
        "unknown-type": _wire(
            lambda frame: (with_header(frame, frame_type=9),), "answers in frames of type 9"
        ),
        "request-type": _wire(
            lambda frame: (with_header(frame, frame_type=1),), "answers with requests"
        ),
        "data-type": _wire(
            lambda frame: (with_header(frame, frame_type=3),), "answers with stream data"
        ),
        "flags": _wire(lambda frame: (with_header(frame, flags=1),), "sets flags on answers"),
        "bad-protobuf": _wire(tampers.bad_protobuf, "bodies that are no messages"),
        "flood": _fixed(
            lambda: Babbles(*[header(0, 2**31 + 1) * 1000] * 100),
            "100,000 empty frames on a stream that isn't there",
        ),
        "flood-of-types": _fixed(
            lambda: Babbles(*[header(0, 1, frame_type=3) * 1000] * 100),
            "100,000 empty frames of stream data",
        ),
    },
    "Errors": {
        **{
            f"status-{code.name.lower().replace('_', '-')}": _status_of(code)
            for code in Code
            if code is not Code.OK
        },
        "status-unknown-number": _fixed(
            lambda: answers.Status(999, answers.TERRIBLE_TEXT), "answers with code 999"
        ),
        "status-huge": _fixed(
            lambda: answers.Status(Code.INTERNAL, "x" * 2 * _MIB),
            "answers INTERNAL with 2 MiB of text",
        ),
        "policy-denied": _fixed(answers.policy_denial, "a policy denies all that it can deny"),
        "policy-denies-metrics": _fixed(
            lambda: answers.policy_denial(only="GetMetrics"), "a policy denies GetMetrics alone"
        ),
        "policy-undefined": _fixed(
            answers.policy_undefined, "a policy doesn't define the requests: INTERNAL by its code"
        ),
        "old-agent": _fixed(
            lambda: answers.Status(Code.UNIMPLEMENTED, "GetMetrics method"),
            "has none of the methods",
        ),
        "older-agent": _fixed(
            lambda: answers.Status(Code.NOT_FOUND, "grpc.AgentService/GetMetrics is not supported"),
            "has none of the methods, in an older agent's words",
        ),
        "forged-version": _fixed(
            lambda: answers.version(answers.TERRIBLE_TEXT[:1024]),
            "says 1 KB where its version should be",
        ),
    },
    "Metrics": {
        "forged-identity": _text(texts.forged_identity, "labels that only the host may write"),
        "forged-names": _text(texts.forged_names, "families of the exporter's own, and of others"),
        "type-collision": _text(texts.type_collision, "HELP and TYPE that contradict everybody's"),
        "number-zoo": _text(texts.number_zoo, "values that are no finite decimal numbers"),
        "timestamps": _text(texts.timestamps, "a time of the guest's own behind each value"),
        "odd-characters": _text(texts.odd_characters, "control characters in values of labels"),
        "openmetrics": _text(texts.openmetrics, "exemplars, and the end of a page in its middle"),
        "duplicates": _text(texts.duplicates, "every series twice, and a label twice"),
        "many-samples": _text(texts.many_samples, "1 MiB of series"),
        "full-text": _text(
            texts.full_text,
            "as much to read as the caps on bytes and lines allow, none of it wrong",
        ),
        "many-processors": _text(
            texts.many_processors, "times of 256 processors, where there are few"
        ),
        "many-labels": _text(texts.many_labels, "1 MiB of labels on one sample"),
        "long-label": _text(texts.long_label, "one label of 1 MiB"),
        "endless-line": _text(texts.endless_line, "1 MiB of backslashes in a label"),
        "endless-comments": _text(texts.endless_comments, "1 MiB of HELP"),
        "empty-text": _text(lambda _text: "", "no metrics at all"),
        "legal-max": _text(texts.legal_max, "exactly as much as the cap allows: to be taken"),
        "label-churn": _fixed(
            lambda: answers.metrics_text(texts.Churn()), "new values of labels in each answer"
        ),
        "counter-rollback": _fixed(
            lambda: answers.metrics_text(texts.Rollback()), "counters that step back"
        ),
        "counter-leap": _fixed(
            lambda: answers.metrics_text(texts.Leap()), "counters that grow as nothing can"
        ),
        "oom-count-falls": _text(
            texts.oom_count(0), "a count of OOM kills that is less than it was: 0"
        ),
        "oom-count-leaps": _text(
            texts.oom_count(10**9), "a count of OOM kills that grew by a thousand million"
        ),
        "bad-utf8": _fixed(
            lambda: answers.Payload("GetMetrics", lambda _payload: b"\x0a\x02\xff\xfe"),
            "text that isn't UTF-8",
        ),
    },
    "Statistics of containers": {
        "stats-bomb": _fixed(lambda: answers.stats(_stats_bomb), "8000 keys in memory.stat"),
        "stats-extremes": _fixed(lambda: answers.stats(_stats_extremes), "the largest numbers"),
    },
}
"""Faults by what they are about."""

FAULTS: Mapping[str, NamedFault] = {
    name: fault for group in GROUPS.values() for name, fault in group.items()
}

_ENDS_AT = re.compile(r"(closed|reset)-at-([0-9]{1,7})")


def needs_hybrid(name: str) -> bool:
    """Whether a fault is one of the VMM's socket, which only a hybrid vsock sandbox has."""
    return name.startswith("preface-")


def make_fault(name: str, clock: Clock) -> Fault:
    """Return the fault of a name.

    Besides the names in `FAULTS` there are ``closed-at-K`` and ``reset-at-K``: the connection ends
    after K bytes of its first answer.

    Raises:
        KeyError: there is none of that name.
    """
    if match := _ENDS_AT.fullmatch(name):
        return ends_at(int(match[2]), resets=match[1] == "reset")(clock)
    return FAULTS[name].make(clock)
