"""From a waiting message row to a letter: whom it goes to, in which language, with which facts, and whether at all."""

from __future__ import annotations

from typing import Any

import msgspec

from rma.db.session import Work
from rma.domain.messages import MessageFacts, StoreCard, is_address, kind_of
from rma.services import message_scene
from rma.services.catalog import StoreInfo
from rma.services.message_facts import TELLERS
from rma.services.message_scene import Scene

CONSENT = "email_marketing"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message ready to be worded. ``to`` is None where nobody can be reached; ``why_not`` says why it is not sent."""

    facts: MessageFacts
    locale: str
    to: str | None
    why_not: str | None = None


def letter(work: Work, store: StoreInfo, row: Any, *, url: str) -> Letter:
    """The message of this row with its facts as they stand.

    ``why_not``: ``obsolete``, ``no_consent`` or ``no_address``; without an address the facts still hold, so that the
    message can be read on the status page.
    """
    scene = message_scene.look(work, store, row, url=url)
    kind = kind_of(row.kind)
    told = TELLERS[row.kind](scene)
    base = MessageFacts(
        kind=kind.name,
        store=StoreCard(name=store.name, email=sender(row), timezone=scene.timezone, url=f"{url}/{store.slug}"),
        person="" if scene.person is None or kind.audience == "finance" else scene.person.name or "",
        rma_number=scene.case.rma_number if scene.case is not None else _order_number(scene),
        order_number=_order_number(scene),
        link="" if kind.audience == "finance" else scene.link,
        statutory=bool(scene.case is not None and scene.case.statutory),
    )
    to = _recipient(scene) if kind.audience == "customer" else row.recipient
    why_not = None if to is not None else "no_address"
    if told is None:
        why_not = "obsolete"
    elif kind.message_class == "commercial" and not _consented(scene):
        why_not = "no_consent"
    facts = base if told is None else msgspec.structs.replace(base, **told)
    return Letter(facts=facts, locale=scene.language, to=to, why_not=why_not)


def sender(row: Any) -> str:
    """The address that a message comes from: in the domain of its Message-ID."""
    return f"no-reply@{row.message_id.rpartition('@')[2]}"


def _order_number(scene: Scene) -> str:
    return str(scene.order.number) if scene.order is not None else ""


def _recipient(scene: Scene) -> str | None:
    return scene.email if scene.email and is_address(scene.email) else None


def _consented(scene: Scene) -> bool:
    """Whether a yes to commercial mail is on record now (Law 6563 art. 6); no record is a no."""
    consent = scene.person.consents.get(CONSENT) if scene.person is not None else None
    return consent is not None and consent.given
