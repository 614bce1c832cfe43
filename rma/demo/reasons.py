"""Why the server said no, in a form that can be counted: by code, with one text as it reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """A reason: which rule and code, and what a person reads. The texts of one code differ by dates and numbers."""

    code: str
    text: str


def whys(reasons: Iterable[dict[str, Any]]) -> tuple[Why, ...]:
    """The reasons of an answer, the same one once."""
    found = (_why(reason) for reason in reasons)
    return tuple(dict.fromkeys(found))


def _why(reason: dict[str, Any]) -> Why:
    code = "/".join(str(part) for part in (reason.get("rule"), reason.get("code")) if part) or "unnamed"
    return Why(code=code, text=str(reason.get("text") or code))
