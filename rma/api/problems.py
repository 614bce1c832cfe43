"""Errors as answers: RFC 9457 ``application/problem+json``. The only place that turns an error into an HTTP status."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.exceptions import HTTPException

from rma import errors
from rma.domain.strict import MOST as MOST_NAMED
from rma.errors import FieldError, Reason, RmaError
from rma.services.idempotency import Answer

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)

STATUS: dict[type[RmaError], tuple[int, str]] = {
    errors.Invalid: (422, "The request cannot be right"),
    errors.DefinitionError: (422, "The definition cannot be right"),
    errors.Unlawful: (422, "The law does not allow it"),
    errors.Unreadable: (400, "The request cannot be read"),
    errors.Unauthenticated: (401, "Nobody we know"),
    errors.Forbidden: (403, "Not allowed"),
    errors.NotFound: (404, "Not found"),
    errors.Refused: (409, "Refused"),
    errors.TotalChanged: (409, "The total changed"),
    errors.Busy: (409, "Still under way"),
    errors.Stale: (412, "Changed since it was read"),
    errors.TooLarge: (413, "Too large"),
    errors.UnsupportedMedia: (415, "Content type not taken"),
    errors.RateLimited: (429, "Too often"),
    errors.Unavailable: (503, "Not available now"),
}
"""Each error class with its status and title; a class without a line has its nearest ancestor's."""

_BY_CODE = {
    "idempotency_key_required": 400,
    "too_slow": 408,
    "address_too_long": 414,
    "headers_too_large": 431,
}
_FRAMEWORK_CODES = {
    400: errors.Unreadable.code,
    401: errors.Unauthenticated.code,
    403: errors.Forbidden.code,
    404: errors.NotFound.code,
    405: "method_not_allowed",
    413: errors.TooLarge.code,
    415: errors.UnsupportedMedia.code,
    429: errors.RateLimited.code,
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every error. ``code`` is stable; ``detail`` is for people; ``errors`` name fields by path."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: Sequence[FieldError] = ()
    reasons: Sequence[Reason] = ()
    allowed: Sequence[str] | None = None


def answer(error: Exception) -> Answer:
    """The answer for any exception. What is not ours is a 500 that tells nothing and is logged with its trace."""
    if isinstance(error, RmaError):
        return _ours(error)
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _frameworks(error)
    _log.error("unexpected error", exc_info=error)
    return _encode(Problem("about:blank", "Internal error", 500, "Something went wrong on our side.", "internal_error"))


def _ours(error: RmaError) -> Answer:
    status, title = next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)
    refused = isinstance(error, errors.Refused)
    named: Sequence[FieldError] = getattr(error, "errors", ())
    more = f" There are more than {MOST_NAMED} faults; these are the first." if len(named) > MOST_NAMED else ""
    problem = Problem(
        "about:blank",
        title,
        _BY_CODE.get(error.code, status),
        error.detail + more,
        error.code,
        errors=named[:MOST_NAMED],
        reasons=getattr(error, "reasons", ()),
        allowed=getattr(error, "allowed", ()) if refused else None,
    )
    return _encode(problem, _headers(error))


def _headers(error: RmaError) -> tuple[tuple[bytes, bytes], ...]:
    if isinstance(error, errors.Unauthenticated):
        return ((b"www-authenticate", b'Bearer realm="rma", Link realm="rma"'),)
    if isinstance(error, errors.RateLimited):
        return ((b"retry-after", str(error.retry_after).encode()),)
    if isinstance(error, errors.Unavailable):
        return ((b"retry-after", b"5"),)
    return ()


def _frameworks(error: HTTPException) -> Answer:
    status = error.status_code
    title = HTTPStatus(status).phrase
    code = _FRAMEWORK_CODES.get(status, title.lower().replace(" ", "_"))
    detail = "There is nothing at this address." if status == HTTPStatus.NOT_FOUND else error.detail or title
    given: dict[str, Any] = dict(error.headers or {})
    headers = tuple((name.lower().encode(), str(value).encode()) for name, value in given.items())
    return _encode(Problem("about:blank", title, status, detail, code), headers)


def _encode(problem: Problem, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    return Answer(problem.status, msgspec.json.encode(problem), media_type=MEDIA_TYPE, headers=headers)
