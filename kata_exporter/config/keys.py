"""Every key of the configuration file: what it is for, and whether a reload takes it.

The one table of them: the reading of the file takes the known keys from here, the command line the
flags that are settings, and docs/configuration.md is made of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kata_exporter.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Key:
    """A key.

    ``name`` is dotted, with ``[]`` for the entries of a list. ``setting`` is where its value is in
    `Settings`, and empty for a part of an entry. ``values`` says what it may be, ``default`` is as it
    would be written, or in words what it follows from. ``flag`` is without dashes in front, and empty
    where there is none. ``reloads`` is whether a reload takes it; otherwise it needs a restart.
    """

    name: str
    setting: str
    values: str
    default: str
    help: str
    reloads: bool = True
    flag: str = ""

    def value(self, settings: "Settings") -> object:
        """Return what `settings` have for it."""
        return attrgetter(self.setting)(settings)


KEYS = (
    Key(
        "collection.interval",
        "collection.interval_seconds",
        "a duration from `1s` to `1d`",
        "15s",
        "how often each sandbox is asked",
    ),
    Key(
        "collection.timeout",
        "collection.timeout_seconds",
        "a duration from `10ms` to the interval",
        "the smaller of the interval and 5s",
        "how long a round of one sandbox may take, connecting included",
    ),
    Key(
        "collection.max_age",
        "collection.max_age_seconds",
        "a duration from the interval to `1w3d`",
        "3 intervals",
        "how long the last measurements of a silent sandbox are shown",
    ),
    Key(
        "collection.concurrency",
        "collection.concurrency",
        "a number from 1 to 4096",
        "64",
        "how many sandboxes are asked at a time",
    ),
    Key(
        "collectors.guest_metrics",
        "collectors.guest_metrics",
        "`true` or `false`; the flags `--collector.guest_metrics` and `--no-collector.guest_metrics`",
        "true",
        "whether agents are asked for their guest's metrics (GetMetrics), its count of OOM kills"
        " among them",
        flag="collector.guest_metrics",
    ),
    Key(
        "collectors.container_stats",
        "collectors.container_stats",
        "`true` or `false`; the flags `--collector.container_stats` and"
        " `--no-collector.container_stats`",
        "true",
        "whether agents are asked for their containers' statistics (StatsContainer)",
        flag="collector.container_stats",
    ),
    Key(
        "metrics.allow",
        "metrics.allow",
        "a list of patterns of metrics' names, `*` and `?` stand for any text and any character",
        '["*"]',
        "metrics of sandboxes that are kept, where `metrics.deny` doesn't name them",
    ),
    Key(
        "metrics.deny",
        "metrics.deny",
        "a list of patterns",
        "[]",
        "metrics of sandboxes that are dropped when they are collected",
    ),
    Key(
        "metrics.max_series_per_sandbox",
        "metrics.max_series_per_sandbox",
        "a number from 100 to 1000000",
        "10000",
        "how many series one sandbox may have",
    ),
    Key(
        "metrics.max_series",
        "metrics.max_series",
        "a number from 1000 to 10000000",
        "500000",
        "how many series all sandboxes may have together",
    ),
    Key(
        "discovery.directories",
        "discovery.directories",
        "a list of absolute paths; `[]` (the flag: `none`) for none",
        "[/run/vc/sbs, /run/kata]",
        "where shims keep a folder for each sandbox",
        reloads=False,
        flag="discovery.directory",
    ),
    Key(
        "discovery.agent_roots",
        "discovery.agent_roots",
        "a list of absolute paths",
        "[]",
        "where agents' sockets may be, beside Kata's usual places; the flag adds to the file's",
        reloads=False,
        flag="discovery.agent-root",
    ),
    Key(
        "discovery.agent_port",
        "discovery.agent_port",
        "a number from 1 to 4294967294",
        "1024",
        "the vsock port that agents listen on",
        reloads=False,
    ),
    Key(
        "discovery.peer_uids",
        "discovery.peer_uids",
        "a list of user ids",
        "[]",
        "users that shims may run as, beside root and the exporter's own",
        reloads=False,
    ),
    Key(
        "cri.endpoint",
        "cri.endpoint",
        "`auto`, `none` or `unix:///PATH`",
        "auto",
        "where CRI names the pods: `auto` tries the sockets of containerd, CRI-O, k3s, rke2, k0s and"
        " microk8s",
        reloads=False,
        flag="cri.endpoint",
    ),
    Key(
        "cri.runtime_handlers",
        "cri.runtime_handlers",
        "a list of patterns, `*` and `?` stand for any text and any character",
        '["kata*"]',
        "runtime handlers whose pods are Kata's; a sandbox that is found otherwise is named whatever"
        " its handler",
        reloads=False,
    ),
    Key(
        "cri.pod_labels",
        "cri.pod_labels",
        "a list of patterns",
        "[]",
        "labels of pods that are shown in `kata_sandbox_labels`",
        reloads=False,
    ),
    Key(
        "containerd.endpoint",
        "containerd.endpoint",
        "`auto`, `none` or `unix:///PATH`",
        "auto",
        "which containerd's events are heard, so that what happens to containers is seen at once",
        reloads=False,
        flag="containerd.endpoint",
    ),
    Key(
        "containerd.namespace",
        "containerd.namespace",
        "a name as containerd has it",
        "k8s.io",
        "containerd's namespace of what Kubernetes runs",
        reloads=False,
    ),
    Key(
        "oom.source",
        "oom.source",
        "`auto`, `off`, or one or a list of `containerd`, `crio`, `vmstat` and `agent`",
        "auto",
        "by which sources OOMs of a sandbox are seen: `auto` never asks an agent that a shim asks",
    ),
    Key(
        "oom.only_consumer",
        "oom.only_consumer",
        "`true` or `false`",
        "false",
        "whether nobody else takes events from agents; then `agent` is taken beside a shim, and of"
        " agents before 3.32.0",
    ),
    Key(
        "oom.retention",
        "oom.retention_seconds",
        "a duration from `1m` to `1d`",
        "15m",
        "how long OOM counters are shown after a sandbox has gone",
    ),
    Key(
        "oom.poll_timeout",
        "oom.poll_timeout_seconds",
        "a duration from `1s` to `10m`",
        "30s",
        "how long one wait for an agent's next event lasts",
        reloads=False,
    ),
    Key(
        "oom.state_file",
        "oom.state_file",
        "an absolute path, or `none`",
        "none",
        "where OOM counters are kept over a restart of the exporter",
        reloads=False,
    ),
    Key(
        "oom.crio_bundles",
        "oom.crio_bundles",
        "an absolute path",
        "/run/containers/storage/overlay-containers",
        "CRI-O's folder of bundles, in which Kata's shim leaves a file `oom`",
        reloads=False,
    ),
    Key(
        "web.listen_address",
        "web.listen_addresses",
        "`HOST:PORT`, `:PORT` for all interfaces, or a list of these",
        "127.0.0.1:9823",
        "where to serve metrics",
        reloads=False,
        flag="web.listen-address",
    ),
    Key(
        "web.enable_lifecycle",
        "web.enable_lifecycle",
        "`true` or `false`",
        "false",
        "whether whoever can reach the server may have the configuration reloaded: POST /-/reload",
        reloads=False,
        flag="web.enable-lifecycle",
    ),
    Key(
        "web.admin_socket",
        "web.admin_socket",
        "an absolute path of 107 bytes at most, or `none`",
        "none",
        "a unix socket on which root and the exporter's own user register sandboxes and reload",
        reloads=False,
        flag="web.admin-socket",
    ),
    Key(
        "log.level",
        "log.level",
        "`debug`, `info`, `warn` or `error`",
        "info",
        "the least severe lines that are logged",
        flag="log.level",
    ),
    Key(
        "log.format",
        "log.format",
        "`logfmt` or `json`",
        "logfmt",
        "how a line of the log is written",
        flag="log.format",
    ),
    Key(
        "tracing.console",
        "tracing.console",
        "`true` or `false`",
        "false",
        "whether spans are printed on standard output, for a first look; `OTEL_TRACES_EXPORTER=console`"
        " does the same",
        reloads=False,
        flag="trace.console",
    ),
    Key(
        "tracing.keep_failed",
        "tracing.keep_failed",
        "`true` or `false`",
        "true",
        "whether a collection in which a call failed is exported whole, sampled or not",
    ),
    Key(
        "tracing.keep_slower_than",
        "tracing.keep_slower_than_seconds",
        "a duration up to `1d`; `0` for none",
        "2s",
        "from which duration on a collection is exported whole, sampled or not",
    ),
    Key(
        "tracing.max_spans_per_minute",
        "tracing.max_spans_per_minute",
        "a number from 60 to 10000000",
        "30000",
        "how many spans are exported in a minute at most; traces beyond are dropped whole, and counted",
    ),
    Key("sandboxes", "sandboxes", "a list of entries, as below", "[]", "sandboxes by hand"),
    Key(
        "sandboxes_directory",
        "sandboxes_directory",
        "a path, relative to the file's folder (the flag's: to the working directory)",
        "the folder `sandboxes.d` beside the configuration file, if there is one",
        "a folder of files with more sandboxes",
        flag="config.sandboxes-directory",
    ),
    Key(
        "sandboxes[].id",
        "",
        "2 to 128 ASCII letters, digits, `_`, `.` or `-`, a letter or digit first",
        "has to be given",
        "the sandbox's id, and no other entry's in any file",
    ),
    Key(
        "sandboxes[].agent_url",
        "",
        "`hvsock://PATH:PORT`, `vsock://CID:PORT`, `unix://PATH`, `remote://PATH` or `mock://PATH`",
        "has to be given",
        "where its agent listens; one that can't be read shows as `rejected`, and stops no other",
    ),
    Key("sandboxes[].pod.namespace", "", "text", '""', "its pod's namespace"),
    Key("sandboxes[].pod.name", "", "text", '""', "its pod's name"),
    Key("sandboxes[].pod.uid", "", "text", '""', "its pod's uid"),
    Key("sandboxes[].oom.source", "", "as `oom.source`", "`oom.source`", "as that, for this one"),
    Key(
        "sandboxes[].oom.only_consumer",
        "",
        "`true` or `false`",
        "`oom.only_consumer`",
        "as that, for this one",
    ),
    Key("sandboxes[].containers[].id", "", "as a sandbox's", "has to be given", "a container's id"),
    Key("sandboxes[].containers[].name", "", "text", '""', "its name"),
)
"""In the order of the documents and of the help."""


def children(section: str) -> tuple[str, ...]:
    """Return the keys that stand directly within a section, by its dotted name ("" for the top)."""
    prefix = f"{section}." if section else ""
    names = (key.name.removeprefix(prefix) for key in KEYS if key.name.startswith(prefix))
    return tuple(dict.fromkeys(name.partition(".")[0].removesuffix("[]") for name in names))


BY_FLAG = {key.flag: key for key in KEYS if key.flag}
"""The keys that a flag sets."""


def with_what_needs_a_restart(after: "Settings", running: "Settings") -> "Settings":
    """Return `after`, but where a key needs a restart, what `running` has for it."""
    for key in KEYS:
        if not key.reloads:
            section, _, name = key.setting.partition(".")
            part = replace(getattr(after, section), **{name: key.value(running)})
            after = replace(after, **{section: part})
    return after


def left_for_a_restart(running: "Settings", before: "Settings", after: "Settings") -> Iterator[str]:
    """Yield the names of keys that were given another value, which only a restart will take.

    Args:
        running: what the process was started with.
        before: what was read last.
        after: what was read now.
    """
    for key in KEYS:
        if not key.reloads:
            value = key.value(after)
            if value not in (key.value(before), key.value(running)):
                yield key.name
