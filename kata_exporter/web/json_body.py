"""Bodies of requests: JSON within bounds, each fault in it with a pointer to its place."""

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

from aiohttp import hdrs, web

from kata_exporter.config.words import did_you_mean, quoted
from kata_exporter.web.problem import MAX_FAULTS_LISTED, Fault, Problem

MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 5.0
"""How long a body may take to come, from the end of its headers."""

JSON_TYPE = "application/json"

_MAX_DIGITS = 18
_MAX_POINTED = 64
_SHAPES = {dict: "an object", list: "a list", str: "text", bool: "true or false"}

_T = TypeVar("_T")


async def read_json(request: web.Request, *, seconds: float = BODY_SECONDS) -> object:
    """Return the value that a request's body holds.

    The application's ``client_max_size`` bounds the body.

    Raises:
        Problem: it isn't JSON (400, 415), too long (413), or too slow (408).
    """
    if request.content_type != JSON_TYPE:
        detail = f"the body must be JSON: send it with Content-Type: {JSON_TYPE}"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        detail = "a compressed body isn't taken: send it as it is"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    try:
        async with asyncio.timeout(seconds):
            body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        detail = f"the body is longer than {MAX_BODY_BYTES} bytes"
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail) from error
    except TimeoutError as error:
        detail = f"the body was not there within {seconds:g} s"
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail) from error
    return parse_json(body)


def parse_json(body: bytes) -> object:
    """Return the value that JSON in UTF-8 spells.

    No key may stand twice in an object, and no number may be other than JSON has them.

    Raises:
        Problem: `body` is no such JSON (400).
    """
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_int=_whole_number,
        )
    except RecursionError as error:
        detail = "the body is nested too deeply"
        raise Problem(HTTPStatus.BAD_REQUEST, detail) from error
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {quoted(key)} stands twice in one object")
        found[key] = value
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _whole_number(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number has more than {_MAX_DIGITS} digits")
    return int(text)


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a body, the pointer to it, and where its faults go.

    Each method that reads gives None, or leaves things out, where the value can't be used; by then
    the fault has been noted. So one answer names all that is wrong.
    """

    value: object
    faults: list[Fault]
    pointer: str = "#"

    def fail(self, detail: str) -> None:
        """Note a fault of this value; `detail` says what to do."""
        self.faults.append(Fault(self.pointer, detail))

    def members(self, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, "Place"]:
        """Return the values of an object by key; unknown and missing keys are faults."""
        if not isinstance(self.value, dict):
            self._wrong_shape(f"must be an object with the keys {', '.join(known)}")
            return {}
        found: dict[str, Place] = {}
        for key, value in self.value.items():
            place = self._child(key, value)
            if key in known:
                found[key] = place
                continue
            # A hint takes its time, and a body has room for ten thousand keys.
            is_listed = len(self.faults) < MAX_FAULTS_LISTED
            place.fail(f"unknown key{did_you_mean(key, known) if is_listed else ''}")
        for key in required:
            if key not in self.value:
                self._child(key, None).fail("is missing: add it")
        return found

    def items(self, *, at_most: int) -> list["Place"]:
        """Return the entries of a list."""
        if not isinstance(self.value, list):
            self._wrong_shape("must be a list")
            return []
        if len(self.value) > at_most:
            self.fail(f"has {len(self.value)} entries, where at most {at_most} are allowed")
            return []
        return [self._child(str(index), value) for index, value in enumerate(self.value)]

    def text(self, *, max_length: int, min_length: int = 0) -> str | None:
        """Return text without control characters, and of a length within the bounds."""
        if not isinstance(self.value, str):
            self._wrong_shape("must be text")
            return None
        if not min_length <= len(self.value) <= max_length:
            self.fail(
                f"has {len(self.value)} characters, where {min_length} to {max_length} are allowed"
            )
            return None
        if not self.value.isprintable():
            strange = next(c for c in self.value if not c.isprintable())
            self.fail(f"has the unprintable character U+{ord(strange):04X}: take it out")
            return None
        return self.value

    def parsed(self, parse: Callable[[str], _T], *, max_length: int) -> _T | None:
        """Return what `parse` makes of the text here; its ValueError is a fault."""
        text = self.text(max_length=max_length)
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.fail(str(error))
            return None

    def number(self, *, at_least: float, at_most: float) -> float | None:
        """Return a number within the bounds."""
        wanted = f"must be a number from {at_least:g} to {at_most:g}"
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self._wrong_shape(wanted)
            return None
        if not at_least <= self.value <= at_most:
            shown = f"{self.value:g}" if math.isfinite(self.value) else "one beyond all bounds"
            self.fail(f"{wanted}, not {shown}")
            return None
        return float(self.value)

    def switch(self) -> bool | None:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self._wrong_shape("must be true or false")
            return None
        return self.value

    def _child(self, key: str, value: object) -> "Place":
        token = key[:_MAX_POINTED].replace("~", "~0").replace("/", "~1")
        # A lone surrogate has no UTF-8.
        return Place(
            value, self.faults, f"{self.pointer}/{quote(token, safe='~', errors='replace')}"
        )

    def _wrong_shape(self, wanted: str) -> None:
        shape = "null" if self.value is None else _SHAPES.get(type(self.value), "a number")
        self.fail(f"{wanted}; here is {shape}")
