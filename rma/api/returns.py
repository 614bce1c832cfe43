"""Returns over HTTP: quote, file, read, act."""

from __future__ import annotations

from typing import Any

from rma.api import shapes
from rma.api.http import Call, created, ok
from rma.api.routing import Routes
from rma.services import decisions, doors, feed, filing, links, listing, payouts, replacements, returns
from rma.services.accounts import PayoutIn
from rma.services.decisions import WholeDecision
from rma.services.feed import FeedEvent
from rma.services.filing import FileReturn
from rma.services.idempotency import Answer
from rma.services.line_effects import the_case
from rma.services.listing import Filters
from rma.services.paging import Ask, Page
from rma.services.replacements import PaymentIn, ReplacementAct
from rma.services.returns import ActionBody, FeedbackGiven, FeedbackIn, OfferIn, OutcomeIn

routes = Routes(tag="Returns")


@routes.post("/returns/quote", answers=shapes.Quote, writes=False)
def quote(call: Call, data: FileReturn) -> Answer:
    """What would be decided, paid back and owed, without writing anything."""
    return call.read(lambda work: ok(filing.quote(work, call.services, call.caller, data, locale=call.locale)))


@routes.post("/returns", answers=shapes.Filed, status=201)
def file(call: Call, data: FileReturn) -> Answer:
    """File a return.

    The units are reserved at once. The answer holds the customer's link, which is kept nowhere.
    """

    def act(work: Any) -> Answer:
        view = filing.file(work, call.services, call.caller, data, locale=call.locale)
        hidden = (view["link"]["token"], links.mask(view["id"]))
        return created(view, version=view["version"], subject=view["id"], hidden=hidden)

    return call.write(act)


@routes.get("/returns", answers=Page[shapes.Row], query=Filters)
def listed(call: Call) -> Answer:
    """Returns of the store, oldest first."""
    filters = call.query(Filters)
    return call.pages(lambda work, ask: listing.returns(work, call.caller, filters, ask))


@routes.get("/returns/{id}", answers=shapes.Return)
def show(call: Call) -> Answer:
    """One return, by its id or RMA number: lines with their numbers, children, what is next and who is on it."""

    def act(work: Any) -> Answer:
        view, version = returns.show(work, call.services, call.caller, call.path["id"], locale=call.locale)
        return ok(view, version=version)

    return call.read(act)


@routes.get("/returns/{id}/decision", answers=WholeDecision)
def decision(call: Call) -> Answer:
    """The whole trace of the decision: rule, version, inputs, result, article and words in every language.

    `steps` tells who judged: the engine by rules and law, people with their reason, overrides marked as such.
    """
    return call.read(
        lambda work: ok(decisions.show(work, call.services, call.caller, call.path["id"], locale=call.locale))
    )


@routes.get("/returns/{id}/events", answers=Page[FeedEvent])
def events(call: Call) -> Answer:
    """The return's history, oldest first; personal values that were erased read `erased`."""

    def find(work: Any, ask: Ask) -> Page[FeedEvent]:
        found = doors.open_case(work, call.services, call.caller, call.path["id"], lock=False)
        return feed.page_of_return(work, the_case(found).id, ask)

    return call.pages(find)


@routes.post("/returns/{id}/actions/{trigger}", answers=shapes.Return)
def act(call: Call, data: ActionBody) -> Answer:
    """Fire a trigger of the workflow; `allowed` of the return says which this caller may fire now."""
    trigger = call.path["trigger"]

    def do(work: Any) -> Answer:
        view, version = returns.act(
            work, call.services, call.caller, call.path["id"], trigger, data, locale=call.locale
        )
        return ok(view, version=version, subject=view["id"])

    return call.write(do)


@routes.post("/returns/{id}/lines/{line_id}/outcome", answers=shapes.Return)
def outcome(call: Call, data: OutcomeIn) -> Answer:
    """Another outcome for a line, until its goods are inspected: priced and reserved anew."""

    def do(work: Any) -> Answer:
        view, version = returns.change_outcome(
            work, call.services, call.caller, call.path["id"], call.path["line_id"], data, locale=call.locale
        )
        return ok(view, version=version, subject=view["id"])

    return call.write(do)


@routes.post("/returns/{id}/lines/{line_id}/offer", answers=shapes.Return)
def offer(call: Call, data: OfferIn) -> Answer:
    """Offer the customer to keep the goods for less."""

    def do(work: Any) -> Answer:
        view, version = returns.offer(
            work, call.services, call.caller, call.path["id"], call.path["line_id"], data, locale=call.locale
        )
        return ok(view, version=version, subject=view["id"])

    return call.write(do)


@routes.post("/returns/{id}/lines/{line_id}/offer/accept", answers=shapes.Return)
def accept(call: Call) -> Answer:
    """The customer takes the offer."""
    return _answer_offer(call, "accept")


@routes.post("/returns/{id}/lines/{line_id}/offer/reject", answers=shapes.Return)
def reject(call: Call) -> Answer:
    """The customer does not take the offer."""
    return _answer_offer(call, "reject")


def _answer_offer(call: Call, answer: Any) -> Answer:
    def do(work: Any) -> Answer:
        view, version = returns.answer_offer(
            work, call.services, call.caller, call.path["id"], call.path["line_id"], answer, locale=call.locale
        )
        return ok(view, version=version, subject=view["id"])

    return call.write(do)


@routes.post("/returns/{id}/payments", answers=shapes.Paid, status=201)
def pay(call: Call, data: PaymentIn) -> Answer:
    """What the customer paid for the difference of an exchange."""

    def do(work: Any) -> Answer:
        view = replacements.pay(work, call.services, call.caller, call.path["id"], data, locale=call.locale)
        return created(view, version=view["version"], subject=view["return_id"])

    return call.write(do)


@routes.post("/returns/{id}/payout", answers=shapes.Return)
def payout(call: Call, data: PayoutIn) -> Answer:
    """The account for money that cannot go back the way it came; what waited for it is sent."""

    def do(work: Any) -> Answer:
        view, version = payouts.give(work, call.services, call.caller, call.path["id"], data, locale=call.locale)
        return ok(view, version=version, subject=view["id"])

    return call.write(do)


@routes.post("/returns/{id}/feedback", answers=FeedbackGiven, status=201)
def feedback(call: Call, data: FeedbackIn) -> Answer:
    """What the customer thought of it, once per closing."""

    def do(work: Any) -> Answer:
        given = returns.give_feedback(work, call.services, call.caller, call.path["id"], data, locale=call.locale)
        return created(given, version=given.version, subject=given.return_id)

    return call.write(do)


@routes.post("/replacements/{id}/actions/{trigger}", answers=shapes.Replacement)
def replace(call: Call, data: ReplacementAct) -> Answer:
    """What became of a replacement: ordered, shipped, delivered, another variant, out of stock, given up."""
    trigger = call.path["trigger"]

    def do(work: Any) -> Answer:
        view = replacements.act(work, call.services, call.caller, call.path["id"], trigger, data, locale=call.locale)
        return ok(view, version=view["version"], subject=view["return_id"])

    return call.write(do)
