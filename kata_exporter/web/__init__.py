"""The HTTP server: metrics, landing page, health."""

from kata_exporter.web.pages import Pages
from kata_exporter.web.server import WebServer

__all__ = ["Pages", "WebServer"]
