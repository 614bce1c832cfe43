"""The withdrawal function over HTTP: two public steps and the receipt, and what staff does."""

from __future__ import annotations

import msgspec

from rma.api import reading
from rma.api.http import Call, created, ok, raw
from rma.api.routing import Routes
from rma.domain.withdrawals import Declaration, checked
from rma.services import withdrawal_desk as desk
from rma.services import withdrawals
from rma.services.context import Work
from rma.services.idempotency import Answer
from rma.services.paging import Page
from rma.services.withdrawal_desk import Filters, MatchIn, WithdrawalView
from rma.services.withdrawal_function import Buttons, buttons, store_of
from rma.services.withdrawals import Receipt

routes = Routes(tag="Withdrawals")


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What was understood, the token to confirm it with, and the words that the law wants on the two buttons."""

    token: str
    declared: bool
    content: Declaration
    buttons: Buttons


@routes.post("/stores/{slug}/withdrawals", answers=Begun, status=201, writes=False, even=True, counted=True)
def begin(call: Call, data: Declaration) -> Answer:
    """The first step: nothing is declared yet. No key, and no reason, is needed."""
    typed = checked(data)
    withdrawals.admit(call.services, typed)
    wish = reading.language(call.header("accept-language") or "")

    def act(work: Work) -> Answer:
        store = store_of(work, call.services, call.path["slug"])
        token = withdrawals.begin(work, call.services, store.slug, typed, locale=wish or store.locale)
        words = buttons(store, [wish or store.locale])
        return created(Begun(token=token, declared=False, content=typed, buttons=words))

    return call.services.database.retrying(act)


@routes.post("/stores/{slug}/withdrawals/{token}/confirm", answers=Receipt, writes=False, even=True, counted=True)
def confirm(call: Call) -> Answer:
    """The second step declares it. The answer is the receipt and nothing else; it also goes out by mail at once."""
    slug, token = call.path["slug"], call.path["token"]
    return call.services.database.retrying(lambda work: ok(withdrawals.confirm(work, call.services, slug, token)))


@routes.get("/stores/{slug}/withdrawals/{token}/receipt.pdf", answers=bytes, media_type="application/pdf", counted=True)
def receipt(call: Call) -> Answer:
    """The receipt as PDF, always the same bytes."""
    paper = withdrawals.receipt_pdf(call.services, call.path["slug"], call.path["token"])
    return raw(paper, "application/pdf", filename="withdrawal-receipt.pdf")


@routes.get("/withdrawals", answers=Page[WithdrawalView], query=Filters)
def listed(call: Call) -> Answer:
    """Declared withdrawals of the store, oldest first; `state=unmatched` is what a person has to look at."""
    asked = call.query(Filters)
    return call.pages(lambda work, ask: desk.listing(work, call.caller, asked, ask, locale=call.locale))


@routes.get("/withdrawals/{id}", answers=WithdrawalView)
def show(call: Call) -> Answer:
    """One withdrawal: what was typed, and what became of it."""

    def act(work: Work) -> Answer:
        view = desk.show(work, call.caller, call.path["id"], locale=call.locale)
        return ok(view, version=view.version)

    return call.read(act)


@routes.post("/withdrawals/{id}/match", answers=WithdrawalView)
def match(call: Call, data: MatchIn) -> Answer:
    """Say which order it belongs to; the return is filed as of the day it was declared."""

    def act(work: Work) -> Answer:
        view = desk.match(
            work, call.services, call.caller, call.path["id"], data, if_match=call.if_match, locale=call.locale
        )
        return ok(view, version=view.version, subject=view.id)

    return call.write(act)
