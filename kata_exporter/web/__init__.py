"""The HTTP server: metrics, landing page, health, reload."""

from kata_exporter.web.pages import Pages, Reload
from kata_exporter.web.server import WebServer

__all__ = ["Pages", "Reload", "WebServer"]
