"""The withdrawal function as plain pages: state it, confirm it, have the receipt (CRD art. 11a). No key, no script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

from litestar.handlers import HTTPRouteHandler

from rma.domain import strict
from rma.domain.withdrawals import Declaration, DeclaredLine, checked
from rma.errors import FieldError, Invalid
from rma.services import withdrawals
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.withdrawal_function import Buttons, buttons, store_of
from rma.web.pages import Fault, Html, Visit, page, redirect, route
from rma.web.words import Faults, Words, moment, words

ROWS = 3
"""Places for single items; who withdraws from more of them writes it into the statement."""
CORRECT = "correct"
"""In the address of the first step: the token of what was typed before."""
TEXTS = ("name", "order_number", "electronic_address")
_LINE = re.compile(r"lines\[(\d+)\]")


def handlers(services: Services, executor: Executor) -> list[HTTPRouteHandler]:
    """Every page of the function, below the store's name."""
    base, one = "/{store:str}/withdraw", "/{store:str}/withdraw/{token:str}"
    own: dict[str, Any] = {"services": services, "executor": executor}
    return [
        route("GET", base, start, **own),
        route("POST", base, state, even=True, counted=True, **own),
        route("GET", one, review, **own),
        route("POST", one, confirm, even=True, counted=True, **own),
        route("GET", f"{one}/receipt.pdf", paper, counted=True, **own),
    ]


def start(visit: Visit) -> Html:
    """The first step: empty, with the order's number from the link that led here, or with what is to be corrected."""
    typed = {"order_number": visit.query.get("order", "")[:128]}
    if token := visit.query.get(CORRECT):
        with visit.services.database.read() as work:
            typed = _retyped(withdrawals.look(work, visit.services, visit.path["store"], token).typed)
    return _form(visit, typed, ())


def state(visit: Visit) -> Html:
    """Keep what was typed and go on to the second step; nothing is declared yet. What is wrong is said in the form."""
    store = _store(visit)
    wanted, rows = _typed(visit.form)
    if faults := _faults(_errors(wanted), rows, words(visit.language(store.locale))):
        return _form(visit, visit.form, faults)
    typed = checked(strict.convert(wanted, Declaration))
    withdrawals.admit(visit.services, typed)
    language = visit.language(store.locale)
    token = visit.services.database.retrying(
        lambda work: withdrawals.begin(work, visit.services, store.slug, typed, locale=language)
    )
    return redirect(visit.link(f"{visit.url}/{token}"))


def review(visit: Visit) -> Html:
    """The second step with nothing to press but the confirmation; once confirmed, the receipt."""
    with visit.services.database.read() as work:
        store = store_of(work, visit.services, visit.path["store"])
        seen = withdrawals.look(work, visit.services, store.slug, visit.path["token"])
    language = visit.language(seen.locale)
    values: dict[str, Any] = {"content": _content(seen.typed, language), "action": visit.link(visit.url)}
    values |= {"buttons": _buttons(visit, store)}
    if seen.receipt is None:
        correct = visit.link(f"/{store.slug}/withdraw", **{CORRECT: visit.path["token"]})
        return page(visit, "confirm.html.j2", store=store.name, language=language, correct=correct, **values)
    at = moment(datetime.fromisoformat(seen.receipt.declared_at), language, store.timezone)
    values |= {"at": at, "machine": seen.receipt.declared_at, "address": seen.typed.electronic_address}
    values |= {"paper": f"{visit.url}/receipt.pdf"}
    return page(visit, "receipt.html.j2", store=store.name, language=language, **values)


def confirm(visit: Visit) -> Html:
    """Declare it, then show the receipt. Pressed twice, it is declared once."""
    slug, token = visit.path["store"], visit.path["token"]
    visit.services.database.retrying(lambda work: withdrawals.confirm(work, visit.services, slug, token))
    return redirect(visit.link(visit.url))


def paper(visit: Visit) -> Html:
    """The receipt as PDF."""
    made = withdrawals.receipt_pdf(visit.services, visit.path["store"], visit.path["token"])
    headers = {"content-disposition": 'attachment; filename="withdrawal-receipt.pdf"'}
    return Html(body=made, media_type="application/pdf", headers=headers)


def _store(visit: Visit) -> StoreInfo:
    with visit.services.database.read() as work:
        return store_of(work, visit.services, visit.path["store"])


def _buttons(visit: Visit, store: StoreInfo) -> Buttons:
    """In the reader's language where the law has words in it, else in the language of the page."""
    languages = (*visit.languages, visit.language(store.locale))
    return buttons(store, languages, country=visit.query.get("country", "")[:2].upper() or None)


