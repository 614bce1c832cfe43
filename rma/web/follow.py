"""The customer's page of a return, behind the secret link of every mail: where it stands and what can be done now.

No key, no cookie, no script. The number on a label leads here too, without the secret: such a page tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from babel import Locale
from litestar.handlers import HTTPRouteHandler

from rma.domain.ids import read_rma_number, secret_hash
from rma.domain.occasions import LABELLED
from rma.domain.page_texts import FILES, OUTCOMES
from rma.domain.texts import capital, long_date, say
from rma.errors import FieldError, Invalid, NotFound, Refused, RmaError
from rma.services import consents, doors, evidence, labels, messages, payouts, products, returns
from rma.services.accounts import PayoutIn
from rma.services.caller import Caller
from rma.services.catalog import StoreInfo
from rma.services.context import Services, Work
from rma.services.messages import NewMessage
from rma.services.returns import ActionBody, FeedbackIn, OutcomeIn
from rma.services.withdrawal_function import store_of
from rma.web.pages import DONE, Fault, Html, Visit, page, redirect, route
from rma.web.words import Words, amount, share, words

TRIGGERS = ("cancel", "appeal", "reopen", "dispute")
"""What a customer may fire from here, each with words of their own."""
MOST_BYTES = 16_000_000
"""A photo or a paper, with the form around it."""
_ENDED = frozenset({"expired", "cancelled"})
_PRINTABLE = frozenset({"label_ready"})
_MESSAGES = 100
_TYPED = ("score", "comment", "text", "iban", "holder", "reason")


def handlers(services: Services, executor: Executor) -> list[HTTPRouteHandler]:
    """Every page behind a link, below the store's name."""
    one = "/{store:str}/r/{token:str}"
    own: dict[str, Any] = {"services": services, "executor": executor}
    return [
        route("GET", one, show, **own),
        route("GET", f"{one}/label/{{parcel:str}}", label, **own),
        route("GET", f"{one}/file", back, **own),
        route("POST", f"{one}/file", upload, most=MOST_BYTES, **own),
        route("GET", f"{one}/unsubscribe", ask_unsubscribe, **own),
        route("POST", f"{one}/unsubscribe", unsubscribe, **own),
        route("GET", f"{one}/{{act:str}}", back, **own),
        route("POST", f"{one}/{{act:str}}", act, **own),
    ]


def show(visit: Visit) -> Html:
    """Where the return stands; for an RMA number in place of the secret, where to find the link."""
    if read_rma_number(visit.path["token"]) is not None:
        return _without_link(visit)
    return _shown(visit)


def label(visit: Visit) -> Html:
    """The label or the code sheet of a parcel as PDF."""
    caller = _caller(visit)
    paper = labels.one(
        visit.services,
        caller,
        _return(caller),
        visit.path["parcel"],
        document="label",
        size=None,
        language=visit.language(caller.locale),
    )
    headers = {"content-disposition": f'inline; filename="{paper.filename}"'}
    return Html(body=paper.data, media_type="application/pdf", headers=headers)


def back(visit: Visit) -> Html:
    """The page again, for who comes back to the address of an act, whatever it was."""
    _caller(visit)
    return redirect(visit.link(_home(visit)))


def act(visit: Visit) -> Html:
    """One act of the customer, then the page again; what is wrong stands on the page with what was typed."""
    name = visit.path["act"]
    wanted = _ACTS.get(name) or (_trigger if name in TRIGGERS else None)
    if wanted is None:
        raise NotFound("There is nothing at this address.")
    caller = _caller(visit)
    try:
        visit.services.database.retrying(lambda work: wanted(work, visit, caller))
    except (Invalid, Refused) as error:
        return _shown(visit, fault=error)
    return redirect(visit.link(_home(visit), **{DONE: name}))


def upload(visit: Visit) -> Html:
    """A photo or a paper that proves something; shown on the page once it is kept."""
    caller = _caller(visit)
    found = visit.files.get("file")
    try:
        sent = evidence.form(dict(visit.form), found.file if found else None, filename=found.filename if found else "")
        clean = evidence.take(visit.services, caller, _return(caller), sent)
        locale = visit.language(caller.locale)
        visit.services.database.retrying(
            lambda work: evidence.add(
                work, visit.services, caller, _return(caller), sent=sent, clean=clean, locale=locale
            )
        )
    except RmaError as error:
        if isinstance(error, NotFound):
            raise
        return _shown(visit, fault=error)
    return redirect(visit.link(_home(visit), **{DONE: "file"}))


