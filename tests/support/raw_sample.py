"""A single sample of a guest's text, and what our schema makes of it."""

from kata_exporter.guest.family import Target
from kata_exporter.guest.limits import Limits
from kata_exporter.guest.rejects import RejectReason
from kata_exporter.guest.scanner import RawSample, parse_head
from kata_exporter.guest.schema import schema_for


def parsed(head: str) -> RawSample:
    """What stands before the number, taken apart."""
    sample = parse_head(head, Limits())
    assert isinstance(sample, RawSample), (head, sample)
    return sample


def resolved(head: str, version: str = "4.1.0") -> Target | RejectReason | None:
    """Where the sample goes; None: it is left out."""
    sample = parsed(head)
    return schema_for(version).resolve(sample.family, sample.labels)


def published(head: str, value: str, version: str = "4.1.0") -> str:
    """The line that the sample becomes, without identity; "None", or why it is rejected."""
    target = resolved(head, version)
    if target is None or isinstance(target, RejectReason):
        return str(target)
    (converted,) = target.convert([value])
    return f"{target.metric.name}{{{target.pairs}}} {converted}"
