"""The API's description, as a file."""

import json

from kata_exporter.web.openapi import description


def page() -> str:
    """Render it."""
    return json.dumps(description(), indent=2) + "\n"
