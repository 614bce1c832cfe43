"""The floors that ship: Türkiye (two texts of the regulation), the European Union, the United Kingdom, the States.

MSY = Mesafeli Sözleşmeler Yönetmeliği (RG 27.11.2014/29188). CRD = Directive 2011/83/EU, SGD = Directive (EU)
2019/771. CCR = UK SI 2013/3134, CRA = UK Consumer Rights Act 2015.
"""

from __future__ import annotations

from datetime import date

from rma.domain.law import Case, Exemption, LawFloor, RefundClock, Span, StartsWhen, WayBack, Withdrawal

_EU_ZONES = {
    "AT": "Europe/Vienna",
    "BE": "Europe/Brussels",
    "BG": "Europe/Sofia",
    "CY": "Asia/Nicosia",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn",
    "ES": "Europe/Madrid",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "GR": "Europe/Athens",
    "HR": "Europe/Zagreb",
    "HU": "Europe/Budapest",
    "IE": "Europe/Dublin",
    "IT": "Europe/Rome",
    "LT": "Europe/Vilnius",
    "LU": "Europe/Luxembourg",
    "LV": "Europe/Riga",
    "MT": "Europe/Malta",
    "NL": "Europe/Amsterdam",
    "PL": "Europe/Warsaw",
    "PT": "Europe/Lisbon",
    "RO": "Europe/Bucharest",
    "SE": "Europe/Stockholm",
    "SI": "Europe/Ljubljana",
    "SK": "Europe/Bratislava",
}
_ZONES = {"TR": "Europe/Istanbul", "GB": "Europe/London", "UK": "Europe/London"} | _EU_ZONES


def _exempt(attribute: str, article: str, *needs: str) -> Exemption:
    return Exemption(attribute=attribute, article=article, needs=needs)


def _clock(when: Case, starts_when: StartsWhen, days: int, article: str) -> RefundClock:
    return RefundClock(when=when, starts_when=starts_when, days=days, article=article)


_TR_EXEMPT = (
    _exempt("market_price", "MSY m.15/1-a"),
    _exempt("custom_made", "MSY m.15/1-b"),
    _exempt("perishable", "MSY m.15/1-c"),
    _exempt("hygiene_opened", "MSY m.15/1-ç", "opened"),
    _exempt("mixed", "MSY m.15/1-d"),
    _exempt("media_opened", "MSY m.15/1-e", "opened"),
    _exempt("periodical", "MSY m.15/1-f"),
    _exempt("dated_service", "MSY m.15/1-g"),
    _exempt("instant_digital", "MSY m.15/1-ğ"),
    _exempt("service_started", "MSY m.15/1-h"),
)
_TR_EXEMPT_2026 = (
    *_TR_EXEMPT,
    _exempt("registrable_vehicle_or_drone", "MSY m.15/1-ı"),
    _exempt("live_auction", "MSY m.15/1-j"),
    _exempt("installed_by_service", "MSY m.15/1-k", "installed"),
)
_EU_EXEMPT = (
    _exempt("market_price", "CRD 16(b)"),
    _exempt("custom_made", "CRD 16(c)"),
    _exempt("perishable", "CRD 16(d)"),
    _exempt("hygiene_opened", "CRD 16(e)", "opened"),
    _exempt("mixed", "CRD 16(f)"),
    _exempt("media_opened", "CRD 16(i)", "opened", "opened_exempt"),
    _exempt("periodical", "CRD 16(j)"),
    _exempt("live_auction", "CRD 16(k)"),
    _exempt("dated_service", "CRD 16(l)"),
    _exempt("instant_digital", "CRD 16(m)", "digital_consent", "digital_acknowledged"),
)
_UK_EXEMPT = (
    _exempt("market_price", "CCR reg 28(1)(a)"),
    _exempt("custom_made", "CCR reg 28(1)(b)"),
    _exempt("perishable", "CCR reg 28(1)(c)"),
    _exempt("hygiene_opened", "CCR reg 28(3)(a)", "opened"),
    _exempt("mixed", "CCR reg 28(3)(c)"),
    _exempt("media_opened", "CCR reg 28(3)(b)", "opened", "opened_exempt"),
    _exempt("periodical", "CCR reg 28(1)(f)"),
    _exempt("live_auction", "CCR reg 28(1)(g)"),
    _exempt("dated_service", "CCR reg 28(1)(h)"),
    _exempt("instant_digital", "CCR reg 37", "digital_consent", "digital_acknowledged"),
)

