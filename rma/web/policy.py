"""The store's policy and its questions as a plain page, with the calculator "received on …": no key, no script."""

from __future__ import annotations

from concurrent.futures import Executor
from datetime import date
from typing import Any

import msgspec
from babel.dates import format_date
from litestar.handlers import HTTPRouteHandler

from rma.domain import strict
from rma.domain.amounts import reader
from rma.domain.page_texts import FORM
from rma.domain.texts import capital, say
from rma.errors import Invalid
from rma.services import policy_page
from rma.services.context import Services
from rma.services.policy_page import PageAsk, PageView
from rma.services.withdrawal_function import store_of
from rma.web.pages import Html, Visit, page, route

_DAYS = ("received", "ordered")
_CODE = 2


def handlers(services: Services, executor: Executor) -> list[HTTPRouteHandler]:
    """The page, below the store's name."""
    return [route("GET", "/{store:str}/policy", show, services=services, executor=executor)]


def show(visit: Visit) -> Html:
    """The page; what is wrong with a typed day is said at its field, and the rest of the page stands."""
    with visit.services.database.read() as work:
        store = store_of(work, visit.services, visit.path["store"])
        language = visit.language(store.locale)
        faults: set[str] = set()
        try:
            found = policy_page.show(work, visit.services, store, _asked(visit), language=language)
        except Invalid as fault:
            faults = {error.path for error in fault.errors}
            found = policy_page.show(work, visit.services, store, PageAsk(), language=language)
    return page(
        visit,
        "policy.html.j2",
        store=store.name,
        language=language,
        status=422 if faults else 200,
        form={name: say(text, language) for name, text in FORM.items()},
        found=found,
        until=_until(found, language),
        typed={name: visit.query.get(name, "")[:10] for name in _DAYS},
        faults=faults,
        action=visit.url,
        kept=[(name, visit.query[name][:8]) for name in ("lang", "country") if visit.query.get(name)],
        day=lambda day: _day(day, language),
    )


def _asked(visit: Visit) -> PageAsk:
    """What the address asks; an empty field asks nothing. ``Invalid`` names what cannot be read."""
    asked: dict[str, Any] = {name: visit.query[name] for name in _DAYS if visit.query.get(name)}
    country = visit.query.get("country", "").upper()
    known = len(country) == _CODE and country.isascii() and country.isalpha()
    return strict.convert(asked | ({"country": country} if known else {}), PageAsk)


def _until(found: PageView, language: str) -> list[dict[str, Any]]:
    return [
        {**msgspec.structs.asdict(one), "name": capital(one.name, language), "day": _day(one.last_day, language)}
        for one in found.until
    ]


def _day(day: date, language: str) -> str:
    """With its weekday, as the reader writes it: ``Monday, 16 November 2026``."""
    return format_date(day, "full", locale=reader(language))
