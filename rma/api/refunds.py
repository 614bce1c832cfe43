"""Refunds over HTTP: the queue, approvals, and what follows when it did not go well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from rma.api import problems, shapes
from rma.api.http import Call, created, ok
from rma.api.routing import Routes
from rma.errors import RmaError, TotalChanged
from rma.services import approvals, listing, payouts
from rma.services import owed as listing_owed
from rma.services.accounts import PayoutIn
from rma.services.approvals import Approve, OrderRefund, PatchRefund, Refuse, Resolve, Retry
from rma.services.idempotency import Answer
from rma.services.listing import RefundFilters
from rma.services.owed import Owed, OwedFilters
from rma.services.paging import Page

routes = Routes(tag="Refunds")


class ApproveOne(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of many refunds to approve."""

    id: str
    expected_total: dict[str, str]


class ApprovedOne(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one of them: with 200 the ``refund``, else the ``problem`` that it would have answered alone."""

    id: str
    status: int
    refund: shapes.Refund | None = None
    problem: problems.Problem | None = None


class ApprovedMany(msgspec.Struct, frozen=True, kw_only=True):
    """One answer for each refund, in the order in which they were sent."""

    items: list[ApprovedOne]


class ApproveMany(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Refunds to approve, each answered on its own."""

    items: list[ApproveOne]


@routes.get("/refunds", answers=Page[shapes.Refund], query=RefundFilters)
def listed(call: Call) -> Answer:
    """Refunds of the store; `sort=due` is finance's queue."""
    filters, caller = call.query(RefundFilters), call.caller
    return call.pages(
        lambda work, ask: listing.refunds(work, caller, filters, ask, locale=call.locale, currency=caller.currency)
    )


@routes.get("/refunds/owed", answers=Page[Owed], query=OwedFilters)
def owed(call: Call) -> Answer:
    """What is owed, soonest by law first: refunds that are not paid, and returns whose money is in none yet."""
    filters = call.query(OwedFilters)
    return call.pages(lambda work, ask: listing_owed.listing(work, call.caller, filters, ask))


@routes.get("/refunds/{id}", answers=shapes.Refund)
def show(call: Call) -> Answer:
    """One refund with every line of its computation."""

    def act(work: Any) -> Answer:
        view, version = listing.refund(work, call.caller, call.path["id"], locale=call.locale)
        return ok(view, version=version)

    return call.read(act)


@routes.patch("/refunds/{id}", answers=shapes.Refund)
def patch(call: Call, data: PatchRefund) -> Answer:
    """Keep the number of the tax document."""
    return _changed(
        call, lambda work: approvals.patch(work, call.services, call.caller, call.path["id"], data, locale=call.locale)
    )


@routes.post("/refunds/{id}/approve", answers=shapes.Refund)
def approve(call: Call, data: Approve) -> Answer:
    """Approve the total that was shown; another one is shown anew."""
    return _approve(call, call.path["id"], data)


def _approve(call: Call, refund_id: str, data: Approve) -> Answer:
    with _shown_anew(call, refund_id):
        return _changed(
            call, lambda work: approvals.approve(work, call.services, call.caller, refund_id, data, locale=call.locale)
        )


@contextmanager
def _shown_anew(call: Call, refund_id: str) -> Iterator[None]:
    """Propose what is right by now where the total that was shown is not."""
    try:
        yield
    except TotalChanged:
        call.services.database.retrying(lambda work: approvals.renew(work, call.services, call.caller, refund_id))
        raise


@routes.post("/refunds/approve", answers=ApprovedMany)
def approve_many(call: Call, data: ApproveMany) -> Answer:
    """Approve several refunds; each has its own answer and its own transaction."""

    def act() -> Answer:
        return ok({"items": [_one(call, item) for item in data.items]})

    return call.in_parts(act)


def _one(call: Call, item: ApproveOne) -> dict[str, Any]:
    asked = Approve(expected_total=item.expected_total)
    try:
        with _shown_anew(call, item.id):
            view = call.services.database.retrying(
                lambda work: approvals.approve(work, call.services, call.caller, item.id, asked, locale=call.locale)
            )
    except RmaError as error:
        answer = problems.answer(error)
        return {"id": item.id, "status": answer.status, "problem": msgspec.Raw(answer.body)}
    return {"id": item.id, "status": 200, "refund": view}


@routes.post("/refunds/{id}/refuse", answers=shapes.Refund)
def refuse(call: Call, data: Refuse) -> Answer:
    """Do not pay this; the case goes back to a person."""
    return _changed(
        call, lambda work: approvals.refuse(work, call.services, call.caller, call.path["id"], data, locale=call.locale)
    )


@routes.post("/refunds/{id}/retry", answers=shapes.Refund)
def retry(call: Call, data: Retry) -> Answer:
    """Send a failed transfer again, or over another tender with the customer's consent."""
    return _changed(
        call, lambda work: approvals.retry(work, call.services, call.caller, call.path["id"], data, locale=call.locale)
    )


@routes.post("/refunds/{id}/reconcile", answers=shapes.Refund)
def reconcile(call: Call) -> Answer:
    """Ask the provider what became of it; nothing is sent."""
    return _changed(
        call, lambda work: approvals.reconcile(work, call.services, call.caller, call.path["id"], locale=call.locale)
    )


@routes.post("/refunds/{id}/resolve", answers=shapes.Refund)
def resolve(call: Call, data: Resolve) -> Answer:
    """Say with proof what became of a transfer that nobody can be asked about; two people."""
    return _changed(
        call,
        lambda work: approvals.resolve(work, call.services, call.caller, call.path["id"], data, locale=call.locale),
    )


@routes.post("/refunds/{id}/payout", answers=shapes.Refund)
def payout(call: Call, data: PayoutIn) -> Answer:
    """The account of one refund, where money without goods goes to the bank."""
    return _changed(
        call,
        lambda work: payouts.give_refund(work, call.services, call.caller, call.path["id"], data, locale=call.locale),
    )


@routes.post("/orders/{number}/refunds", answers=shapes.Refund, status=201)
def propose(call: Call, data: OrderRefund) -> Answer:
    """Propose money back without goods, for a reason; the same approval as any refund."""

    def act(work: Any) -> Answer:
        view = approvals.propose_by_hand(
            work, call.services, call.caller, call.path["number"], data, locale=call.locale
        )
        return created(view, version=view["version"], subject=view["id"])

    return call.write(act)


def _changed(call: Call, act: Any) -> Answer:
    def do(work: Any) -> Answer:
        view = act(work)
        return ok(view, version=view["version"], subject=view["return_id"] or view["id"])

    return call.write(do)
