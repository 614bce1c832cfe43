"""Policies over HTTP."""

from __future__ import annotations

from typing import Any

from rma.api import reading
from rma.api.http import Call, created, ok
from rma.api.routing import Routes
from rma.errors import NotFound
from rma.services import policies, policy_page, policy_replay
from rma.services.context import Work
from rma.services.idempotency import Answer
from rma.services.paging import Page
from rma.services.policies import PolicyRow, PolicyView, PublishPolicy
from rma.services.policy_lint import Linted, LintPolicy
from rma.services.policy_page import PageAsk, PageView
from rma.services.policy_replay import Replayed, ReplayPolicy

routes = Routes(tag="Policies")


@routes.get("/policies", answers=Page[PolicyRow])
def listing(call: Call) -> Answer:
    """The versions of the store's policy, drafts too, oldest first."""
    return call.pages(lambda work, ask: policies.listing(work, ask, store_id=call.caller.store_id))


@routes.post("/policies", answers=PolicyView, status=201)
def draft(call: Call, data: dict[str, Any]) -> Answer:
    """Keep a policy as a draft.

    The body is the file of a policy as JSON. Every key is checked; a wrong one is named by its path.
    """

    def act(work: Work) -> Answer:
        made = policies.draft(work, call.caller, data)
        return created(made, version=policies.resource_version(made.state))

    return call.write(act)


@routes.get("/policies/current", answers=PolicyView)
def current(call: Call) -> Answer:
    """The policy that holds for orders placed now."""
    return call.read(lambda work: _answer(policies.current(work, call.services, call.caller)))


@routes.get("/policies/current/page", answers=PageView, query=PageAsk)
def page_of(call: Call) -> Answer:
    """The policy in force and the law in words, question by question, as the store's policy page shows it.

    With `received` also until when what is possible, by the same rules that decide. `lang` is `tr`, `en` or `de`.
    """
    ask = call.query(PageAsk)
    language = reading.language(ask.lang or "") or call.locale

    def act(work: Work) -> Answer:
        store = call.services.catalog.store(work, call.caller.store_id)
        return ok(policy_page.show(work, call.services, store, ask, language=language))

    return call.read(act)


@routes.post("/policies/{version}/publish", answers=PolicyView)
def publish(call: Call, data: PublishPolicy) -> Answer:
    """Put a draft in force, now or from an instant in the future.

    One that takes what the law gives is refused, with every article (see its `lint`).
    It holds for orders placed from then on; an order keeps the version that held when it was placed.
    """
    version = _number(call.path["version"])

    def act(work: Work) -> Answer:
        done = policies.publish(
            work, call.services, call.caller, version, wish=data, expected=call.if_match, language=call.locale
        )
        return _answer(done)

    return call.write(act)


@routes.post("/policies/{version}/restore", answers=PolicyView, status=201)
def restore(call: Call, data: PublishPolicy) -> Answer:
    """Roll back: publish an earlier version again as the newest one, word for word.

    The version in force until then stays what it was for the orders that were promised it.
    """
    version = _number(call.path["version"])

    def act(work: Work) -> Answer:
        made = policies.restore(work, call.services, call.caller, version, wish=data, language=call.locale)
        return created(made, version=policies.resource_version(made.state))

    return call.write(act)


@routes.post("/policies/{version}/lint", answers=Linted, writes=False)
def lint(call: Call, data: LintPolicy) -> Answer:
    """What a version says against the law, with the article, and against itself.

    Only a policy without an `unlawful` finding is published. The laws are those of the store's country, of the
    countries it sells to, of those its rules name and of those asked for, on the day it shall begin.
    """
    version = _number(call.path["version"])
    return call.read(lambda work: ok(policies.lint(work, call.services, call.caller, version, data)))


@routes.post("/policies/{version}/replay", answers=Replayed, writes=False)
def replay(call: Call, data: ReplayPolicy) -> Answer:
    """A version over the last real returns: what it would change, in cases and in money. Nothing is written."""
    version = _number(call.path["version"])
    return call.read(
        lambda work: ok(policy_replay.replay(work, call.services, call.caller, version, data, locale=call.locale))
    )


def _number(text: str) -> int:
    version = policies.read_version(text)
    if version is None:
        raise NotFound("There is no such policy.")
    return version


def _answer(view: PolicyView) -> Answer:
    return ok(view, version=policies.resource_version(view.state))
