"""Settings from flags, environment, file and defaults; the first of them that speaks wins."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kata_exporter.config.cursor import Cursor
from kata_exporter.config.decode import decode
from kata_exporter.config.environment import unknown_variables, variable_name
from kata_exporter.config.file import read_file
from kata_exporter.config.overrides import OVERRIDES, apply_overrides
from kata_exporter.config.problems import Problems, shown_path
from kata_exporter.config.settings import Settings
from kata_exporter.config.yaml_tree import build_tree
from kata_exporter.errors import ConfigError

CONFIG_FILE_FLAG = "config.file"


def load_settings(
    *,
    config_file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, Sequence[str]],
) -> Settings:
    """Return the settings.

    Args:
        config_file: the file that a flag names; None asks ``KATA_EXPORTER_CONFIG_FILE``, and
            without that there is no file.
        environ: environment variables; those that aren't ours are passed over.
        flags: the values given for each flag, by its name without dashes in front.

    Raises:
        ConfigError: one line for each problem, with file, line and key, flag, or variable.
    """
    problems = Problems()
    if config_file is None and environ.get(variable_name(CONFIG_FILE_FLAG)):
        config_file = Path(environ[variable_name(CONFIG_FILE_FLAG)])
    settings = Settings()
    if config_file is not None:
        try:
            settings = parse_settings(read_file(config_file), shown_path(config_file), problems)
        except ConfigError as error:
            problems.add(str(error))
    settings = apply_overrides(settings, environ=environ, flags=flags, problems=problems)
    problems.raise_if_any()
    return settings


def parse_settings(text: str, file: str, problems: Problems) -> Settings:
    """Return the settings that the text of a file gives; `file` is its name in `problems`."""
    return decode(Cursor(build_tree(text, file, problems), file, problems))


def variable_warnings(environ: Mapping[str, str]) -> list[str]:
    """Return one line for each environment variable that seems to be meant for us and isn't known."""
    flags = [CONFIG_FILE_FLAG, *(override.flag for override in OVERRIDES)]
    return unknown_variables(environ, flags)
