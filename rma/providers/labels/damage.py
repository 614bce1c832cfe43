"""The damage report: one A4 page that recipient and courier fill in at the door, with what we know filled in."""

from __future__ import annotations

from rma.domain.papers import DamageReport
from rma.domain.ports import Address
from rma.providers.labels.marks import MM, Page, Region, Style
from rma.providers.labels.sheet import CAPTION, RULE, box, heading, section, ticks
from rma.providers.labels.text import BOLD
from rma.providers.labels.words import both, day, english, local

_PACKAGING = ("pack_sound", "pack_crushed", "pack_torn", "pack_wet", "pack_tape", "pack_poor")
_GOODS = ("goods_broken", "goods_scratched", "goods_dented", "goods_wet", "goods_missing", "goods_unseen")
_LINES = 4
_WRITE = 8 * MM
"""Room between two rules to write on."""


def page(page: Page, area: Region, report: DamageReport) -> None:
    """The form, from top to bottom."""
    head, rest = area.top(21 * MM)
    heading(page, head, key="damage_report", locale=report.locale, rma_number=report.rma_number)
    banner, rest = rest.top(11 * MM)
    _banner(page, banner, report.locale)
    for number, (key, height, draw) in enumerate(_SECTIONS, start=1):
        body, rest = section(page, rest, number=number, key=key, locale=report.locale, height=height)
        draw(page, body, report)
    _foot(page, rest.inset(0, 1 * MM), report)


def _banner(page: Page, row: Region, locale: str) -> None:
    page.fill(row)
    row = row.inset(3 * MM, 1 * MM)
    second = english("damage_now", locale)
    if second:
        lower, row = row.bottom(row.h * 0.4)
        page.text(lower, second, Style(largest=8, smallest=6, middle=True, white=True))
    style = Style(font=BOLD, largest=11, smallest=7, middle=True, white=True)
    page.text(row, local("damage_now", locale), style)


def _shipment(page: Page, body: Region, report: DamageReport) -> None:
    upper, lower = body.top(11 * MM)
    cells = (
        ("carrier", report.carrier, 0.24),
        ("consignment", report.tracking, 0.26),
        ("order", report.order_number, 0.2),
        ("delivered_on", day(report.delivered_on, report.locale) if report.delivered_on else "", 0.2),
        ("at_hour", "", 0.1),
    )
    for key, value, share in cells:
        cell, upper = upper.left(body.w * share)
        box(page, cell, both(key, report.locale), value)
    left, right = lower.left(body.w / 2)
    _party(page, left, key="from", address=report.sender, locale=report.locale)
    _party(page, right, key="to", address=report.recipient, locale=report.locale)


def _party(page: Page, cell: Region, *, key: str, address: Address, locale: str) -> None:
    page.frame(cell, RULE)
    inner = cell.inset(1.5 * MM, 1 * MM)
    caption, inner = inner.top(2.8 * MM)
    page.text(caption, both(key, locale), CAPTION)
    name, inner = inner.top(4 * MM)
    page.text(name, address.name, Style(font=BOLD, largest=9, smallest=6))
    street = ", ".join(filter(None, (address.line1, address.line2)))
    city = " ".join(filter(None, (address.postcode, address.city)))
    page.text(inner, ", ".join(filter(None, (street, city))), Style(largest=8, smallest=6, lines=2))


def _contents(page: Page, body: Region, report: DamageReport) -> None:
    """Two columns of lines; the last place counts what finds no room."""
    places = 8
    shown = report.lines if len(report.lines) <= places else report.lines[: places - 1]
    words = [f"{line.quantity} ×  {line.name}  ({line.sku})" for line in shown]
    if len(shown) < len(report.lines):
        words.append(f"+ {len(report.lines) - len(shown)} {both('more', report.locale)}")
    rows = places // 2
    for index, value in enumerate(words):
        column = body.left(body.w / 2)[0] if index < rows else body.right(body.w / 2)[0]
        row = column.top(body.h * (index % rows + 1) / rows)[0].bottom(body.h / rows)[0]
        page.text(row.inset(1 * MM, 0), value, Style(largest=8.5, smallest=6, middle=True))


def _packaging(page: Page, body: Region, report: DamageReport) -> None:
    ticks(page, body, _PACKAGING, locale=report.locale, columns=3)


def _goods(page: Page, body: Region, report: DamageReport) -> None:
    choices, rest = body.top(15 * MM)
    ticks(page, choices, _GOODS, locale=report.locale, columns=3)
    caption, rest = rest.top(4 * MM)
    page.text(caption, both("describe", report.locale), CAPTION)
    for _ in range(_LINES):
        row, rest = rest.top(_WRITE)
        page.fill(row.bottom(RULE)[0])


def _outcome(page: Page, body: Region, report: DamageReport) -> None:
    ticks(page, body, ("refused", "reserved", "photos_taken"), locale=report.locale, columns=3)


def _signatures(page: Page, body: Region, report: DamageReport) -> None:
    for key, second in (("sign_recipient", "phone"), ("sign_courier", "staff_number"), ("sign_witness", "phone")):
        cell, body = body.left(body.w / {"sign_recipient": 3, "sign_courier": 2, "sign_witness": 1}[key])
        page.frame(cell, RULE)
        inner = cell.inset(1.5 * MM, 1 * MM)
        title, inner = inner.top(8 * MM)
        page.text(title, local(key, report.locale), Style(font=BOLD, largest=9, smallest=6))
        page.text(title.bottom(3.6 * MM)[0], english(key, report.locale), CAPTION)
        for caption in ("name", second):
            row, inner = inner.top(9 * MM)
            page.text(row, both(caption, report.locale), CAPTION)
            page.fill(row.bottom(RULE)[0])
        page.text(inner.inset(0, 1), both("signature", report.locale), CAPTION)


def _foot(page: Page, foot: Region, report: DamageReport) -> None:
    """What the form is good for, and where it goes."""
    if report.link:
        square, foot = foot.right(foot.h)
        page.matrix(square, report.link)
        words, foot = foot.right(38 * MM)
        words = words.inset(2 * MM, 0)
        style = Style(font=BOLD, largest=8, smallest=6, lines=3, align="right")
        took = page.text(words, local("upload", report.locale), style)
        plain = Style(largest=7, smallest=5.5, lines=3, align="right")
        page.text(words.top(took + 2)[1], english("upload", report.locale), plain)
    keys = ["keeps_rights", *(["limits_TR"] if report.law == "TR" else [])]
    upper = " ".join(local(key, report.locale) for key in keys)
    took = page.text(foot.top(foot.h * 0.56)[0], upper, Style(largest=7.5, smallest=5, lines=4))
    lower = " ".join(english(key, report.locale) for key in keys).strip()
    page.text(foot.top(took + 2)[1], lower, Style(largest=6.5, smallest=5, lines=4))


_SECTIONS = (
    ("shipment", 25 * MM, _shipment),
    ("contents", 19 * MM, _contents),
    ("packaging", 15 * MM, _packaging),
    ("goods_state", 52 * MM, _goods),
    ("outcome", 7.5 * MM, _outcome),
    ("signatures", 42 * MM, _signatures),
)
