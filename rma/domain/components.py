"""The lines of a refund's computation: what each amount is for, which units, and why, in three languages."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec

from rma.domain.money import wire
from rma.domain.pricing import Value
from rma.domain.units import Ranges

Kind = Literal[
    "goods", "shipping", "paid_fee", "return_freight", "interest", "price_reduction", "goodwill", "deduction"
]
Cause = Literal[
    "value_loss", "fee", "return_cost", "service_used", "promotion", "exchange", "undone", "short", "released"
]
"""Why something is held back. ``undone`` is an exchange that did not come about: its units are owed again."""

REST = "rest"
"""Why a stretch is paid that an earlier refund owed and could not pay: what it is part of was decided there."""

WHY: dict[str, dict[str, str]] = {
    "goods": {
        "tr": "İade edilen ürünler için ödenen tutar",
        "en": "What was paid for the returned goods",
        "de": "Für die zurückgegebenen Waren gezahlter Betrag",
    },
    "shipping": {"tr": "Teslimat ücreti", "en": "Delivery charge", "de": "Versandkosten"},
    "paid_fee": {"tr": "Ödenen ek ücret", "en": "Other charge that was paid", "de": "Gezahlte Zusatzkosten"},
    "return_freight": {
        "tr": "Müşterinin ödediği iade kargo ücreti",
        "en": "Return freight the customer paid",
        "de": "Vom Kunden gezahlte Rücksendekosten",
    },
    "interest": {"tr": "Yasal faiz", "en": "Statutory interest", "de": "Gesetzliche Zinsen"},
    "price_reduction": {
        "tr": "Ürün müşteride kalır, bedelden indirim",
        "en": "The goods stay with the customer, the price is reduced",
        "de": "Die Ware bleibt beim Kunden, der Preis wird gemindert",
    },
    "goodwill": {"tr": "Müşteri memnuniyeti için ödeme", "en": "Goodwill", "de": "Kulanz"},
    "value_loss": {
        "tr": "Olağan kullanımı aşan değer kaybı",
        "en": "Loss of value beyond normal handling",
        "de": "Wertverlust über die übliche Prüfung hinaus",
    },
    "fee": {"tr": "İade ücreti", "en": "Return fee", "de": "Rücksendegebühr"},
    "return_fee": {
        "tr": "Seçilen gönderim yolunun ücreti",
        "en": "Fee for the chosen way back",
        "de": "Gebühr für den gewählten Rücksendeweg",
    },
    "restocking": {
        "tr": "Ürünü yeniden stoğa alma ücreti",
        "en": "Restocking fee",
        "de": "Gebühr für die Wiedereinlagerung",
    },
    "return_cost": {
        "tr": "Müşteriye ait iade kargo ücreti",
        "en": "Return freight borne by the customer",
        "de": "Vom Kunden zu tragende Rücksendekosten",
    },
    "service_used": {
        "tr": "Cayma anına kadar verilen hizmetin bedeli",
        "en": "Service given until the withdrawal",
        "de": "Bis zum Widerruf erbrachte Dienstleistung",
    },
    "promotion": {
        "tr": "Koşulu artık sağlanmayan kampanya indirimi",
        "en": "Promotion whose condition is no longer met",
        "de": "Aktion, deren Bedingung nicht mehr erfüllt ist",
    },
    "exchange": {
        "tr": "Değişim ürününe sayılan tutar",
        "en": "Counted towards the replacement",
        "de": "Auf den Ersatzartikel angerechnet",
    },
    "difference": {
        "tr": "Değişim ürünü için ödenen fark",
        "en": "The difference that was paid for the replacement",
        "de": "Für den Ersatzartikel gezahlte Differenz",
    },
    "short": {
        "tr": "Tahsil edilenden kalan tutarı aşıyor; finans ekibi inceleyecek",
        "en": "Above what is left of the captured money; finance will look at it",
        "de": "Übersteigt den verbliebenen Zahlungseingang; die Buchhaltung prüft es",
    },
    REST: {
        "tr": "Önceki bir iadede ödenmesi gereken, ödenemeyen kısım",
        "en": "What an earlier refund owed and could not pay",
        "de": "Was eine frühere Erstattung schuldete und nicht zahlen konnte",
    },
    "released": {
        "tr": "Tahsil edilmedi; blokaj kaldırıldı",
        "en": "Never captured; the authorisation is released",
        "de": "Nie eingezogen; die Autorisierung wird freigegeben",
    },
}
"""A sentence per kind and per cause of a deduction; the code stands in ``Component.why``."""


class Accrual(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How interest was worked out: simple, on ``principal``, at ``percent`` a year of 365 days.

    The day ``since`` is not counted, the day ``until`` is.
    """

    principal: int
    percent: str
    since: date
    until: date
    article: str | None = None

    @property
    def days(self) -> int:
        """The days that count."""
        return (self.until - self.since).days


class Component(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line of a refund's computation, in minor units, never negative: a deduction is subtracted (``signed``).

    ``units`` are order-line units; ``start`` and ``end`` bound the stretch of gross inside each of them (no ``end``: to
    the unit's end), so that tax and what is left stay bound to the position. ``ref`` is ``shipping``, ``fees[0]`` or
    ``promotion:CODE``. ``why`` is a code of ``WHY`` or a person's own words. ``accrual`` says how interest was worked
    out. ``by_right``: these goods came back by law, which later settlements of the order count with.
    """

    kind: Kind
    net: int
    tax: int
    gross: int
    why: str
    order_line_id: str | None = None
    units: Ranges = ()
    cause: Cause | None = None
    start: int = 0
    end: int | None = None
    ref: str | None = None
    accrual: Accrual | None = None
    by_right: bool = False


def signed(component: Component) -> Value:
    """What the component adds to the refund; a deduction takes away."""
    value = Value(component.net, component.tax, component.gross)
    return -value if component.kind == "deduction" else value


def explain(component: Component, language: str) -> str:
    """The reason for people in ``tr``, ``en`` or ``de``; a person's own words as they are, until they were erased."""
    texts = WHY.get(component.why or component.cause or component.kind)
    return component.why if texts is None else texts.get(language, texts["en"])


def write_component(component: Component, currency: str, *, language: str = "en") -> dict[str, Any]:
    """The component in the form of the HTTP contract. ``part`` is there when only a stretch of each unit is meant."""
    partial = component.start > 0 or component.end is not None
    end = None if component.end is None else wire(component.end, currency)
    return {
        "kind": component.kind,
        "order_line_id": component.order_line_id,
        "units": [list(pair) for pair in component.units],
        "net": wire(component.net, currency),
        "tax": wire(component.tax, currency),
        "gross": wire(component.gross, currency),
        "why": explain(component, language),
        "cause": component.cause,
        "part": {"from": wire(component.start, currency), "to": end} if partial else None,
        "computation": _written(component.accrual, currency),
    }


def _written(accrual: Accrual | None, currency: str) -> dict[str, Any] | None:
    if accrual is None:
        return None
    return {
        "principal": wire(accrual.principal, currency),
        "percent_a_year": accrual.percent,
        "since": accrual.since,
        "until": accrual.until,
        "days": accrual.days,
        "article": accrual.article,
    }
