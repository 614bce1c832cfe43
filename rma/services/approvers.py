"""Who counts as somebody else where two people are asked for: one rule for everybody who has to be another one.

People are told apart, not keys; and who makes a key has had its secret, so a key is nobody else to those who made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rma.db.session import Work
from rma.services.caller import KEY, Caller
from rma.services.catalog import Catalog

ENGINE = "auto"
"""The actor of what the engine approves itself: nobody."""


def independent(work: Work, catalog: Catalog, caller: Caller, others: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the caller is somebody else than every one of ``others``: another person, with a key of other making.

    An entry holds the ``actor`` of what was done, and the ``person`` where one was known then. Not independent are two
    keys of one person, and two of which the maker of one (directly or through keys in between, however many) holds the
    other, whoever comes first. Keys that a third one made are independent of each other. What cannot be told (an entry
    without an actor, a key whose makers are not known to the last) is not independent.
    """
    told = [one for one in others if one.get("actor") != ENGINE]
    if not told:
        return True
    if any(not one.get("actor") for one in told):
        return False
    family = _Family(work, catalog, {caller.actor, *(one["actor"] for one in told)})
    mine, my_makers = family.who(caller.actor, caller.person), family.makers(caller.actor)
    if my_makers is None:
        return False
    for one in told:
        theirs, makers = family.who(one["actor"], one.get("person")), family.makers(one["actor"])
        if makers is None or mine & (theirs | makers) or theirs & my_makers:
            return False
    return True


class _Family:
    """The keys of these actors with all that they were minted by, one by another, to the first."""

    def __init__(self, work: Work, catalog: Catalog, actors: set[str]) -> None:
        self._keys = catalog.keys(work, {actor.removeprefix(KEY) for actor in actors if actor.startswith(KEY)})

    def who(self, actor: str, person: str | None = None) -> set[str]:
        """The actor, and the persons behind it: who was told, and whose key it is."""
        key = self._keys.get(actor.removeprefix(KEY))
        return {actor} | {one for one in (person, key and key.person) if one}

    def makers(self, actor: str) -> set[str] | None:
        """Every key that made this one or a key that did, with their persons; None where the line breaks off.

        It ends with what no key made: the command line did, as whoever has the server.
        """
        found: set[str] = set()
        while actor.startswith(KEY):
            key = self._keys.get(actor.removeprefix(KEY))
            if key is None or key.by is None or key.by in found:
                return None
            actor = key.by
            if actor.startswith(KEY):
                found |= self.who(actor)
        return found
