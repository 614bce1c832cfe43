"""Customers' secret links: each opens one return, expires, can be revoked; only hashes are kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from datetime import timedelta

from rma.db import hot, tables
from rma.db.session import Work
from rma.domain.ids import secret_hash

LINK_DAYS = 400
_INSERT_LINK = hot.insert(tables.table(tables.Link))
_MASK = re.compile(r"@link:(ret_[0-9a-z]+)@")


def mask(return_id: str) -> str:
    """What stands for a return's first link where an answer is kept."""
    return f"@link:{return_id}@"


def first(secret: str, return_id: str) -> str:
    """The token that a filing answers: 160 bits that only the installation's secret can make.

    So a replay can show it again, although it is kept nowhere.
    """
    digest = hmac.new(secret.encode(), f"link:{return_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:20]).decode().rstrip("=")


def withdrawal(secret: str, withdrawal_id: str) -> str:
    """The token between the two steps of a withdrawal, which also opens its receipt; made in the same way."""
    digest = hmac.new(secret.encode(), f"withdrawal:{withdrawal_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:20]).decode().rstrip("=")


def keep(work: Work, store_id: str, return_id: str, token: str) -> str:
    """Let this token open the return; only its hash is kept. Links expire in real time."""
    row = {"hash": secret_hash(token), "store_id": store_id, "return_id": return_id, "revoked_at": None}
    _INSERT_LINK.run(
        work, {**row, "expires_at": work.real_now + timedelta(days=LINK_DAYS), "created_at": work.real_now}
    )
    return token


def mint(work: Work, store_id: str, return_id: str) -> str:
    """Another secret link to one return (160 random bits), for a mail."""
    return keep(work, store_id, return_id, secrets.token_urlsafe(20))


def unmask(secret: str, kept: str) -> str:
    """A kept answer with the link back in its place."""
    return _MASK.sub(lambda found: first(secret, found[1]), kept) if "@link:" in kept else kept
