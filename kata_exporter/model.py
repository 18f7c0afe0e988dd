"""The nouns of the exporter: sandboxes, pods, containers, and the events that discovery yields.

All are frozen: what one part hands to another can't change under it. Nothing here does IO.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SANDBOX_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,127}", re.ASCII)
"""What an id of a sandbox or container may look like (use `fullmatch`)."""
SANDBOX_ID_RULE = "2 to 128 ASCII letters, digits, '_', '.' or '-', a letter or digit first"
"""The same in words, for messages."""

CONTAINERD_NAMESPACE = re.compile(r"(?=.{1,76}\Z)[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*", re.ASCII)
"""What a namespace of containerd may be called (use `fullmatch`)."""

MAX_NAME_CHARACTERS = 253
"""Of a name that Kubernetes gives: a DNS subdomain, the longest of them."""
MAX_LABEL_KEY_CHARACTERS = 317
"""Of a label's key in Kubernetes: a prefix, a slash and a name."""
MAX_IMAGE_CHARACTERS = 512
"""Of an image's name: a repository of 255, a tag of 128 and a digest."""


class Runtime(StrEnum):
    """Which of Kata's runtimes runs a sandbox's shim."""

    GO = "go"
    RUST = "rust"
    NONE = "none"
    """No shim: registered by hand or by a file."""


class ContainerState(StrEnum):
    """State of a container as its source tells it, in CRI's words."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"
    """The source doesn't say; such a container is asked for statistics."""


@dataclass(frozen=True, slots=True)
class Pod:
    """The Kubernetes pod that a sandbox carries; empty strings where it isn't known."""

    namespace: str = ""
    name: str = ""
    uid: str = ""
    runtime_handler: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a sandbox.

    One that is restarted is another container of the same name, with another id and the next
    ``attempt``; those that have exited may be listed beside it.
    """

    id: str
    name: str = ""
    image: str = ""
    state: ContainerState = ContainerState.UNKNOWN
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Announcement:
    """That a shim announced an agent's URL; one that an administrator wrote has none.

    It holds no further than it is checked: ``root`` is the folder below which the agent's socket is
    reached, no symlink on the way, and empty where the URL names no socket (vsock).
    """

    root: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a sandbox that is there can't be asked.

    ``reason`` is a value of ``errors.Reason``; ``detail`` is for the log, escaped and cut.
    """

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A VM sandbox as the registry knows it.

    ``generation`` is numbered by the registry alone, from 1: a sandbox that comes back under the
    same id is another generation, and nothing of the old one is ever shown under the new one.
    ``agent_url`` is empty where it isn't known, or not to be used: then ``refusal`` says why, unless
    nobody has told it yet.
    """

    id: str
    generation: int
    agent_url: str
    runtime: Runtime = Runtime.NONE
    pod: Pod = field(default_factory=Pod)
    containers: tuple[Container, ...] = ()
    sources: frozenset[str] = frozenset()
    announced: Announcement | None = None
    refusal: Refusal | None = None

    @property
    def workload_containers(self) -> tuple[Container, ...]:
        """Its containers without the pause container, whose id is the sandbox's own."""
        return tuple(c for c in self.containers if c.id != self.id)


@dataclass(frozen=True, slots=True)
class OomRules:
    """By which sources OOMs of a sandbox are to be seen.

    ``sources`` are names of sources, ``auto`` alone, or none. ``only_consumer`` says that nobody else
    waits for events of the agent, whatever it looks like.
    """

    sources: tuple[str, ...] = ("auto",)
    only_consumer: bool = False


@dataclass(frozen=True, slots=True)
class OwnOomRules:
    """Rules of one sandbox, as `OomRules`; what is None is as it is for all."""

    sources: tuple[str, ...] | None = None
    only_consumer: bool | None = None

    def over(self, common: OomRules) -> OomRules:
        """Return what holds for the sandbox, where `common` holds for all."""
        return OomRules(
            common.sources if self.sources is None else self.sources,
            common.only_consumer if self.only_consumer is None else self.only_consumer,
        )


AS_FOR_ALL = OwnOomRules()


MIN_LEASE_SECONDS = 5.0
MAX_LEASE_SECONDS = 3600.0
"""How short and how long a registration may hold before it is renewed."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A sandbox as somebody registers it; ``agent_url`` is as written."""

    id: str
    agent_url: str
    pod: Pod = field(default_factory=Pod)
    containers: tuple[Container, ...] = ()
    oom: OwnOomRules = AS_FOR_ALL


