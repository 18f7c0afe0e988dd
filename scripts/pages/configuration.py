"""The configuration: every key, from the table that the reading of the file uses itself."""

from collections.abc import Iterator

from kata_exporter.cli.markdown import cell, table
from kata_exporter.config.environment import variable_name
from kata_exporter.config.file import MAX_FILE_BYTES, MAX_FILES
from kata_exporter.config.keys import KEYS, Key
from kata_exporter.config.load import CONFIG_FILE_FLAG, DEFAULT_FOLDER, MAX_SANDBOXES
from kata_exporter.config.look import MAX_FOLDER_BYTES
from kata_exporter.config.reload import LOOK_SECONDS
from kata_exporter.snapshot import WATCHED
from kata_exporter.web.query import MAX_VALUES

MIB = 1024 * 1024


def _watched() -> str:
    *names, last = (f"`{name}`" for name in sorted(WATCHED))
    return f"{', '.join(names)} and {last}"


INTRODUCTION = f"""\
# Configuration

Generated from the code by `make docs`; a check keeps it so.

Each setting is taken from its flag, else from its environment variable, else from the file, else it has \
its default. The variable is `KATA_EXPORTER_` and the flag's name in capitals, with `_` for dots and \
dashes; for a flag that may be repeated it holds several values with commas between. The file is named \
by `--{CONFIG_FILE_FLAG}` or `{variable_name(CONFIG_FILE_FLAG)}`; there is none by default.

```yaml
collection: {{interval: 15s}}
log: {{level: info}}
sandboxes:
  - id: SANDBOX_ID
    agent_url: hvsock:///run/vc/vm/SANDBOX_ID/clh.sock:1024
    pod: {{namespace: shop, name: web-0, uid: u-1}}
    containers: [{{id: CONTAINER_ID, name: app}}]
```

`kata-exporter check-config` loads it as `serve` would, flags and environment (`OTEL_*` too) included. It \
ends with 2 and a line for each error, with file and line, or with 0 and what may not be meant as warnings: an agent \
URL that can't be read, two entries with one agent URL, a `sandboxes_directory` that isn't there, a \
variable that nobody knows. With `--strict` a warning gives 1.

Durations are written as in Prometheus: `15s`, `1m30s`, `500ms`. The file is YAML without aliases and \
tags; an unknown key is an error.
"""

HEAD = ("key", "values", "default", "flag", "reload", "what it is for")

ENTRIES = """
## Sandboxes by hand

An entry of `sandboxes:`, in the file or in one of the folder's:

"""

ENTRY_HEAD = ("key", "values", "default", "what it is for")

KEPT = f"""
## What is collected, kept and shown

- `collectors` and the flags `--collector.NAME` and `--no-collector.NAME` say what agents are asked \
for. A collector that is off makes no call. With all of them off an agent is only asked whether it \
lives (and once for its version), so that `kata_sandbox_up` stays right.
- `metrics.allow` and `metrics.deny` say which metrics of sandboxes are kept; denying wins. A pattern \
has to match the whole name, and case counts. Names: [metrics.md](metrics.md). The exporter's own \
metrics are no matter of these.
- `metrics.max_series_per_sandbox` and `metrics.max_series` bound what guests can make of it. Beyond a \
bound whole families of a sandbox are left out: those of containers are kept first, then those of the \
guest, by name; one that no longer fits is left out, and what comes after and fits is kept. Each \
sandbox may always have its equal share of `max_series`, so that a few with very many series don't take \
the place of the others. What the host knows of a sandbox always stays.
- {_watched()} pass whatever is denied, and however full it is.

What is dropped is counted in `kata_exporter_series_dropped_total{{reason}}`, in each round anew: \
`not_allowed`, `denied`, `sandbox_full` or `store_full`. The last two have a line in the log as well, \
once a minute for each sandbox.

`/metrics` shows all that is kept, or a part of it:

| parameter | what the page has |
|---|---|
| `collect[]` | these collectors' metrics, and what the host knows of sandboxes |
| `exclude[]` | the same for all collectors but these; not together with `collect[]` |
| `name[]` | these metrics and no others, by the name on their TYPE line; that of a histogram's series has the histogram |
| `sandbox` | these sandboxes, by id |

Each may be repeated, up to {MAX_VALUES} times, and they narrow one another. They choose among what was \
collected: no parameter causes a call, and a page of one collector is no fresher than another. What \
there isn't, or a collector that is off, is answered with 400 and what there is; other parameters are \
passed over. The exporter's own metrics (`kata_exporter_*`, `process_*`, `python_*`) are on the page \
without parameters, and on another only where `name[]` has them: unlike node_exporter's, so that several \
jobs with different parameters don't store them several times.
"""