def ask_unsubscribe(visit: Visit) -> Html:
    """The question before the no, so that a program that follows links takes nothing back."""
    return _unsubscribed(visit, done=False)


def unsubscribe(visit: Visit) -> Html:
    """No more mail of this kind (Law 6563 art. 8, RFC 8058); it holds at once and again changes nothing."""
    caller = _caller(visit)
    visit.services.database.retrying(lambda work: consents.withdraw(work, caller))
    return _unsubscribed(visit, done=True)


def _unsubscribed(visit: Visit, *, done: bool) -> Html:
    store, language = _store(visit, _caller(visit))
    return page(
        visit, "unsubscribe.html.j2", store=store.name, language=language, done=done, action=visit.link(visit.url)
    )


# -- acts -------------------------------------------------------------------------------------------------------------


def _trigger(work: Work, visit: Visit, caller: Caller) -> None:
    body = ActionBody(reason=_text(visit, "reason"))
    language = visit.language(caller.locale)
    returns.act(work, visit.services, caller, _return(caller), visit.path["act"], body, locale=language)


def _feedback(work: Work, visit: Visit, caller: Caller) -> None:
    given = visit.form.get("score", "")
    body = FeedbackIn(score=int(given) if given in set("12345") else 0, comment=_text(visit, "comment"))
    language = visit.language(caller.locale)
    returns.give_feedback(work, visit.services, caller, _return(caller), body, locale=language)


def _message(work: Work, visit: Visit, caller: Caller) -> None:
    text = _text(visit, "text") or ""
    if len(text) > messages.LONGEST:
        raise Invalid.field("text", "too_long", f"At most {messages.LONGEST} characters.")
    seen = visit.form.get("seen")
    if seen is None or not messages.written_since(work, caller, _return(caller), text, since=seen[:64]):
        messages.write(work, visit.services, caller, _return(caller), NewMessage(text))


def _payout(work: Work, visit: Visit, caller: Caller) -> None:
    body = PayoutIn(iban=_text(visit, "iban") or "", holder=_text(visit, "holder") or "")
    payouts.give(work, visit.services, caller, _return(caller), body, locale=visit.language(caller.locale))


def _offer(work: Work, visit: Visit, caller: Caller) -> None:
    answer: Literal["accept", "reject"] = "accept" if visit.path["act"] == "accept" else "reject"
    line = visit.form.get("line", "")[:64]
    language = visit.language(caller.locale)
    returns.answer_offer(work, visit.services, caller, _return(caller), line, answer, locale=language)


def _money_instead(work: Work, visit: Visit, caller: Caller) -> None:
    """The money back for a line whose replacement cannot be had."""
    line, language = visit.form.get("line", "")[:64], visit.language(caller.locale)
    chosen = OutcomeIn(outcome="refund")
    returns.change_outcome(work, visit.services, caller, _return(caller), line, chosen, locale=language)


def _relabel(work: Work, visit: Visit, caller: Caller) -> None:
    """A label or code anew for a parcel whose last one has run out."""
    labels.reissue(work, visit.services, caller, _return(caller), visit.form.get("parcel", "")[:64])


_ACTS: Mapping[str, Callable[[Work, Visit, Caller], None]] = {
    "feedback": _feedback,
    "message": _message,
    "payout": _payout,
    "accept": _offer,
    "reject": _offer,
    "refund": _money_instead,
    "relabel": _relabel,
}


def _text(visit: Visit, name: str) -> str | None:
    """A typed text with its line ends as the database keeps them; None when empty."""
    return visit.form.get(name, "").replace("\r\n", "\n").strip()[: messages.LONGEST + 1] or None


# -- what is shown ----------------------------------------------------------------------------------------------------