_TR_OLD = LawFloor(
    jurisdiction="TR",
    valid_from=date(2014, 11, 27),
    timezone="Europe/Istanbul",
    withdrawal=Withdrawal(days=14, article="MSY m.9/1", exemptions=_TR_EXEMPT),
    send_back=Span(days=10, article="MSY m.13/1"),
    delivery=Span(days=30, article="MSY m.16/1"),
    liability=Span(months=24, article="6502 m.12"),
    refunds=(_clock("liability", "agreed", 0, "6502 m.11/5"), _clock("default", "notice", 14, "MSY m.12/1")),
    way_back=WayBack(offered="store", other="customer", article="MSY m.12/5"),
)
_TR = LawFloor(
    jurisdiction="TR",
    valid_from=date(2026, 1, 1),
    timezone="Europe/Istanbul",
    withdrawal=Withdrawal(days=14, article="MSY m.9/1", exemptions=_TR_EXEMPT_2026),
    send_back=Span(days=14, article="MSY m.13/1"),
    delivery=Span(days=30, article="MSY m.16/1"),
    liability=Span(months=24, article="6502 m.12"),
    refunds=(
        _clock("liability", "agreed", 0, "6502 m.11/5"),
        _clock("not_delivered", "notice", 14, "MSY m.12/2"),
        _clock("service", "notice", 14, "MSY m.12/3"),
        _clock("named", "handed_over", 14, "MSY m.12/1"),
        _clock("other", "arrived", 14, "MSY m.12/1"),
        _clock("none_named", "handed_over", 14, "MSY m.12/1"),
    ),
    way_back=WayBack(offered="store", other="customer", article="MSY m.12/5"),
)
_EU = LawFloor(
    jurisdiction="EU",
    valid_from=date(2014, 6, 13),
    withdrawal=Withdrawal(days=14, article="CRD 9(1)", exemptions=_EU_EXEMPT),
    send_back=Span(days=14, article="CRD 14(1)"),
    delivery=Span(days=30, article="CRD 18(1)"),
    liability=Span(months=24, article="SGD 10(1)"),
    refunds=(
        _clock("liability", "goods_back_or_proof", 0, "SGD 16(3)"),
        _clock("not_delivered", "notice", 14, "CRD 13(1)"),
        _clock("service", "notice", 14, "CRD 13(1)"),
        _clock("collected", "notice", 14, "CRD 13(1)"),
        RefundClock(
            when="default", starts_when="goods_back_or_proof", days=0, days_from_notice=14, article="CRD 13(1), 13(3)"
        ),
    ),
    way_back=WayBack(offered=None, other="customer", article="CRD 14(1)"),
)
_UK = LawFloor(
    jurisdiction="UK",
    valid_from=date(2014, 6, 13),
    timezone="Europe/London",
    withdrawal=Withdrawal(days=14, article="CCR reg 30", exemptions=_UK_EXEMPT),
    send_back=Span(days=14, article="CCR reg 35(4)"),
    delivery=Span(days=30, article="CRA s.28"),
    liability=Span(months=72, article="CRA s.19; Limitation Act 1980 s.5"),
    refunds=(
        _clock("liability", "agreed", 13, "CRA s.20(15)"),
        _clock("not_delivered", "notice", 14, "CCR reg 34(6)"),
        _clock("service", "notice", 14, "CCR reg 34(6)"),
        _clock("collected", "notice", 14, "CCR reg 34(6)"),
        _clock("default", "goods_back_or_proof", 14, "CCR reg 34(5)"),
    ),
    way_back=WayBack(offered=None, other="customer", article="CCR reg 35(5)"),
)
_US = LawFloor(
    jurisdiction="US",
    valid_from=date(1975, 10, 22),
    delivery=Span(days=30, article="16 CFR 435.2"),
    liability=Span(months=24, article="UCC 2-314"),
)
_NONE = LawFloor(jurisdiction="none", valid_from=date(1970, 1, 1))

FLOORS: tuple[LawFloor, ...] = (_TR_OLD, _TR, _EU, _UK, _US)
"""Every shipped floor; of one jurisdiction, the later one wins from its first day on."""


def floor_for(consumer_country: str | None, store_country: str, on: date) -> LawFloor:
    """The floor that protects this consumer on that day: the one of their country if we know it, else the store's.

    Countries are ISO 3166-1 alpha-2, None where the order tells none. Where we know neither, a floor without any right
    is answered.
    """
    wanted = _jurisdiction(consumer_country) or _jurisdiction(store_country)
    fitting = [floor for floor in FLOORS if floor.jurisdiction == wanted and floor.valid_from <= on]
    return max(fitting, key=lambda floor: floor.valid_from, default=_NONE)


def consumer_timezone(country: str | None, default: str) -> str:
    """The zone in which this consumer's days are counted: the country's where it has one, else ``default``."""
    return _ZONES.get((country or "").upper(), default)


def _jurisdiction(country: str | None) -> str | None:
    code = (country or "").upper()
    if code in _EU_ZONES:
        return "EU"
    return {"TR": "TR", "GB": "UK", "UK": "UK", "US": "US"}.get(code)
