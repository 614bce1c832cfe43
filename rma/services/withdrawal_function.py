"""The function to withdraw online: whose it is, and the words on its two buttons (CRD art. 11a)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain.law import Labels
from rma.errors import NotFound
from rma.services import law
from rma.services.catalog import StoreInfo
from rma.services.context import Services

_stores = tables.table(tables.Store)
_EVERYWHERE = "EU"
"""Whose words stand on the buttons where the law of the place has none of its own."""


class Buttons(msgspec.Struct, frozen=True, kw_only=True):
    """The words on the two buttons, and their language."""

    language: str
    withdraw: str
    confirm: str


def store_of(work: Work, services: Services, slug: str) -> StoreInfo:
    """The store with this slug, for somebody without a key. ``NotFound``."""
    found = work.conn.execute(sa.select(_stores.c.id).where(_stores.c.slug == slug)).scalar()
    if found is None:
        raise NotFound("There is no such store.")
    return services.catalog.store(work, found)


def buttons(store: StoreInfo, languages: Sequence[str], *, country: str | None = None) -> Buttons:
    """The words for a reader of these languages, the best liked first, by the law of the consumer's country.

    A language that the law has words in is taken as the reader likes it; else the country's own. The newest text counts
    whatever the day: the function is shown for older contracts too.
    """
    words = {one.language: one for one in _labels(store, country)}
    chosen = next((words[one] for one in languages if one in words), next(iter(words.values())))
    return Buttons(language=chosen.language, withdraw=chosen.withdraw, confirm=chosen.confirm)


def _labels(store: StoreInfo, country: str | None) -> Sequence[Labels]:
    known = law.laws()
    latest = max(one.valid_from for one in known.profiles)
    own = known.profile(country, store.country, latest).function
    common = known.of(_EVERYWHERE, latest).function
    national = own.labels if own is not None else ()
    rest = common.labels if common is not None else ()
    return (*national, *(one for one in rest if one.language not in {label.language for label in national}))
