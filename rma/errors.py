"""The error tree. Every error has a stable code; HTTP status lives in ``rma.api.problems`` alone.

    RmaError
    ├── Invalid               the input cannot be right (names each field)
    │   └── DefinitionError   a workflow, policy or law file cannot be right (names file and path)
    │       └── Unlawful      a policy takes what the law gives (names every article)
    ├── Unreadable            the bytes are not what they say (broken JSON, broken CSV)
    ├── Unauthenticated       nobody, or nobody we know
    ├── Forbidden             known, but not allowed
    ├── NotFound              not there, or of another store
    ├── Refused               the state or a rule does not allow it (says why and what is allowed)
    │   ├── TotalChanged      the facts changed since an amount was shown
    │   └── Busy              a twin of this request is still under way
    ├── Stale                 somebody changed it since it was read
    ├── TooLarge              more bytes than we take
    ├── UnsupportedMedia      a content type we do not take
    ├── RateLimited           too often; says when to come back
    └── Unavailable           database or engine cannot answer now

Nothing here knows HTTP, a database or a language.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One fault of one field. ``path`` is dotted, with indexes: ``lines[0].quantity``."""

    path: str
    code: str
    message: str


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something was refused or sent to a person: the rule, a stable code and a text for people."""

    rule: str
    code: str
    text: str
    article: str | None = None


class RmaError(Exception):
    """Base of all errors a caller can act on."""

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class Invalid(RmaError):
    """The input cannot be right. Nothing was written."""

    code = "invalid"

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = (), code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.errors = tuple(errors)

    @classmethod
    def field(cls, path: str, code: str, message: str) -> Invalid:
        """One wrong field."""
        return cls(message, errors=(FieldError(path, code, message),))


class DefinitionError(Invalid):
    """A file of data (workflow, policy, law) cannot be right; ``source`` names it."""

    code = "definition_invalid"

    def __init__(self, source: str, errors: Sequence[FieldError]) -> None:
        first = errors[0]
        super().__init__(f"{source}: {first.path}: {first.message}", errors=errors)
        self.source = source


class Unlawful(DefinitionError):
    """A policy takes what the law gives: each fault at its path, and as a reason with its article."""

    code = "policy_unlawful"

    def __init__(self, source: str, errors: Sequence[FieldError], *, reasons: Sequence[Reason]) -> None:
        super().__init__(source, errors)
        self.reasons = tuple(reasons)


class Unreadable(RmaError):
    """The bytes are not what they say they are."""

    code = "unreadable"


class Unauthenticated(RmaError):
    """No credentials, or none that we know."""

    code = "unauthenticated"


class Forbidden(RmaError):
    """Known, but not allowed to do this."""

    code = "forbidden"


class NotFound(RmaError):
    """Not there, or of another store: the answer is the same."""

    code = "not_found"


class Refused(RmaError):
    """The state or a rule does not allow it. Says every reason and what is allowed instead."""

    code = "refused"

    def __init__(
        self, detail: str, *, reasons: Sequence[Reason] = (), allowed: Sequence[str] = (), code: str | None = None
    ) -> None:
        super().__init__(detail, code=code)
        self.reasons = tuple(reasons)
        self.allowed = tuple(allowed)


class TotalChanged(Refused):
    """The facts changed since the total was shown; it is shown anew."""

    code = "total_changed"


class Busy(Refused):
    """A twin of this request is still under way."""

    code = "in_progress"


class Stale(RmaError):
    """The resource changed since the caller read it."""

    code = "stale"


class TooLarge(RmaError):
    """More bytes, rows or depth than we take."""

    code = "too_large"


class UnsupportedMedia(RmaError):
    """A content type we do not take here; ``errors`` names the field where it is that of a file in a form."""

    code = "unsupported_media_type"

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = (), code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.errors = tuple(errors)

    @classmethod
    def field(cls, path: str, code: str, message: str) -> UnsupportedMedia:
        """The file of one field."""
        return cls(message, errors=(FieldError(path, code, message),), code=code)


class RateLimited(RmaError):
    """Too often. ``retry_after`` is in seconds."""

    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(RmaError):
    """A part that this needs cannot answer now; trying again later may work."""

    code = "unavailable"
