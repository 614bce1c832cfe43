"""A store's workflows: drafted as TOML, checked, published under a number, and never changed after.

An open return keeps the version it began with. Parcels, refunds and replacements move by the newest version of their
machine, so a new one must keep every state that an open child may be in.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from rma.db import tables
from rma.db.session import Work
from rma.domain.checks import check
from rma.domain.definition import Definition, load
from rma.domain.drawing import draw
from rma.domain.events import Draft
from rma.domain.texts import say
from rma.errors import DefinitionError, FieldError, NotFound, Refused, Stale
from rma.services import log
from rma.services.caller import Caller
from rma.services.catalog import MACHINES
from rma.services.context import Services
from rma.services.paging import Ask, Page, cut
from rma.services.policies import DRAFT, PUBLISHED, lock_versions, read_version, resource_version

_workflows = tables.table(tables.Workflow)
SOURCE = "workflow"


class WorkflowView(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a workflow. ``machine`` is what moves by it: a return, or a child of one."""

    id: str
    name: str
    machine: str
    version: int
    state: str
    title: str
    sha256: str
    created_at: datetime


def read(source: str, raw: bytes) -> Definition:
    """The workflow in a TOML file, ready to be published. ``DefinitionError`` names every fault by its path."""
    definition = load(source, raw)
    faults = [*check(definition), *_name_faults(definition)]
    if faults:
        raise DefinitionError(source, faults)
    return definition


def listing(work: Work, ask: Ask, *, store_id: str, language: str) -> Page[WorkflowView]:
    """Every version of every workflow, drafts too, oldest first."""
    query = sa.select(tables.Workflow).where(_workflows.c.store_id == store_id, _workflows.c.id > (ask.after or ""))
    rows = work.session.scalars(query.order_by(_workflows.c.id).limit(ask.limit + 1)).all()
    return cut(rows, ask, key=lambda row: row.id).map(lambda row: _view(row, language))


def draft(work: Work, caller: Caller, raw: bytes, *, language: str) -> WorkflowView:
    """Keep a workflow as the next version of its name, not in use yet. ``DefinitionError`` as ``read``."""
    definition = read(SOURCE, raw)
    lock_versions(work, caller.store_id)
    mine = (_workflows.c.store_id == caller.store_id, _workflows.c.name == definition.name)
    newest = work.conn.execute(sa.select(sa.func.max(_workflows.c.version)).where(*mine)).scalar() or 0
    row = tables.Workflow(
        id=work.new_id("wfl"),
        store_id=caller.store_id,
        name=definition.name,
        version=newest + 1,
        state=DRAFT,
        body=raw.decode(),
        sha256=definition.sha256,
        created_at=work.real_now,
    )
    work.session.add(row)
    work.flush()
    return _view(row, language)


def publish(
    work: Work, services: Services, caller: Caller, key: str, *, language: str, expected: int | None = None
) -> WorkflowView:
    """Put a draft in use for what is opened from now on, and say so in the store's log.

    ``key`` is the id or ``name@version``. ``Refused`` for what is published already or overtaken by a newer version;
    ``DefinitionError`` where a child's machine lost a state. ``expected``: 1 while a draft, 2 once published.
    """
    lock_versions(work, caller.store_id)
    row = _get(work, caller.store_id, key)
    if expected not in (None, resource_version(row.state)):
        raise Stale("The workflow was published since it was read.")
    if row.state != DRAFT:
        raise Refused(f"{row.name} {row.version} is published already.", code="already_published")
    before = _newest(work, row)
    if before is not None and before.version > row.version:
        detail = f"{row.name} {before.version} is published already; draft this one anew."
        raise Refused(detail, code="superseded")
    definition = read(SOURCE, row.body.encode())
    _check_states(definition, before)
    row.state = PUBLISHED
    said = Draft("workflow.published", {"name": row.name, "version": row.version, "sha256": row.sha256}, work.real_now)
    log.append_to(work, "stores", caller.store_id, [said], store_id=caller.store_id, actor=caller.actor)
    work.after_commit.append(lambda: services.catalog.forget_store(caller.store_id))
    return _view(row, language)


def diagram(work: Work, store_id: str, key: str, *, language: str) -> str:
    """The workflow as Mermaid text, drafts too; ``key`` is the id or ``name@version``."""
    row = _get(work, store_id, key)
    return draw(load(SOURCE, row.body.encode()), language)


def _name_faults(definition: Definition) -> list[FieldError]:
    """A child's machine is found by the name of its kind, so that name is nobody else's."""
    kind = definition.machine
    if definition.name in MACHINES and definition.name != kind:
        return [FieldError("name", "taken", f"{definition.name!r} is the workflow of that machine, not of a {kind}")]
    if kind != "return" and kind in MACHINES and definition.name != kind:
        return [FieldError("name", "name", f"the workflow of a {kind} is called {kind!r}")]
    return []


def _check_states(definition: Definition, before: tables.Workflow | None) -> None:
    if definition.machine == "return" or before is None:
        return
    old = load(SOURCE, before.body.encode())
    faults = [
        FieldError(f"states.{name}", "missing", f"version {before.version} has this state, and open ones may be in it")
        for name in old.states
        if name not in definition.states
    ]
    if faults:
        raise DefinitionError(SOURCE, faults)


def _get(work: Work, store_id: str, key: str) -> tables.Workflow:
    name, _, text = key.partition("@")
    version = read_version(text)
    query = sa.select(tables.Workflow).where(_workflows.c.store_id == store_id)
    if version is not None:
        query = query.where(_workflows.c.name == name, _workflows.c.version == version)
    else:
        query = query.where(_workflows.c.id == key)
    row = work.session.scalars(query).first()
    if row is None:
        raise NotFound("There is no such workflow.")
    return row


def _newest(work: Work, row: tables.Workflow) -> tables.Workflow | None:
    query = sa.select(tables.Workflow).where(
        _workflows.c.store_id == row.store_id, _workflows.c.name == row.name, _workflows.c.state == PUBLISHED
    )
    return work.session.scalars(query.order_by(_workflows.c.version.desc()).limit(1)).first()


def _view(row: tables.Workflow, language: str) -> WorkflowView:
    definition = load(f"{row.name} {row.version}", row.body.encode())
    return WorkflowView(
        id=row.id,
        name=row.name,
        machine=definition.machine,
        version=row.version,
        state=row.state,
        title=say(definition.title, language),
        sha256=row.sha256,
        created_at=row.created_at,
    )
