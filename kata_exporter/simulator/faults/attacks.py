"""What a hostile guest could try, and by which faults the simulator tries it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing that a guest could try; `no_way_in` says why none of the faults can."""

    number: str
    what: str
    faults: tuple[str, ...] = ()
    no_way_in: str = ""


def _attack(number: int, what: str, faults: str = "", *, no_way_in: str = "") -> Attack:
    return Attack(f"G{number}", what, tuple(faults.split()), no_way_in)


ATTACKS = (
    _attack(1, "a huge announced length", "oversize-4gib oversize-4mib oversize-sent"),
    _attack(
        2,
        "being slow or silent in any phase",
        "connect-hang frozen write-hang no-answer header-only body-hang slow-drip",
    ),
    _attack(3, "endless small frames", "flood flood-of-types garbage"),
    _attack(
        4,
        "answers to other streams, and more answers than questions",
        "wrong-stream-even wrong-stream-zero wrong-stream-future duplicate-answer",
    ),
    _attack(5, "long errors with control characters", "status-internal status-huge"),
    _attack(
        6,
        "texts that are costly to read",
        "many-samples full-text many-processors many-labels long-label endless-line endless-comments",
    ),
    _attack(7, "labels of another sandbox's identity", "forged-identity"),
    _attack(8, "families of the exporter's own, or of others", "forged-names"),
    _attack(9, "contradicting HELP and TYPE", "type-collision"),
    _attack(10, "numbers that are none", "number-zoo"),
    _attack(11, "timestamps", "timestamps"),
    _attack(
        12,
        "counters that step back or leap",
        "counter-rollback counter-leap oom-count-falls oom-count-leaps",
    ),
    _attack(13, "bad UTF-8 and odd characters", "bad-utf8 odd-characters"),
    _attack(14, "syntax of OpenMetrics", "openmetrics"),
    _attack(15, "duplicate series and labels", "duplicates"),
    _attack(16, "new values of labels for ever", "label-churn"),
    _attack(17, "text that ends up on spans", "forged-version status-unknown-number"),
    _attack(
        18,
        "spans and trace context of its own",
        no_way_in="answers carry no context, and nothing on the host listens for a guest's spans",
    ),
    _attack(19, "numbers and maps of statistics at their limits", "stats-bomb stats-extremes"),
    _attack(
        20,
        "connections that end at any byte",
        "hangs-up truncated-header truncated-body reset reset-unanswered",
    ),
    _attack(21, "answers just before the deadline", "just-in-time late-metrics"),
    _attack(22, "many sandboxes doing so together", "no-answer slow-drip"),
    _attack(
        23,
        "hiding behind a policy or an age",
        "policy-denied policy-denies-metrics policy-undefined old-agent",
    ),
)
"""Numbers are for reference from tests and documents."""
