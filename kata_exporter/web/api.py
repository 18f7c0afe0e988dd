"""The API: the sandboxes as JSON, and on the admin socket their registration.

An id of a request is only ever looked up among the ids that are known; it is no part of a path or of
a name.
"""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from kata_exporter.clock import Clock
from kata_exporter.config.words import quoted
from kata_exporter.errors import RegistrationError
from kata_exporter.telemetry.logs import fields
from kata_exporter.web.json_body import BODY_SECONDS, JSON_TYPE, read_json
from kata_exporter.web.listing import (
    ListedSandbox,
    Listing,
    Registrations,
    listing_json,
    sandbox_json,
)
from kata_exporter.web.oom_events import OOM_EVENTS_PATH, OomEvents, oom_events_json
from kata_exporter.web.openapi import OPENAPI_PATH, SANDBOX_PATH, SANDBOXES_PATH, description
from kata_exporter.web.page_cache import PageCache
from kata_exporter.web.problem import Problem
from kata_exporter.web.registration_body import decode_registration

logger = logging.getLogger(__name__)

_READING = (hdrs.METH_GET, hdrs.METH_HEAD)


class Api:
    """What is below ``/api/``.

    Args:
        listing: who is there.
        registrations: where sandboxes are registered.
        oom_events: who has the last OOMs.
        clock: says when the list is too old to be given again.
        body_seconds: how long a body may take to come.
    """

    def __init__(
        self,
        listing: Listing,
        registrations: Registrations,
        oom_events: OomEvents,
        *,
        clock: Clock,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._listing = listing
        self._registrations = registrations
        self._oom_events = oom_events
        self._body_seconds = body_seconds
        self._list = PageCache(self._render_list, clock)
        self._description = json.dumps(description()).encode()

    def add_public_routes(self, router: web.UrlDispatcher) -> None:
        """Add what only reads."""
        self._add_common_routes(router)
        router.add_get(SANDBOXES_PATH, self._get_list)
        router.add_route(hdrs.METH_ANY, SANDBOXES_PATH, _reads_only(but_admins=hdrs.METH_POST))
        router.add_route(hdrs.METH_ANY, SANDBOX_PATH, _reads_only(but_admins=hdrs.METH_DELETE))

    def add_admin_routes(self, router: web.UrlDispatcher) -> None:
        """Add everything."""
        self._add_common_routes(router)
        router.add_get(SANDBOXES_PATH, self._get_fresh_list)
        router.add_post(SANDBOXES_PATH, self._register)
        router.add_delete(SANDBOX_PATH, self._remove)

    def _add_common_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(OPENAPI_PATH, self._describe)
        router.add_get(OOM_EVENTS_PATH, self._get_oom_events)
        router.add_get(SANDBOX_PATH, self._get_one)

    async def _get_list(self, request: web.Request) -> web.Response:
        del request
        # Anyone may ask, as often as they like: that must not cost more than the sending.
        return web.Response(body=self._list.plain(), content_type=JSON_TYPE)

    async def _get_fresh_list(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=self._render_list(), content_type=JSON_TYPE)

    async def _get_one(self, request: web.Request) -> web.Response:
        return _json(sandbox_json(self._asked_for(request)))

    async def _get_oom_events(self, request: web.Request) -> web.Response:
        return _json(oom_events_json(self._oom_events, request.query))

    async def _describe(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=self._description, content_type=JSON_TYPE)

    async def _register(self, request: web.Request) -> web.Response:
        body = decode_registration(await read_json(request, seconds=self._body_seconds))
        sandbox_id = body.registration.id
        try:
            created = self._registrations.register(body.registration, body.lease_seconds)
        except RegistrationError as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from error
        listed = self._listing.listed_sandbox(sandbox_id)
        if listed is None:
            detail = "the exporter is starting or stopping: register the sandbox again"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)
        if not created:
            return _json(sandbox_json(listed))
        logger.info(
            "sandbox registered",
            extra=fields(sandbox_id=sandbox_id, agent_url=body.registration.agent_url),
        )
        created_at = f"{SANDBOXES_PATH}/{sandbox_id}"
        return _json(sandbox_json(listed), HTTPStatus.CREATED, location=created_at)

    async def _remove(self, request: web.Request) -> web.Response:
        sandbox = self._asked_for(request).sandbox
        if not self._registrations.remove(sandbox.id):
            sources = ", ".join(sorted(sandbox.sources))
            detail = f"sandbox {sandbox.id} is not registered; it is known from: {sources}"
            raise Problem(HTTPStatus.CONFLICT, detail)
        logger.info("registration removed", extra=fields(sandbox_id=sandbox.id))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _asked_for(self, request: web.Request) -> ListedSandbox:
        sandbox_id = request.match_info["id"]
        listed = self._listing.listed_sandbox(sandbox_id)
        if listed is None:
            detail = f"no sandbox {quoted(sandbox_id)} is known: {SANDBOXES_PATH} lists them"
            raise Problem(HTTPStatus.NOT_FOUND, detail)
        return listed

    def _render_list(self) -> bytes:
        return json.dumps(listing_json(self._listing.listed_sandboxes())).encode()


def _reads_only(*, but_admins: str) -> Handler:
    """Return what refuses other methods than reading; `but_admins` is one of the admin socket."""

    async def refuse(request: web.Request) -> web.Response:
        if request.method != but_admins:
            raise web.HTTPMethodNotAllowed(request.method, _READING)
        raise Problem(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{request.method} is only for the admin socket: see --web.admin-socket",
            headers={hdrs.ALLOW: ", ".join(_READING)},
        )

    return refuse


def _json(
    value: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK, *, location: str = ""
) -> web.Response:
    headers = {hdrs.LOCATION: location} if location else None
    return web.Response(
        status=status, body=json.dumps(value).encode(), content_type=JSON_TYPE, headers=headers
    )