def _form(visit: Visit, typed: Any, faults: Sequence[Fault]) -> Html:  # noqa: ANN401 - any mapping of texts
    store = _store(visit)
    language = visit.language(store.locale)
    names = (*TEXTS, "statement", *(f"{part}_{row}" for row in range(1, ROWS + 1) for part in ("sku", "quantity")))
    return page(
        visit,
        "withdraw.html.j2",
        store=store.name,
        language=language,
        status=422 if faults else 200,
        typed={name: typed.get(name, "") for name in names},
        faults=faults,
        wrong={fault.field: fault.text for fault in reversed(faults)},
        rows=range(1, ROWS + 1),
        buttons=_buttons(visit, store),
        action=visit.link(visit.url),
    )


def _typed(form: Any) -> tuple[dict[str, Any], list[int]]:  # noqa: ANN401 - any mapping of texts
    """The form as the declaration is read, and in which row each line stands.

    An empty row is no line, a row without a quantity means one unit.
    """
    typed: dict[str, Any] = {name: form.get(name, "") for name in TEXTS}
    cells = {n: (form.get(f"sku_{n}", "").strip(), form.get(f"quantity_{n}", "").strip()) for n in range(1, ROWS + 1)}
    rows = [n for n, (sku, quantity) in cells.items() if sku or quantity]
    typed["lines"] = [{"sku": cells[n][0], "quantity": _number(cells[n][1])} for n in rows] or None
    typed["statement"] = form.get("statement") or None
    return typed, rows


def _retyped(typed: Declaration) -> dict[str, str]:
    """The declaration as it was typed into the form."""
    form = {name: getattr(typed, name) for name in TEXTS} | {"statement": typed.statement or ""}
    for n, line in enumerate((typed.lines or ())[:ROWS], start=1):
        form |= {f"sku_{n}": line.sku or "", f"quantity_{n}": str(line.quantity)}
    return form


def _errors(wanted: dict[str, Any]) -> list[FieldError]:
    """Everything that is wrong at once: what has the wrong form, and what says the wrong thing."""
    found = strict.faults(wanted, Declaration)
    try:
        checked(Declaration(**{**wanted, "lines": None}))
    except Invalid as fault:
        found += fault.errors
    try:
        lines = [DeclaredLine(sku=line["sku"], quantity=1) for line in wanted["lines"] or ()]
        checked(Declaration(name="-", order_number="-", electronic_address="a@b", lines=tuple(lines)))
    except Invalid as fault:
        found += fault.errors
    return found


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else text or 1  # noqa: PLR2004


def _faults(found: Sequence[FieldError], rows: Sequence[int], known: Words) -> tuple[Fault, ...]:
    """Each fault at its field, the first of each, in words and in the order of the form."""
    told: dict[str, Fault] = {}
    for fault in found:
        line = _LINE.match(fault.path)
        part = "quantity" if "quantity" in fault.path else "sku"
        field = fault.path if line is None else f"{part}_{rows[int(line[1])]}"
        label = getattr(known.withdraw, field if line is None else part)
        label = label if line is None else f"{known.withdraw.item} {rows[int(line[1])]}, {label}"
        told.setdefault(field, Fault(field, label, _said(fault, known.fault)))
    order = (*TEXTS, *(f"{part}_{n}" for n in range(1, ROWS + 1) for part in ("sku", "quantity")), "statement")
    return tuple(told[field] for field in order if field in told)


def _said(fault: FieldError, known: Faults) -> str:
    if fault.path.endswith("quantity"):
        return known.quantity
    if fault.code in {"required", "missing", "line_or_sku"} or "length >= 1" in fault.message:
        return known.missing
    if "length <=" in fault.message:
        return known.too_long
    return {"not_an_address": known.not_an_address, "character": known.character}.get(fault.code, known.other)


def _content(typed: Declaration, language: str) -> list[tuple[str, list[str]]]:
    """What was typed, part by part with its lines."""
    known = words(language).withdraw
    lines = [f"{one.quantity} × {one.sku or f'{known.line} {one.line}'}" for one in typed.lines or ()]
    parts = [(known.name, [typed.name]), (known.order_number, [typed.order_number])]
    parts += [(known.electronic_address, [typed.electronic_address]), (known.content, lines or [known.whole])]
    return [*parts, (known.statement, typed.statement.split("\n"))] if typed.statement else parts
