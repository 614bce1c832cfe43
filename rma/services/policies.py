"""A store's policies: drafted, published once, never changed after; the newest in force holds for new orders.

To go back, an earlier version is published again as a new one: versions only grow, so an order's version says for good
what it was promised, and the log tells every change in its order.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from rma.db import tables
from rma.db.session import Work
from rma.domain.events import Draft
from rma.domain.policy import Policy, load_policy
from rma.errors import DefinitionError, FieldError, Invalid, NotFound, Refused, Stale
from rma.services import log, policy_lint
from rma.services.caller import Caller
from rma.services.case import now_of
from rma.services.context import Services
from rma.services.paging import Ask, Page, cut
from rma.services.policy_lint import Linted, LintPolicy

DRAFT, PUBLISHED = "draft", "published"
_DIGITS = 9
_policies = tables.table(tables.Policy)
_stores = tables.table(tables.Store)
_workflows = tables.table(tables.Workflow)
_encode = msgspec.json.Encoder(order="deterministic").encode


class PublishPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when a policy holds; at once unless told. It may not begin in the past: rights were promised by then."""

    effective_from: Annotated[datetime, Meta(tz=True)] | None = None


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the store's policy. ``effective_from`` is None for the one that has held from the beginning."""

    id: str
    version: int
    state: str
    name: str
    sha256: str
    effective_from: datetime | None
    created_at: datetime


class PolicyView(PolicyRow, frozen=True, kw_only=True):
    """A version of the store's policy with the whole file as JSON."""

    policy: dict[str, Any]


def listing(work: Work, ask: Ask, *, store_id: str) -> Page[PolicyRow]:
    """Every version, drafts too, oldest first."""
    query = sa.select(tables.Policy).where(_policies.c.store_id == store_id, _policies.c.id > (ask.after or ""))
    rows = work.session.scalars(query.order_by(_policies.c.id).limit(ask.limit + 1)).all()
    return cut(rows, ask, key=lambda row: row.id).map(lambda row: PolicyRow(**_columns(row)))


def current(work: Work, services: Services, caller: Caller) -> PolicyView:
    """The version that holds now, by the store's own clock."""
    version = services.catalog.current_policy(work, caller.store_id, now_of(work, caller.store_id))
    return _view(_get(work, caller.store_id, version))


def draft(work: Work, caller: Caller, document: dict[str, Any], *, source: str = "policy") -> PolicyView:
    """Keep a policy as the next version, not in force yet. ``DefinitionError`` names every fault by its path."""
    load_policy(source, document, currency=caller.currency)
    lock_versions(work, caller.store_id)
    return _view(_keep(work, caller.store_id, document))


def lint(work: Work, services: Services, caller: Caller, version: int, wish: LintPolicy) -> Linted:
    """What a version says against the law, and against itself, on the day it shall begin."""
    row = _get(work, caller.store_id, version)
    return lint_document(work, services, caller, row.body, wish=wish, source=f"policy {version}", version=version)


def lint_document(
    work: Work,
    services: Services,
    caller: Caller,
    document: dict[str, Any],
    *,
    wish: LintPolicy,
    source: str = "policy",
    version: int = 0,
) -> Linted:
    """The same for a policy that is kept nowhere. ``DefinitionError`` names every fault of its form by its path."""
    policy = load_policy(source, document, currency=caller.currency, version=version)
    store = services.catalog.store(work, caller.store_id)
    at = wish.effective_from or now_of(work, caller.store_id)
    return policy_lint.linted(work, store, policy, at=at, countries=wish.countries)


def publish(
    work: Work,
    services: Services,
    caller: Caller,
    version: int,
    *,
    wish: PublishPolicy,
    expected: int | None = None,
    language: str = "en",
) -> PolicyView:
    """Put a draft in force, for orders placed from then on, and say so in the store's log.

    ``Refused`` for a version that is published already or that a newer one has overtaken; ``Invalid`` for a beginning
    in the past; ``Unlawful`` where it takes what the law gives, ``DefinitionError`` where it names a workflow that the
    store has not published. ``expected`` is the resource's version by If-Match: 1 while a draft, 2 once published.
    """
    lock_versions(work, caller.store_id)
    row = _get(work, caller.store_id, version)
    if expected not in (None, resource_version(row.state)):
        raise Stale("The policy was published since it was read.")
    _check_order(work, row)
    return _put_in_force(work, services, caller, row, wish=wish, language=language)


def restore(
    work: Work, services: Services, caller: Caller, version: int, *, wish: PublishPolicy, language: str = "en"
) -> PolicyView:
    """Roll back: publish an earlier version again, word for word, as the store's newest one.

    A version that was to begin later is set aside by it. ``Refused`` for a draft and for the version in force; the
    faults are those of ``publish``: what the law has changed since then is told.
    """
    lock_versions(work, caller.store_id)
    row = _get(work, caller.store_id, version)
    if row.state != PUBLISHED:
        raise Refused(f"Version {version} was never published; publish it.", code="not_published", allowed=["publish"])
    if version == services.catalog.current_policy(work, caller.store_id, now_of(work, caller.store_id)):
        raise Refused(f"Version {version} is the one in force.", code="in_force")
    again = _keep(work, caller.store_id, row.body)
    return _put_in_force(work, services, caller, again, wish=wish, language=language, restores=version)


