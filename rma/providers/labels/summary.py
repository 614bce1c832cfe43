"""The summary of an evidence pack: what the case is about, every file with its hash, and the photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from rma.domain.papers import EvidenceFile, EvidenceSummary
from rma.providers.labels.marks import MM, Page, Region, Style
from rma.providers.labels.sheet import CAPTION, RULE, box, heading, section
from rma.providers.labels.text import BOLD
from rma.providers.labels.words import WORDS, both, local

_ROW = 13 * MM
_FIRST = 10
"""Files on the first page, under the facts."""
_LATER = 17
_PHOTOS = 4


def pages(width: float, height: float, found: EvidenceSummary) -> list[Page]:
    """The facts and files first, then the photos, four on a page."""
    made: list[Page] = []
    first, area = _page(made, width, height, found)
    rest = _facts(first, area, found)
    _files(first, rest, found, found.files[:_FIRST], start=1)
    for start in range(_FIRST, len(found.files), _LATER):
        page, area = _page(made, width, height, found)
        _files(page, area, found, found.files[start : start + _LATER], start=start + 1)
    shown = [(n, file) for n, file in enumerate(found.files, start=1) if file.picture is not None]
    for at in range(0, len(shown), _PHOTOS):
        page, area = _page(made, width, height, found)
        _pictures(page, area, found, shown[at : at + _PHOTOS])
    for number, page in enumerate(made, start=1):
        foot = page.region.inset(15 * MM, 8 * MM).bottom(4 * MM)[0]
        page.text(foot, f"{local('page', found.locale)} {number} / {len(made)}", Style(largest=7, align="right"))
    return made


def _page(made: list[Page], width: float, height: float, found: EvidenceSummary) -> tuple[Page, Region]:
    page = Page(width=width, height=height)
    made.append(page)
    head, rest = page.region.inset(15 * MM, 14 * MM).top(21 * MM)
    heading(page, head, key="evidence_pack", locale=found.locale, rma_number=found.rma_number)
    return page, rest


def _facts(page: Page, area: Region, found: EvidenceSummary) -> Region:
    """What the case is; answers what is left of the page."""
    locale = found.locale
    body, area = section(page, area, number=1, key="case", locale=locale, height=22 * MM)
    upper, lower = body.top(11 * MM)
    cells = (
        ("store", found.store_name, 0.4, upper),
        ("order", found.order_number, 0.25, upper),
        ("filed_on", _when(found.filed_at, found), 0.35, upper),
        ("kind", _word(found.kind, locale), 0.4, lower),
        ("state", found.state, 0.25, lower),
        ("log", f"{found.events} · {found.head[:16]}", 0.35, lower),
    )
    used = {id(upper): 0.0, id(lower): 0.0}
    for key, value, share, row in cells:
        start = used[id(row)]
        cell = row.left(body.w * (start + share))[0].right(body.w * share)[0]
        used[id(row)] = start + share
        box(page, cell, both(key, locale), value)
    height = 5 * MM * max(1, len(found.lines[:6]))
    body, area = section(page, area, number=2, key="contents", locale=locale, height=height)
    _rows(page, body, [f"{x.quantity} ×  {x.name}  ({x.sku})" for x in found.lines], locale=locale)
    height = 5 * MM * max(1, len(found.shipments[:4]))
    body, area = section(page, area, number=3, key="parcels", locale=locale, height=height)
    _rows(page, body, list(_shipments(found)), locale=locale, most=4)
    return area


def _rows(page: Page, body: Region, rows: Sequence[str], *, locale: str, most: int = 6) -> None:
    shown = list(rows) if len(rows) <= most else [*rows[: most - 1], f"+ {len(rows) - most + 1} {both('more', locale)}"]
    for value in shown or [both("nothing", locale)]:
        row, body = body.top(5 * MM)
        page.text(row, value, Style(largest=8.5, smallest=6, middle=True))


def _shipments(found: EvidenceSummary) -> Iterator[str]:
    for parcel in found.shipments:
        parts = [local(parcel.direction, found.locale), parcel.carrier, parcel.number, parcel.state]
        for key, at in (("handed_over", parcel.handed_over_at), ("delivered_on", parcel.delivered_at)):
            if at is not None:
                parts.append(f"{local(key, found.locale)} {_when(at, found)}")
        yield "  ·  ".join(filter(None, parts))


def _files(page: Page, area: Region, found: EvidenceSummary, files: Sequence[EvidenceFile], *, start: int) -> None:
    body, _ = section(page, area, number=4, key="files", locale=found.locale, height=area.h - 10 * MM)
    caption, body = body.top(4 * MM)
    page.text(caption, both("hashes", found.locale), CAPTION)
    if not found.files:
        page.text(body, both("nothing", found.locale), Style(largest=9))
    for number, file in enumerate(files, start=start):
        row, body = body.top(_ROW)
        page.fill(row.top(RULE)[0])
        _file(page, row.inset(0, 1 * MM), found, number, file)


def _file(page: Page, row: Region, found: EvidenceSummary, number: int, file: EvidenceFile) -> None:
    place, row = row.left(9 * MM)
    page.text(place, str(number), Style(font=BOLD, largest=12))
    by = local(f"by_{file.by}", found.locale)
    facts = (_when(file.added_at, found), by, f"{-(-file.size // 1000)} kB")
    first, row = row.top(row.h * 0.36)
    page.text(first.left(first.w * 0.55)[0], _title(file, found.locale), Style(font=BOLD, largest=9, smallest=6))
    page.text(first.right(first.w * 0.44)[0], "  ·  ".join(facts), Style(largest=8, smallest=5.5, align="right"))
    second, row = row.top(row.h * 0.5)
    page.text(second, f"{file.name}   {file.note}".strip(), Style(largest=7.5, smallest=6))
    page.text(row, f"sha256 {file.sha256}", Style(largest=7.5, smallest=6))


def _pictures(page: Page, area: Region, found: EvidenceSummary, shown: Sequence[tuple[int, EvidenceFile]]) -> None:
    body, _ = section(page, area, number=5, key="pictures", locale=found.locale, height=area.h - 14 * MM)
    for index, (number, file) in enumerate(shown):
        half = body.top(body.h / 2)[index // 2]
        cell = half.left(half.w / 2)[index % 2].inset(2 * MM, 2 * MM)
        words, cell = cell.bottom(9 * MM)
        page.picture(cell, file.picture or b"")
        page.text(
            words.top(5 * MM)[0], f"{number}  {_title(file, found.locale)}", Style(font=BOLD, largest=9, smallest=6)
        )
        page.text(words.bottom(3.4 * MM)[0], f"sha256 {file.sha256[:32]}…", CAPTION)


def _title(file: EvidenceFile, locale: str) -> str:
    return " – ".join(filter(None, (_word(file.kind, locale), file.about)))


def _word(key: str, locale: str) -> str:
    return local(key, locale) if key in WORDS else key


def _when(at: datetime, found: EvidenceSummary) -> str:
    return format_datetime(at.astimezone(ZoneInfo(found.timezone)), "d MMM y HH:mm", locale=found.locale)