def _shown(visit: Visit, *, fault: RmaError | None = None) -> Html:
    caller = _caller(visit)
    store, language = _store(visit, caller)
    with visit.services.database.read() as work:
        door = doors.open_case(work, visit.services, caller, _return(caller), lock=False)
        found = returns.view_of(door, caller, locale=language)
        states = {
            child.row["id"]: say(child.definition.states[child.state].label, language)
            for kind in ("parcel", "refund", "replacement")
            for child in door.children(kind)
        }
        names = products.names(work, caller.store_id, [one["sku"] for one in found["replacements"]])
        talk, older = messages.latest(work, caller, _return(caller), _MESSAGES)
    faults = [] if fault is None else _told(fault, words(language))
    return page(
        visit,
        "return.html.j2",
        store=store.name,
        language=language,
        status=200 if fault is None else 422,
        found=found,
        states=states,
        names=names,
        talk=talk,
        older=older,
        outcomes={name: capital(say(text, language), language) for name, text in OUTCOMES.items()},
        triggers=[name for name in TRIGGERS if name in found["allowed"] and name != _other_word(found["state"])],
        faults=faults,
        refused=isinstance(fault, Refused),
        wrong={one.field: one.text for one in reversed(faults) if one.field},
        act=visit.path.get("act", "file" if fault is not None else ""),
        done=visit.query.get(DONE, "") in {*_ACTS, *TRIGGERS, "file"},
        typed={name: visit.form.get(name, "") for name in _TYPED},
        home=_home(visit),
        url=lambda path="": visit.link(f"{_home(visit)}{path}"),
        day=lambda at: _day(at, language, store.timezone),
        money=lambda wire, less=False: amount(wire, language, less=less),
        percent=lambda text: share(text, language),
        printable=_PRINTABLE,
        labelled=LABELLED,
        address=_address(store.address, language),
        kinds=[(name, capital(say(text, language), language)) for name, text in FILES.items()],
    )


def _other_word(state: str) -> str:
    """Appeal and reopen are one act: against a decision one appeals, what merely ended is opened again."""
    return "appeal" if state in _ENDED else "reopen"


def _address(kept: Mapping[str, Any], language: str) -> list[str]:
    """Where goods go to, a line each; the country by its name."""
    town = " ".join(filter(None, (kept.get("postcode"), kept.get("city"))))
    land = Locale.parse(language).territories.get(kept.get("country", ""), kept.get("country"))
    return [part for part in (kept.get("name"), kept.get("line1"), kept.get("line2"), town, land) if part]


def _without_link(visit: Visit) -> Html:
    with visit.services.database.read() as work:
        store = store_of(work, visit.services, visit.path["store"])
    number, language = visit.path["token"].upper(), visit.language(store.locale)
    return page(visit, "number.html.j2", store=store.name, language=language, number=number)


def _told(error: RmaError, known: Words) -> list[Fault]:
    """What is wrong, each at its field, in the reader's words; what cannot be done now stands at none."""
    if isinstance(error, Refused):
        return [Fault("", "", reason.text) for reason in error.reasons] or [Fault("", "", known.follow.not_now)]
    if not isinstance(error, Invalid):
        return [Fault("file", known.follow.file, known.follow.wrong_file)]
    told = {fault.path.rpartition(".")[2]: fault for fault in reversed(error.errors)}
    return [_fault(field, fault, known) for field, fault in reversed(told.items())]


def _fault(field: str, fault: FieldError, known: Words) -> Fault:
    said = {"iban": known.follow.wrong_iban, "score": known.follow.wrong_score, "file": known.follow.wrong_file}
    text = said.get(field) or {
        "empty": known.fault.missing,
        "required": known.fault.missing,
        "too_long": known.fault.too_long,
    }.get(fault.code, known.fault.other)
    label = {"iban": "IBAN", "text": known.follow.write, "kind": known.follow.file_kind}.get(field)
    return Fault(field, label or str(getattr(known.follow, field, "")), text)


def _caller(visit: Visit) -> Caller:
    """The customer behind the link. ``NotFound`` for one that is unknown, revoked, expired or of another store."""
    hashed, known = secret_hash(visit.path["token"]), visit.services.identities
    caller = known.remembered("link", hashed) or known.read("link", hashed)
    if caller is None or caller.store_slug != visit.path["store"]:
        raise NotFound("There is no such page.")
    return caller


def _return(caller: Caller) -> str:
    return caller.link_return_id or ""


def _store(visit: Visit, caller: Caller) -> tuple[StoreInfo, str]:
    with visit.services.database.read() as work:
        store = visit.services.catalog.store(work, caller.store_id)
    return store, visit.language(store.locale)


def _home(visit: Visit) -> str:
    return f"/{visit.path['store']}/r/{visit.path['token']}"


def _day(at: str | date | datetime, language: str, timezone: str) -> str:
    """The local day of an instant, or the day itself, as the reader writes it."""
    if isinstance(at, datetime):
        at = at.astimezone(ZoneInfo(timezone)).date()
    return long_date(msgspec.convert(at, date), language)
