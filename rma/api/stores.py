"""Stores and their keys over HTTP."""

from __future__ import annotations

import msgspec

from rma.api.http import Call, created, no_content, ok
from rma.api.routing import Routes
from rma.services import keys, stores
from rma.services.context import Work
from rma.services.idempotency import Answer
from rma.services.keys import KeyView, MintedKey, NewKey
from rma.services.paging import Page
from rma.services.stores import ChangeStore, NewStore, StoreView

routes = Routes(tag="Stores")


class NewStoreView(StoreView, frozen=True, kw_only=True):
    """A store that was just made, with its first key (scope ``admin``), which is shown this once."""

    admin_key: str


@routes.post("/stores", answers=NewStoreView, status=201)
def create(call: Call, data: NewStore) -> Answer:
    """Make a store.

    It is a world of its own: the answer holds its first key, with the scope `admin` and nothing else.
    """

    def act(work: Work) -> Answer:
        made = stores.create(work, data)
        first = NewKey(name="first key", scopes=["admin"], person=call.caller.person)
        minted = keys.mint(work, first, store_id=made.id, actor=call.caller.actor)
        view = NewStoreView(admin_key=minted.key, **msgspec.structs.asdict(made))
        return created(view, version=made.version, secret=True)

    return call.write(act)


@routes.get("/stores/{slug}", answers=StoreView)
def show(call: Call) -> Answer:
    """The store of the key."""
    call.own_store(call.path["slug"])
    return call.read(lambda work: _answer(stores.show(work, call.path["slug"])))


@routes.patch("/stores/{slug}", answers=StoreView)
def change(call: Call, data: ChangeStore) -> Answer:
    """Change a store: only the fields that are sent."""
    call.own_store(call.path["slug"])

    def act(work: Work) -> Answer:
        changed = stores.change(work, call.path["slug"], data, expected=call.if_match)
        work.after_commit.append(call.services.identities.forget)
        work.after_commit.append(lambda: call.services.catalog.forget_store(changed.id))
        return _answer(changed)

    return call.write(act)


@routes.post("/stores/{slug}/keys", answers=MintedKey, status=201)
def mint(call: Call, data: NewKey) -> Answer:
    """Mint a key; its secret is shown in this answer and never again."""
    call.own_store(call.path["slug"])
    who = call.caller
    return call.write(lambda work: created(keys.mint(work, data, store_id=who.store_id, actor=who.actor), secret=True))


@routes.get("/stores/{slug}/keys", answers=Page[KeyView])
def listing(call: Call) -> Answer:
    """The keys of the store, oldest first."""
    call.own_store(call.path["slug"])
    return call.pages(lambda work, ask: keys.listing(work, ask, store_id=call.caller.store_id))


@routes.get("/stores/{slug}/keys/{id}", answers=KeyView)
def show_key(call: Call) -> Answer:
    """One key of the store."""
    call.own_store(call.path["slug"])
    return call.read(lambda work: _key(keys.show(work, call.path["id"], store_id=call.caller.store_id)))


@routes.delete("/stores/{slug}/keys/{id}", status=204)
def revoke(call: Call) -> Answer:
    """Revoke a key, at once and for good."""
    call.own_store(call.path["slug"])
    who = call.caller

    def act(work: Work) -> Answer:
        keys.revoke(work, call.path["id"], store_id=who.store_id, actor=who.actor)
        work.after_commit.append(call.services.identities.forget)
        return no_content()

    return call.write(act)


def _answer(view: StoreView) -> Answer:
    return ok(view, version=view.version)


def _key(view: KeyView) -> Answer:
    return ok(view, version=1 if view.revoked_at is None else 2)