@dataclass(frozen=True, slots=True)
class SandboxSeen:
    """A source of discovery sees a sandbox: all that it says of it, from now on.

    ``agent_url`` is empty where the source doesn't know it; ``refusal`` then says why it never may,
    if that is known. ``birth`` is the source's evidence of when this sandbox came to be (its shim's
    socket, CRI's created_at, the text of its entry): another birth is another generation.
    """

    source: str
    id: str
    agent_url: str
    birth: str
    runtime: Runtime = Runtime.NONE
    pod: Pod = field(default_factory=Pod)
    containers: tuple[Container, ...] = ()
    announced: Announcement | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class SandboxGone:
    """A source of discovery no longer sees a sandbox."""

    source: str
    id: str


DiscoveryEvent = SandboxSeen | SandboxGone

TellDiscovery = Callable[[DiscoveryEvent], object]
"""Takes what a source of discovery sees."""


@dataclass(frozen=True, slots=True)
class ContainerStarted:
    """A container runtime says that a container's first process has started.

    Of what happened, ``source`` says who told. A runtime names a container by its id alone. Where
    that is a sandbox's own, ``container_id`` is empty and ``sandbox_id`` says which; otherwise
    ``sandbox_id`` is empty, since the runtime doesn't say. Under Kata ``pid`` is the VMM's.
    """

    source: str
    container_id: str
    sandbox_id: str
    pid: int
    at_ns: int
    """Nanoseconds since 1970, as the runtime has them."""


@dataclass(frozen=True, slots=True)
class ContainerExited:
    """A container runtime says that a container's first process has ended; see `ContainerStarted`.

    ``container_id``, ``sandbox_id`` and ``exited_at_ns`` together tell one exit from every other: a
    runtime may tell of one twice, late or not at all.
    """

    source: str
    container_id: str
    sandbox_id: str
    pid: int
    exit_status: int
    """128 and the signal's number, where one ended it."""
    exited_at_ns: int


@dataclass(frozen=True, slots=True)
class OomSeen:
    """A container runtime says that memory ran out in a container; see `ContainerStarted`.

    One without a container is unattributed: a runtime that names a sandbox here doesn't know, or
    doesn't say, which of its containers it was.
    """

    source: str
    container_id: str
    sandbox_id: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class EventsMissed:
    """What happened until now may not have been told: whoever needs to know has to look."""

    source: str


@dataclass(frozen=True, slots=True)
class ContainerFinished:
    """How a container ended, as a container runtime remembers it; see `ContainerStarted`.

    ``container_id`` and ``finished_at_ns`` together tell one end from every other.
    """

    source: str
    container_id: str
    sandbox_id: str
    oom_killed: bool
    """Whether the runtime gives running out of memory as the reason."""
    finished_at_ns: int


@dataclass(frozen=True, slots=True)
class VmmOomKilled:
    """The host's kernel has killed the VMM of a sandbox for want of memory on the host."""

    source: str
    sandbox_id: str
    at_ns: int


RuntimeEvent = ContainerStarted | ContainerExited | OomSeen | EventsMissed

TellRuntimeEvent = Callable[[RuntimeEvent], object]
"""Takes what a container runtime says that happened."""


@dataclass(frozen=True, slots=True)
class ContainerMemory:
    """Memory of a container at one collection; ``limit_bytes`` is None where it has no limit."""

    working_set_bytes: int
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """What one collection says of a sandbox's memory. All of it is the guest's word.

    What wasn't read is None; ``containers`` has those that answered, by id.
    """

    oom_kills: int | None = None
    """The guest kernel's count since it started (vmstat's ``oom_kill``)."""
    available_bytes: int | None = None
    total_bytes: int | None = None
    containers: Mapping[str, ContainerMemory] = field(default_factory=dict)


NO_READING = MemoryReading()
"""Where nothing was read."""


class OomKind(StrEnum):
    """What is known of an OOM kill; the three are counted apart and never added."""

    REPORTED = "reported"
    """A container runtime or an agent named the container."""
    INFERRED = "inferred"
    """The guest's kernel counted it, and only one container can have been meant."""
    UNATTRIBUTED = "unattributed"
    """The guest's kernel counted it, and nothing says of which container."""
    VMM = "vmm"
    """The host's kernel killed the VMM, and the whole sandbox with it."""


@dataclass(frozen=True, slots=True)
class OomRecord:
    """One OOM, for people: the log, the API and traces.

    ``container`` and ``container_id`` are empty where no container is known. Memory is that of the
    container at the last collection before; None where there was none, or no limit.
    """

    time: float
    """Seconds since 1970, as the source has it."""
    kind: OomKind
    source: str
    sandbox_id: str
    pod: Pod
    container: str
    container_id: str
    kills: int = 1
    """How many kills this is about; more than one only where the kernel counted them at once."""
    working_set_bytes: int | None = None
    limit_bytes: int | None = None
