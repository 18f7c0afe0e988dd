"""Errors of the API: problem documents, as RFC 9457 has them."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from kata_exporter.telemetry.logs import fields

logger = logging.getLogger(__name__)

API_PREFIX = "/api/"
PROBLEM_TYPE = "application/problem+json"

MAX_FAULTS_LISTED = 100

_OUR_FAULT = "this is an error of the exporter's own: its log says more"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a body.

    ``pointer`` leads to it: a JSON pointer as the fragment of a URI (``#/containers/0/id``).
    """

    pointer: str
    detail: str


class Problem(Exception):
    """Ends a request with a problem document.

    Args:
        status: of HTTP.
        detail: what is wrong and what to do, for a person.
        faults: what is wrong with the body, if it is that.
        headers: of the answer, beside its type.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Return the document; at most 100 faults are listed, and the detail counts the others."""
        detail = self.detail
        more = len(self.faults) - MAX_FAULTS_LISTED
        if more > 0:
            detail = f"{detail}; {more} more faults are not listed"
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": detail,
        }
        if self.faults:
            document["errors"] = [
                {"pointer": fault.pointer, "detail": fault.detail}
                for fault in self.faults[:MAX_FAULTS_LISTED]
            ]
        return document

    def response(self) -> web.Response:
        """Return the answer."""
        return web.Response(
            status=self.status,
            body=json.dumps(self.document()).encode(),
            content_type=PROBLEM_TYPE,
            headers=self.headers,
        )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer problems as documents; below /api/, what the router itself refuses as well."""
    if not request.path.startswith(API_PREFIX):
        try:
            return await handler(request)
        except Problem as problem:
            return problem.response()
    try:
        response = await handler(request)
    except Problem as problem:
        response = problem.response()
    except web.HTTPException as answer:
        response = _problem_of(request, answer).response()
    except Exception:
        logger.exception("request failed", extra=fields(method=request.method, path=request.path))
        response = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, _OUR_FAULT).response()
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response


def _problem_of(request: web.Request, answer: web.HTTPException) -> Problem:
    if isinstance(answer, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(answer.allowed_methods))
        return Problem(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{request.method} is not for this path: it takes {allowed}",
            headers={hdrs.ALLOW: allowed},
        )
    if answer.status == HTTPStatus.NOT_FOUND:
        detail = "nothing is at this path: /api/v1/openapi.json describes what there is"
        return Problem(HTTPStatus.NOT_FOUND, detail)
    return Problem(HTTPStatus(answer.status), answer.reason)
