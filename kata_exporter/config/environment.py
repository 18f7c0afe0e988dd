"""Environment variables: their names, and those that look like ours but aren't."""

import re
from collections.abc import Iterable, Mapping

from kata_exporter.config.words import did_you_mean, quoted

PREFIX = "KATA_EXPORTER_"

# Kubernetes gives every pod variables for each Service of its namespace, named after the Service:
# one called kata-exporter, or kata-exporter-something, gives these. They are no mistake of anyone.
_SERVICE_LINK = re.compile(
    PREFIX + r"(?:[A-Z0-9_]+_)?"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)


def variable_name(flag: str) -> str:
    """Return the variable of a flag: ``KATA_EXPORTER_LOG_LEVEL`` for ``log.level``."""
    return PREFIX + flag.upper().replace(".", "_").replace("-", "_")


def unknown_variables(environ: Mapping[str, str], flags: Iterable[str]) -> list[str]:
    """Return one line for each variable that has our prefix and belongs to none of `flags`.

    Variables that Kubernetes makes for a Service are passed over.
    """
    known = [variable_name(flag) for flag in flags]
    return [
        f"{_shown(name)}: unknown environment variable, passed over{did_you_mean(name, known)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known and not _SERVICE_LINK.fullmatch(name)
    ]


def _shown(name: str) -> str:
    return name if name.isidentifier() and len(name) <= 60 else quoted(name)
