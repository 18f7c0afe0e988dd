"""The HTTP server: metrics, landing page, health, reload, and the API."""

from kata_exporter.web.api import Api
from kata_exporter.web.listing import ListedSandbox, Listing, Registrations
from kata_exporter.web.pages import Pages, Reload
from kata_exporter.web.server import WebServer

__all__ = ["Api", "ListedSandbox", "Listing", "Pages", "Registrations", "Reload", "WebServer"]