FOLDER = f"""
## A folder of sandboxes

`sandboxes_directory` is a folder whose `*.yaml` and `*.yml` files each have `sandboxes:` and nothing \
else. Without the key it is `{DEFAULT_FOLDER}` beside the configuration file, if that is there. Files are \
read in the order of their names; hidden ones are passed over, and symlinks are followed, so that a \
ConfigMap can be mounted. An id may stand in one file only. A file may have {MAX_FILE_BYTES // MIB} MiB, \
and a folder {MAX_FILES} files of {MAX_FOLDER_BYTES // MIB} MiB together; all files may name \
{MAX_SANDBOXES} sandboxes.

## Who may write it

Who writes the configuration says what the exporter connects to. So files and folder must belong to root \
or to the user that the exporter runs as, and may not be writable by others; their group may write them. \
What counts is the file that is opened, behind all symlinks. What is mounted read-only may have any mode: \
the folders of Kubernetes' volumes have 0777. The error has the command that mends it.

## Reload

`serve` takes other settings while it runs:

- by itself: it looks at the files every {LOOK_SECONDS:g} s, and takes a change when two looks in a row \
saw the same. It compares contents and never times, so that neither a half-written file nor the turning \
of a ConfigMap's symlinks confuses it;
- at once on SIGHUP;
- at once on `POST /-/reload` (or PUT) on the admin socket, and with `--web.enable-lifecycle` wherever \
metrics are served; without the flag the answer is 403 there. Otherwise it is 200, or 500 with the errors. \
Several requests during a reload share the next one.

A configuration that can't be used changes nothing: the one before holds, whole, and so does readiness. \
The log has each error once, with file and line, and `kata_exporter_config_last_reload_successful` is 0 \
until a good one is loaded. `kata_exporter_config_last_reload_success_timestamp_seconds` is the time of \
the last good one; the start counts.

- A sandbox whose entry says the same as before keeps its series and its connection. Another agent URL or \
pod makes it another sandbox; other containers don't.
- What `collection` says holds from each sandbox's next round on, `max_age` at once. What is shown at \
a reload may be shown for another `max_age`, so that a shorter interval takes no series away before it \
brings new values.
- What `collectors` says holds from each sandbox's next round on. What `metrics` denies goes at once, \
and what it lets in again comes with the next round.
- A key that needs a restart is named in the log when it changes, and the rest is taken.
- Flags and variables stay above the file.
"""


def page() -> str:
    """Render the page."""
    return "".join(_parts())


def _parts() -> Iterator[str]:
    yield INTRODUCTION
    yield "\n## Keys\n\n"
    yield from table(HEAD, (_row(key) for key in KEYS if key.setting))
    yield ENTRIES
    yield from table(ENTRY_HEAD, (_entry_row(key) for key in KEYS if not key.setting))
    yield KEPT
    yield FOLDER


def _row(key: Key) -> tuple[str, ...]:
    return (
        f"`{key.name}`",
        cell(key.values),
        _default(key),
        f"`--{key.flag}`" if key.flag else "",
        "yes" if key.reloads else "restart",
        cell(key.help),
    )


def _entry_row(key: Key) -> tuple[str, ...]:
    name = key.name.removeprefix("sandboxes[].")
    return f"`{name}`", cell(key.values), _default(key), cell(key.help)


def _default(key: Key) -> str:
    in_words = " " in key.default and not key.default.startswith("[")
    return cell(key.default if in_words else f"`{key.default}`")
