"""Reading who asks from ``Authorization``: ``Bearer <key>`` of a store or ``Link <token>`` of a customer."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from rma.domain import ids
from rma.errors import Unauthenticated
from rma.services.caller import Caller
from rma.services.identity import Identities, Kind

_KINDS: dict[str, Kind] = {"bearer": "key", "link": "link"}
_LONGEST = 256


def credentials(header: bytes) -> tuple[Kind, str]:
    """The kind of secret and its hash. ``Unauthenticated`` for a header that holds none."""
    scheme, _, secret = header.decode("latin-1").partition(" ")
    kind, secret = _KINDS.get(scheme.lower()), secret.strip()
    if kind is None or not 0 < len(secret) <= _LONGEST:
        raise Unauthenticated("Send `Authorization: Bearer <key>`, or `Authorization: Link <token>` as a customer.")
    return kind, ids.secret_hash(secret)


async def identify(header: bytes | None, identities: Identities, executor: Executor) -> Caller | None:
    """Who asks, or None without the header. ``Unauthenticated`` for unknown, revoked and expired secrets alike.

    Answers from memory where it can, so most requests cost no thread and no query here.
    """
    if header is None:
        return None
    kind, hashed = credentials(header)
    caller = identities.remembered(kind, hashed)
    if caller is None:
        caller = await asyncio.get_running_loop().run_in_executor(executor, identities.read, kind, hashed)
    if caller is None:
        raise Unauthenticated("This key or link is unknown, revoked or expired.")
    return caller
