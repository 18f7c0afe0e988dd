"""Settings that a flag or an environment variable gives, above those of the file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kata_exporter.config.environment import variable_name
from kata_exporter.config.paths import (
    parse_absolute_path,
    parse_endpoint,
    parse_path,
    parse_socket_path,
)
from kata_exporter.config.problems import Problems
from kata_exporter.config.settings import ListenAddress, LogFormat, LogLevel, Settings
from kata_exporter.config.words import parse_choice, parse_switch

NO_DIRECTORIES = "none"
"""The word that stands for none where folders are named."""


@dataclass(frozen=True, slots=True)
class Override:
    """A flag, by its name without dashes in front, and what its values do to the settings.

    ``apply`` raises ValueError for a value that can't be used. A repeatable flag takes several
    values, and its variable holds them with commas between; of any other flag the last one counts.
    """

    flag: str
    apply: Callable[[Settings, Sequence[str]], Settings]
    repeatable: bool = False

    def split(self, variable: str) -> list[str]:
        """Return the values that a variable holds; an empty one holds none."""
        parts = variable.split(",") if self.repeatable else [variable]
        return [part.strip() for part in parts if part.strip()]


def _with_collector(name: str) -> Callable[[Settings, Sequence[str]], Settings]:
    def apply(settings: Settings, values: Sequence[str]) -> Settings:
        switch = parse_switch(values[-1])
        return replace(settings, collectors=replace(settings.collectors, **{name: switch}))

    return apply


def _with_sandboxes_directory(settings: Settings, values: Sequence[str]) -> Settings:
    return replace(settings, sandboxes_directory=parse_path(values[-1]))


def _with_directories(settings: Settings, values: Sequence[str]) -> Settings:
    if NO_DIRECTORIES in values and len(values) > 1:
        raise ValueError(f"{NO_DIRECTORIES!r} stands alone: leave it out, or the folders")
    paths = () if values[-1] == NO_DIRECTORIES else _absolute(values)
    return replace(settings, discovery=replace(settings.discovery, directories=paths))


def _with_agent_roots(settings: Settings, values: Sequence[str]) -> Settings:
    roots = _absolute([*settings.discovery.agent_roots, *values])
    return replace(settings, discovery=replace(settings.discovery, agent_roots=roots))


def _absolute(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parse_absolute_path(value) for value in values))


def _with_cri(settings: Settings, values: Sequence[str]) -> Settings:
    return replace(settings, cri=replace(settings.cri, endpoint=parse_endpoint(values[-1])))


def _with_containerd(settings: Settings, values: Sequence[str]) -> Settings:
    endpoint = parse_endpoint(values[-1])
    return replace(settings, containerd=replace(settings.containerd, endpoint=endpoint))


def _with_addresses(settings: Settings, values: Sequence[str]) -> Settings:
    addresses = tuple(ListenAddress.parse(value) for value in values)
    return replace(settings, web=replace(settings.web, listen_addresses=addresses))


def _with_lifecycle(settings: Settings, values: Sequence[str]) -> Settings:
    switch = parse_switch(values[-1])
    return replace(settings, web=replace(settings.web, enable_lifecycle=switch))


def _with_admin_socket(settings: Settings, values: Sequence[str]) -> Settings:
    path = parse_socket_path(values[-1])
    return replace(settings, web=replace(settings.web, admin_socket=path))


def _with_level(settings: Settings, values: Sequence[str]) -> Settings:
    level = parse_choice(LogLevel, values[-1])
    return replace(settings, log=replace(settings.log, level=level))


def _with_format(settings: Settings, values: Sequence[str]) -> Settings:
    log_format = parse_choice(LogFormat, values[-1])
    return replace(settings, log=replace(settings.log, format=log_format))


def _with_console(settings: Settings, values: Sequence[str]) -> Settings:
    switch = parse_switch(values[-1])
    return replace(settings, tracing=replace(settings.tracing, console=switch))


OVERRIDES = (
    Override("config.sandboxes-directory", _with_sandboxes_directory),
    Override("collector.guest_metrics", _with_collector("guest_metrics")),
    Override("collector.container_stats", _with_collector("container_stats")),
    Override("discovery.directory", _with_directories, repeatable=True),
    Override("discovery.agent-root", _with_agent_roots, repeatable=True),
    Override("cri.endpoint", _with_cri),
    Override("containerd.endpoint", _with_containerd),
    Override("web.listen-address", _with_addresses, repeatable=True),
    Override("web.enable-lifecycle", _with_lifecycle),
    Override("web.admin-socket", _with_admin_socket),
    Override("log.level", _with_level),
    Override("log.format", _with_format),
    Override("trace.console", _with_console),
)


def apply_overrides(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, Sequence[str]],
    problems: Problems,
) -> Settings:
    """Return `settings` with what flags say, and where they say nothing, what variables say.

    Values that can't be used are added to `problems` under the name of their flag or variable; a
    variable that a flag overrides isn't looked at.
    """
    for override in OVERRIDES:
        origin, values = f"--{override.flag}", flags.get(override.flag, ())
        if not values:
            origin = variable_name(override.flag)
            values = override.split(environ.get(origin, ""))
        if not values:
            continue
        try:
            settings = override.apply(settings, values)
        except ValueError as error:
            problems.add(f"{origin}: {error}")
    return settings
