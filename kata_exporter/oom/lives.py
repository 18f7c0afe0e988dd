"""The OOMs of one container id, each counted once, whoever tells of it and in whatever order.

A *life* goes from one start of a container to the next. A runtime's events, and an agent's, are told
one by one; a status or a file only say that there was one in a life. So the OOMs of a life are as
many as its events, and at least one where a status says so.
"""

from dataclasses import dataclass, field
from operator import itemgetter

MAX_LIVES = 8
"""Lives of one container id that are told apart: Kubernetes gives every start another id."""
MAX_EVENTS = 64
"""Events of one life that are remembered; those beyond are counted and can't be told apart."""

MAX_TIME_NS = 2**63 - 1
"""Runtimes say of a time that isn't known that it is in the year 1, or after the last one."""
SAME_END_NS = 5 * 10**9
"""Two ends of a life that are no further apart are one."""


@dataclass(slots=True)
class Life:
    """One life.

    ``began_ns`` is 0 where nobody has told it. ``more`` counts events beyond those remembered.
    """

    began_ns: int = 0
    ended_ns: int | None = None
    events: set[tuple[str, int]] = field(default_factory=set)
    more: int = 0
    has_status: bool = False

    @property
    def count(self) -> int:
        """How many OOMs are known of it."""
        return max(len(self.events) + self.more, int(self.has_status))

    @property
    def last_ns(self) -> int | None:
        """The latest time that is known of it; None, if none is."""
        times = [at_ns for _, at_ns in self.events]
        times += [at_ns for at_ns in (self.began_ns, self.ended_ns) if at_ns]
        return max(times, default=None)

    def told(self, source: str, at_ns: int) -> None:
        """Take an event; one of the same source and time is the same one."""
        at_ns = _sound(at_ns)
        if (source, at_ns) in self.events:
            return
        if len(self.events) < MAX_EVENTS:
            self.events.add((source, at_ns))
        else:
            self.more += 1


class Lives:
    """The lives of one container id, the oldest first; those that are too old are summed up."""

    def __init__(self, lives: list[Life] | None = None, before: int = 0) -> None:
        self.lives = lives or [Life()]
        self.before = before

    @property
    def count(self) -> int:
        """How many OOMs are known."""
        return self.before + sum(life.count for life in self.lives)

    def started(self, at_ns: int) -> None:
        """Take note of a start; one that was told already, or late, changes nothing."""
        at_ns = _sound(at_ns)
        last = self.lives[-1]
        if last.ended_ns is not None and at_ns > last.ended_ns:
            self._begin(at_ns)
        elif not last.began_ns and not last.events:
            last.began_ns = at_ns
        elif last.began_ns and at_ns > last.began_ns and last.ended_ns is None:
            self._begin(at_ns)  # its end was missed

    def ended(self, at_ns: int, *, oom_killed: bool = False) -> None:
        """Take note of an end, and whether it was for want of memory."""
        at_ns = _sound(at_ns)
        life = self._life_at(at_ns)
        is_last = life is self.lives[-1]
        if is_last and life.ended_ns is not None and at_ns - life.ended_ns > SAME_END_NS:
            life = self._begin(life.ended_ns + 1)  # its start was missed
        if life.ended_ns is None:
            life.ended_ns = at_ns
        life.has_status |= oom_killed

    def told(self, source: str, at_ns: int) -> None:
        """Take an event; one of the same source and time is the same one."""
        self._life_at(at_ns).told(source, at_ns)

    def noted(self, at_ns: int) -> None:
        """Take note that there was one at all, in the life of that time."""
        self._life_at(at_ns).has_status = True

    def merge(self, other: "Lives") -> None:
        """Take what was told of the same id elsewhere, as if it had been told here.

        What is known already doesn't count again, and no count falls.
        """
        self.before += other.before
        for life in other.lives:
            self._retell(life)

    def _retell(self, life: Life) -> None:
        if life.began_ns:
            self.started(life.began_ns)
        for source, at_ns in sorted(life.events, key=itemgetter(1)):
            self.told(source, at_ns)
        if life.ended_ns is not None:
            self.ended(life.ended_ns, oom_killed=life.has_status)
        # A status without an end has no time of its own: it is of the latest life.
        last_ns = life.last_ns
        own = self.lives[-1] if last_ns is None else self._life_at(last_ns)
        own.more += life.more
        own.has_status |= life.has_status

    def _life_at(self, at_ns: int) -> Life:
        for life in reversed(self.lives):
            if life.began_ns <= at_ns:
                return life
        return self.lives[0]

    def _begin(self, at_ns: int) -> Life:
        self.lives.append(Life(at_ns))
        if len(self.lives) > MAX_LIVES:
            self.before += self.lives.pop(0).count
        return self.lives[-1]


def _sound(at_ns: int) -> int:
    return min(max(at_ns, 0), MAX_TIME_NS)
