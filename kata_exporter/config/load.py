"""Settings from flags, environment, files and defaults; the first of them that speaks wins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kata_exporter.config.cursor import Cursor
from kata_exporter.config.decode import Ids, decode, decode_sandboxes, sandbox_ids
from kata_exporter.config.environment import unknown_variables, variable_name
from kata_exporter.config.look import FileLook, Look, look_at_file, look_at_folder
from kata_exporter.config.overrides import OVERRIDES, apply_overrides
from kata_exporter.config.problems import Problems
from kata_exporter.config.review import review
from kata_exporter.config.settings import Settings, StaticSandbox
from kata_exporter.config.yaml_tree import build_tree

CONFIG_FILE_FLAG = "config.file"
DEFAULT_FOLDER = "sandboxes.d"
"""Where more sandboxes are looked for, beside the configuration file."""

MAX_SANDBOXES = 4096
"""How many sandboxes all files may name together, by far more than a node can run. A reload takes in
all at once, and nothing is served meanwhile."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used.

    ``checksum`` is that of the look it came from, ``files`` are the names of what was read, and
    ``warnings`` say what may not be meant, a line each.
    """

    settings: Settings
    checksum: str
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Loader:
    """Loads settings, as often as one likes. Blocks while it reads; for one thread at a time.

    Args:
        config_file: the file that a flag names; None asks ``KATA_EXPORTER_CONFIG_FILE``, and
            without that there is no file.
        environ: environment variables; those that aren't ours are passed over.
        flags: the values given for each flag, by its name without dashes in front.
    """

    def __init__(
        self,
        *,
        config_file: Path | None,
        environ: Mapping[str, str],
        flags: Mapping[str, Sequence[str]],
    ) -> None:
        variable = environ.get(variable_name(CONFIG_FILE_FLAG))
        self._config_file = config_file or (Path(variable) if variable else None)
        self._environ = environ
        self._flags = flags
        # Which folder a text of the file names; so that a look reads YAML only where it is news.
        self._named: tuple[FileLook | None, str] | None = None
        folder = self._with_overrides(Settings(), Problems()).sandboxes_directory
        self.has_files = self._config_file is not None or bool(folder)
        """Whether there is anything that could change."""

    def look(self) -> Look:
        """Read the files; raises nothing, since what can't be read is part of what is seen."""
        main = look_at_file(self._config_file) if self._config_file is not None else None
        folder = self._folder(main)
        if folder is None:
            return Look(main)
        return Look(main, folder, *look_at_folder(folder))

    def load(self, look: Look | None = None) -> Loaded:
        """Return what a look at the files gives; one is taken unless given.

        Raises:
            ConfigError: one line for each problem, with file, line and key, flag, or variable.
        """
        look = look or self.look()
        problems, ids = Problems(), sandbox_ids()
        settings = self._main_settings(look.main, ids, problems)
        more = [sandbox for file in look.files for sandbox in _sandboxes(file, ids, problems)]
        settings = replace(settings, sandboxes=(*settings.sandboxes, *more))
        _require_few(settings.sandboxes, problems)
        settings = self._with_overrides(settings, problems)
        problems.raise_if_any()
        files = tuple(file.name for file in look.all_files)
        return Loaded(settings, look.checksum(), files, tuple(review(settings, look)))

    def _folder(self, main: FileLook | None) -> Path | None:
        named = self._named_folder(main)
        if named:
            return Path(named)
        return self._config_file.parent / DEFAULT_FOLDER if self._config_file else None

    def _named_folder(self, main: FileLook | None) -> str:
        if self._named is not None and self._named[0] == main:
            return self._named[1]
        nobodys = Problems()  # told when the look is loaded
        settings = self._main_settings(main, sandbox_ids(), nobodys)
        folder = self._with_overrides(settings, nobodys).sandboxes_directory
        self._named = main, folder
        return folder

    def _main_settings(self, main: FileLook | None, ids: Ids, problems: Problems) -> Settings:
        if main is None:
            return Settings()
        if main.error:
            problems.add(main.error)
            return Settings()
        settings = parse_settings(main.text, main.name, problems, ids)
        if settings.sandboxes_directory and self._config_file is not None:
            directory = self._config_file.parent / settings.sandboxes_directory
            settings = replace(settings, sandboxes_directory=str(directory))
        return settings

    def _with_overrides(self, settings: Settings, problems: Problems) -> Settings:
        return apply_overrides(
            settings, environ=self._environ, flags=self._flags, problems=problems
        )


def load_settings(
    *,
    config_file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, Sequence[str]],
) -> Settings:
    """Return the settings, once; the arguments are those of `Loader`.

    Raises:
        ConfigError: one line for each problem, with file, line and key, flag, or variable.
    """
    return Loader(config_file=config_file, environ=environ, flags=flags).load().settings


def parse_settings(text: str, file: str, problems: Problems, ids: Ids | None = None) -> Settings:
    """Return the settings that the text of a file gives; `file` is its name in `problems`."""
    return decode(Cursor(build_tree(text, file, problems), file, problems), ids or sandbox_ids())


def variable_warnings(environ: Mapping[str, str]) -> list[str]:
    """Return one line for each environment variable that seems to be meant for us and isn't known."""
    flags = [CONFIG_FILE_FLAG, *(override.flag for override in OVERRIDES)]
    return unknown_variables(environ, flags)


def _require_few(sandboxes: Sequence[StaticSandbox], problems: Problems) -> None:
    if len(sandboxes) > MAX_SANDBOXES:
        first = sandboxes[MAX_SANDBOXES]
        text = (
            f"{len(sandboxes)} in all files, where {MAX_SANDBOXES} are allowed: leave out from here"
        )
        problems.add_to_file(first.file, first.line or 1, "sandboxes", text)


def _sandboxes(file: FileLook, ids: Ids, problems: Problems) -> tuple[StaticSandbox, ...]:
    if file.error:
        problems.add(file.error)
        return ()
    root = Cursor(build_tree(file.text, file.name, problems), file.name, problems)
    return decode_sandboxes(root, ids)