def _keep(work: Work, store_id: str, document: dict[str, Any]) -> tables.Policy:
    """The next version of the store, as a draft; the store's row is locked."""
    newest = sa.select(sa.func.max(_policies.c.version)).where(_policies.c.store_id == store_id)
    row = tables.Policy(
        id=work.new_id("pol"),
        store_id=store_id,
        version=(work.conn.execute(newest).scalar() or 0) + 1,
        state=DRAFT,
        body=document,
        sha256=hashlib.sha256(_encode(document)).hexdigest(),
        created_at=work.real_now,
    )
    work.session.add(row)
    work.flush()
    return row


def _put_in_force(
    work: Work,
    services: Services,
    caller: Caller,
    row: tables.Policy,
    *,
    wish: PublishPolicy,
    language: str,
    restores: int | None = None,
) -> PolicyView:
    now = now_of(work, caller.store_id)
    if wish.effective_from is not None and wish.effective_from < now:
        raise Invalid.field("effective_from", "past", "A policy cannot begin in the past.")
    begins = wish.effective_from or now
    policy = load_policy(f"policy {row.version}", row.body, currency=caller.currency, version=row.version)
    _check_workflows(work, caller, policy)
    policy_lint.check(work, services.catalog.store(work, caller.store_id), policy, at=begins, language=language)
    row.state, row.effective_from = PUBLISHED, begins
    told: dict[str, Any] = {"version": row.version, "sha256": row.sha256, "effective_from": begins}
    said = Draft("policy.published", told | ({"restores": restores} if restores else {}), now)
    log.append_to(work, "stores", caller.store_id, [said], store_id=caller.store_id, actor=caller.actor)
    work.after_commit.append(lambda: services.catalog.forget_store(caller.store_id))
    return _view(row)


def document(work: Work, caller: Caller, version: int) -> dict[str, Any]:
    """The file of a version, as JSON. ``NotFound`` for one that the store does not have."""
    return dict(_get(work, caller.store_id, version).body)


def published_versions(work: Work, store_id: str) -> list[int]:
    """Every version that ever was put in force, or shall be."""
    query = sa.select(_policies.c.version).where(_policies.c.store_id == store_id, _policies.c.state == PUBLISHED)
    return list(work.conn.execute(query).scalars())


def read_version(text: str) -> int | None:
    """The number of a version as an address holds it, or None for what can be none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def resource_version(state: str) -> int:
    """The number of the ETag: a draft changes once, when it is published."""
    return 1 if state == DRAFT else 2


def _check_order(work: Work, row: tables.Policy) -> None:
    if row.state != DRAFT:
        raise Refused(f"Version {row.version} is published already.", code="already_published")
    query = sa.select(sa.func.max(_policies.c.version)).where(
        _policies.c.store_id == row.store_id, _policies.c.state == PUBLISHED
    )
    newest = work.conn.execute(query).scalar() or 0
    if newest > row.version:
        raise Refused(f"Version {newest} is published already; draft this one anew.", code="superseded")


def _check_workflows(work: Work, caller: Caller, policy: Policy) -> None:
    """Each case machine that the policy chooses is one that this store has published."""
    query = sa.select(_workflows.c.name).where(
        _workflows.c.store_id == caller.store_id, _workflows.c.state == PUBLISHED
    )
    known = set(work.conn.execute(query).scalars()) - {"parcel", "refund", "replacement"}
    faults = [
        FieldError(f"returns.workflow.{kind}", "unknown", f"the store has published no workflow {name!r} for returns")
        for kind, name in policy.returns.workflow.items()
        if name not in known
    ]
    if faults:
        raise DefinitionError(f"policy {policy.version}", faults)


def _get(work: Work, store_id: str, version: int) -> tables.Policy:
    query = sa.select(tables.Policy).where(_policies.c.store_id == store_id, _policies.c.version == version)
    row = work.session.scalars(query).first()
    if row is None:
        raise NotFound(f"There is no policy version {version}.")
    return row


def _view(row: tables.Policy) -> PolicyView:
    return PolicyView(policy=row.body, **_columns(row))


def _columns(row: tables.Policy) -> dict[str, Any]:
    named = {name: getattr(row, name) for name in PolicyRow.__struct_fields__ if name != "name"}
    return {**named, "name": str(row.body.get("name", ""))}


def lock_versions(work: Work, store_id: str) -> None:
    """One at a time numbers and publishes the versions of a store's policies and machines."""
    work.conn.execute(sa.select(_stores.c.id).where(_stores.c.id == store_id).with_for_update(key_share=True))
