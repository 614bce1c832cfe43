"""Who may approve a refund: not who fixed something in it, not twice, and not by a key they made for somebody else."""

from __future__ import annotations

from typing import Any

from rma.db.session import Work
from rma.services.caller import Caller
from rma.services.catalog import Catalog, KeyInfo

_KEY = "key:"
_MOST_MINTERS = 20


def independent(
    work: Work, catalog: Catalog, caller: Caller, *, fixers: set[str], approvals: list[dict[str, Any]]
) -> bool:
    """Whether the caller may approve what these fixed and approved: never who did so already, by whatever key.

    Nor a second approver of whom the first minted the key, or the other way round, directly or through keys in
    between: who makes a key has had its secret.
    ``fixers`` are actors, ``approvals`` the entries of ``record_approval``.
    """
    earlier = {a["actor"] for a in approvals if a.get("actor") not in (None, "auto")}
    if not fixers | earlier:
        return True
    people = _People(work, catalog, {caller.actor, *fixers, *earlier})
    mine = people.who(caller.actor) | ({caller.person} if caller.person else set())
    if any(mine & people.who(actor) for actor in fixers | earlier):
        return False
    if mine & {a["person"] for a in approvals if a.get("person")}:
        return False
    return not any(mine & people.makers(actor) or people.who(actor) & people.makers(caller.actor) for actor in earlier)


class _People:
    """The keys of these actors and of everybody who minted them, with their persons."""

    def __init__(self, work: Work, catalog: Catalog, actors: set[str]) -> None:
        self._rows: dict[str, KeyInfo] = {}
        wanted = actors
        for _ in range(_MOST_MINTERS):
            ids = {actor.removeprefix(_KEY) for actor in wanted if actor.startswith(_KEY)} - self._rows.keys()
            if not ids:
                return
            rows = {key_id: row for key_id in ids if (row := catalog.key(work, key_id)) is not None}
            self._rows |= rows
            wanted = {row.minted_by for row in rows.values() if row.minted_by}

    def who(self, actor: str) -> set[str]:
        """The actor, and the person behind it where there is one."""
        row = self._rows.get(actor.removeprefix(_KEY))
        return {actor, row.person} if row is not None and row.person else {actor}

    def makers(self, actor: str) -> set[str]:
        """Everybody who minted this actor's key, or a key that did."""
        found: set[str] = set()
        row = self._rows.get(actor.removeprefix(_KEY))
        while row is not None and row.minted_by and row.minted_by not in found:
            found |= self.who(row.minted_by)
            row = self._rows.get(row.minted_by.removeprefix(_KEY))
        return found
