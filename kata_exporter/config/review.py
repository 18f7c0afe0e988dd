"""What in a configuration is no mistake, and yet may not be what was meant."""

from collections.abc import Iterator
from pathlib import Path

from kata_exporter.config.look import Look
from kata_exporter.config.problems import shown_path
from kata_exporter.config.settings import Settings, StaticSandbox
from kata_exporter.errors import UrlError
from kata_exporter.sockets import AgentUrl


def review(settings: Settings, look: Look) -> Iterator[str]:
    """Yield one line for each doubt: place, what it is, and what will come of it."""
    if settings.sandboxes_directory and not look.folder_is_there:
        shown = shown_path(Path(settings.sandboxes_directory))
        yield f"{shown}: isn't there: until it is, sandboxes_directory adds no sandboxes"
    first: dict[str, StaticSandbox] = {}
    for sandbox in settings.sandboxes:
        try:
            url = str(AgentUrl.parse(sandbox.agent_url))
        except UrlError as error:
            yield f"{sandbox.place}: {sandbox.id} will show as rejected: {error}"
            continue
        other = first.setdefault(url, sandbox)
        if other is not sandbox:
            yield (
                f"{sandbox.place}: {sandbox.id} has the agent URL of {other.id} ({other.place}):"
                " both will show what one guest says"
            )
