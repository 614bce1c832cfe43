"""Who asks: a key of one store, the link of one return, or the system itself."""

from __future__ import annotations

from functools import lru_cache

import msgspec

_NAMES = (
    "orders:read orders:write returns:read returns:write returns:override receiving:write refunds:read"
    " refunds:propose refunds:approve evidence:read events:read policies:write workflows:write webhooks:write"
    " reports:read privacy admin"
)
SCOPES: tuple[str, ...] = tuple(_NAMES.split())
"""Every scope a key can have. ``admin`` implies none of the others."""

_ROLES: dict[str, tuple[str, ...]] = {
    "receiving:write": ("warehouse",),
    "returns:write": ("staff", "support", "integrator", "carrier"),
    "refunds:propose": ("finance",),
    "refunds:approve": ("finance",),
}
KEY = "key:"
"""How an actor that is a key begins; the key's id follows."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, of which store, and what they may do. Never holds a secret.

    ``person`` is the e-mail of the key's person where it has one; it stands in no event (``actor`` does). ``locale``,
    ``currency``, ``country``, ``timezone`` and ``test_mode`` are the store's.
    """

    store_id: str
    store_slug: str
    scopes: frozenset[str] = frozenset()
    key_id: str | None = None
    person: str | None = None
    link_return_id: str | None = None
    locale: str = "en"
    currency: str = ""
    country: str = ""
    timezone: str = "UTC"
    test_mode: bool = False

    @property
    def roles(self) -> frozenset[str]:
        """The roles of workflow.md (``by``) that this caller can act in."""
        if self.link_return_id is not None:
            return frozenset(("customer",))
        if self.key_id is None:
            return frozenset(("system",))
        return _roles(self.scopes)

    @property
    def actor(self) -> str:
        """What events call this caller: ``key:<id>``, ``link:<return id>`` or ``system``; never an e-mail."""
        if self.link_return_id is not None:
            return f"link:{self.link_return_id}"
        return "system" if self.key_id is None else f"{KEY}{self.key_id}"

    @property
    def is_link(self) -> bool:
        """True for a customer with the link of one return."""
        return self.link_return_id is not None

    def may(self, *scopes: str) -> bool:
        """True if the caller has one of these scopes; the system has all of them."""
        if self.key_id is None and self.link_return_id is None:
            return True
        return not self.scopes.isdisjoint(scopes)


@lru_cache(256)
def _roles(scopes: frozenset[str]) -> frozenset[str]:
    return frozenset(role for scope in scopes for role in _ROLES.get(scope, ()))
