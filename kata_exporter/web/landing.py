"""The landing page: what this is, and where its pages are."""

from html import escape

from kata_exporter import __version__

_LINKS = (
    ("/metrics", "Metrics", "of every sandbox, and of the exporter itself"),
    ("/api/v1/sandboxes", "Sandboxes", "that are known, as JSON, and how each is"),
    ("/api/v1/openapi.json", "API", "described as OpenAPI"),
    ("/-/healthy", "Health", "whether the process serves"),
    ("/-/ready", "Readiness", "whether every sandbox was asked once"),
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>kata-exporter</title>
<style>
body {{ font-family: system-ui, sans-serif; margin: 0; color: #222; }}
header {{ background: #e6522c; color: #fff; padding: 1rem 2rem; }}
main {{ padding: 1rem 2rem; }}
h1 {{ font-size: 1.3rem; margin: 0; }}
</style>
</head>
<body>
<header><h1>kata-exporter</h1></header>
<main>
<p>Prometheus exporter for the VM sandboxes of Kata Containers, version {version}.</p>
<ul>
{links}
</ul>
</main>
</body>
</html>
"""


def landing_page() -> str:
    """Render the page; it is the same for as long as the process lives."""
    links = "\n".join(
        f'<li><a href="{path}">{escape(name)}</a>: {escape(what)}</li>'
        for path, name, what in _LINKS
    )
    return _PAGE.format(version=escape(__version__), links=links)
