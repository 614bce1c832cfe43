"""Where everything stands on a label, a code sheet and an A4 page.

Each page is a stack of rows cut from its region; the row that may grow takes what the paper leaves.
"""

from __future__ import annotations

import msgspec

from rma.domain.labels import LabelJob, Size
from rma.domain.ports import Address
from rma.providers.labels import slip
from rma.providers.labels.marks import MM, Page, Region, Style
from rma.providers.labels.text import BOLD
from rma.providers.labels.words import both, country, day, english, local

SIZES: dict[Size, tuple[float, float]] = {"a6": (105 * MM, 148 * MM), "4x6": (288, 432), "a4": (210 * MM, 297 * MM)}
"""Width and height of the paper in points."""

_MARGIN = 4 * MM
_PAD = 2 * MM
_BORDER = 1.2
_RULE = 0.6
_CITY_FIRST = frozenset({"AU", "CA", "GB", "IE", "NZ", "US"})
_CAPTION = Style(largest=6.5, smallest=5)
_DATA = Style(font=BOLD, largest=11, smallest=6)


def label(job: LabelJob, size: Size) -> Page:
    """One page: the label alone, or on A4 the label in the upper left quarter with what the sender needs around it."""
    width, height = SIZES[size]
    page = Page(width=width, height=height)
    if size == "a4":
        _a4(page, job)
    else:
        _block(page, page.region, job)
    return page


def _block(page: Page, paper: Region, job: LabelJob) -> None:
    area = paper.inset(_MARGIN, _MARGIN)
    page.frame(area, _BORDER)
    if job.kind == "carrier_label":
        _carrier_label(page, area.inset(_BORDER, _BORDER), job)
    else:
        _code_sheet(page, area.inset(_BORDER, _BORDER), job)


def _row(page: Page, region: Region, height: float) -> tuple[Region, Region]:
    """A row off the top, closed by a rule."""
    row, rest = region.top(height)
    line, row = row.bottom(_RULE)
    page.fill(line)
    return row, rest


def _captioned(page: Page, region: Region, *, caption: str, value: str, style: Style = _DATA) -> None:
    """A small caption and the value under it."""
    took = page.text(region, caption, _CAPTION)
    page.text(region.top(took + 0.5)[1], value, style)


def _carrier_label(page: Page, area: Region, job: LabelJob) -> None:
    row, rest = _row(page, area, 12 * MM)
    _header(page, row, title=job.carrier, badge="return" if job.direction == "inbound" else "replacement", job=job)
    foot, rest = rest.bottom(29 * MM)
    notice, rest = rest.bottom(12 * MM)
    bars, rest = rest.bottom(33 * MM)
    row, rest = _row(page, rest, 18 * MM)
    _sender(page, row, job)
    row, rest = _row(page, rest, rest.h)
    _recipient(page, row.inset(_PAD, _PAD / 2), job)
    row, _ = _row(page, bars, bars.h)
    _tracking(page, row.inset(0, _PAD / 2), job)
    row, _ = _row(page, notice, notice.h)
    if job.direction == "outbound":
        _damage(page, row, job)
    else:
        _deadline(page, row, job)
    _identity(page, foot, job)


def _code_sheet(page: Page, area: Region, job: LabelJob) -> None:
    inbound = job.direction == "inbound"
    row, rest = _row(page, area, 12 * MM)
    _header(page, row, title=job.store_name, badge="return_code" if inbound else "shipping_code", job=job)
    foot, rest = rest.bottom(29 * MM)
    row, rest = _row(page, rest, 42 * MM)
    _big_code(page, row.inset(0, _PAD / 2), job)
    row, rest = _row(page, rest, 13 * MM)
    _deadline(page, row, job)
    if not inbound:
        row, rest = _row(page, rest, 12 * MM)
        _damage(page, row, job)
    row, rest = _row(page, rest, rest.h)
    _contents(page, row.inset(_PAD, _PAD / 2), job)
    _identity(page, foot, job)


def _header(page: Page, row: Region, *, title: str, badge: str, job: LabelJob) -> None:
    """Who carries or who sells, and in white on black what this is."""
    flag, name = row.right(row.w * 0.42)
    page.text(name.inset(_PAD, 0), title, Style(font=BOLD, largest=20, smallest=9, lines=2, middle=True))
    page.fill(flag)
    second = english(badge, job.locale)
    style = Style(font=BOLD, largest=16, smallest=7, align="center", middle=True, white=True)
    flag = flag.inset(_PAD, _PAD / 2)
    if second:
        lower, flag = flag.bottom(flag.h * 0.38)
        page.text(lower, second, msgspec.structs.replace(style, largest=9, smallest=6))
    page.text(flag, local(badge, job.locale), style)


def _sender(page: Page, row: Region, job: LabelJob) -> None:
    facts, who = row.right(row.w * 0.34)
    line, facts = facts.left(_RULE)
    page.fill(line)
    who = who.inset(_PAD, _PAD / 2)
    caption, who = who.top(9)
    page.text(caption, both("from", job.locale), _CAPTION)
    name, who = who.top(12)
    page.text(name, job.sender.name, Style(font=BOLD, largest=9, smallest=6))
    lines = [_street(job.sender), _city(job.sender, seen_from=job.recipient), job.sender.phone]
    _lines(page, who, [line for line in lines if line], Style(largest=8, smallest=5.5))
    facts = facts.inset(_PAD, _PAD / 2)
    upper, lower = facts.top(facts.h / 2)
    style = Style(font=BOLD, largest=9, smallest=6)
    if job.order_number:
        _captioned(page, upper, caption=both("order", job.locale), value=job.order_number, style=style)
    _captioned(page, lower, caption=both("parcel", job.locale), value=f"{job.parcel} / {job.parcels}", style=style)


def _recipient(page: Page, row: Region, job: LabelJob) -> None:
    to = job.recipient
    caption, rest = row.top(9)
    page.text(caption, both("to", job.locale), _CAPTION)
    share = rest.h / 20
    for value, most, style in (
        (to.name, 7, Style(font=BOLD, largest=18, smallest=8, lines=2)),
        (_street(to), 6, Style(largest=13, smallest=6.5, lines=2)),
        (_city(to, seen_from=job.sender), 4, Style(font=BOLD, largest=15, smallest=6)),
        (to.phone, 3, Style(largest=10, smallest=6)),
    ):
        took = page.text(rest.top(share * most)[0], value, style)
        rest = rest.top(took + 1 if took else 0)[1]


def _tracking(page: Page, row: Region, job: LabelJob) -> None:
    caption, rest = row.top(8)
    page.text(caption.inset(_PAD, 0), both("tracking", job.locale), msgspec.structs.replace(_CAPTION, align="center"))
    number, bars = rest.bottom(18)
    page.bars(bars.inset(0, 2), job.code)
    page.text(number.inset(_PAD, 0), job.code, Style(font=BOLD, largest=15, smallest=8, align="center", middle=True))


def _big_code(page: Page, row: Region, job: LabelJob) -> None:
    caption, rest = row.top(9)
    page.text(
        caption.inset(_PAD, 0),
        both("show", job.locale),
        Style(font=BOLD, largest=7.5, smallest=5, align="center"),
    )
    number, bars = rest.top(rest.h * 0.45)
    page.text(number.inset(_PAD, 0), job.code, Style(font=BOLD, largest=44, smallest=12, align="center", middle=True))
    page.bars(bars.inset(0, 2), job.code)


def _deadline(page: Page, row: Region, job: LabelJob) -> None:
    """The carrier and the last day; a carrier label counts the items in place of the carrier named in its header."""
    who, when = row.left(row.w * 0.42)
    line, when = when.left(_RULE)
    page.fill(line)
    who = who.inset(_PAD, _PAD / 2)
    style = Style(font=BOLD, largest=12, smallest=6, middle=True)
    if job.kind == "code_sheet":
        _captioned(page, who, caption=both("carrier", job.locale), value=job.carrier, style=style)
    else:
        _captioned(page, who, caption=both("items", job.locale), value=_count(job), style=style)
    when = when.inset(_PAD, _PAD / 2)
    if job.expires_on:
        value = day(job.expires_on, job.locale)
        _captioned(page, when, caption=both("last_day", job.locale), value=value, style=style)
    elif job.order_number:
        _captioned(page, when, caption=both("order", job.locale), value=job.order_number, style=style)


def _damage(page: Page, row: Region, job: LabelJob) -> None:
    """What the person at the door must do with a damaged parcel: white on black, nobody may overlook it."""
    page.fill(row)
    row = row.inset(_PAD, _PAD / 2)
    style = Style(font=BOLD, largest=10.5, smallest=6, lines=2, align="center", middle=True, white=True)
    second = english("damage", job.locale)
    if second:
        lower, row = row.bottom(row.h * 0.36)
        page.text(lower, second, Style(largest=7.5, smallest=5, align="center", middle=True, white=True))
    page.text(row, local("damage", job.locale), style)


def _contents(page: Page, row: Region, job: LabelJob) -> None:
    key = "pack" if job.direction == "inbound" else "inside"
    caption, rest = row.top(10)
    page.text(caption, both(key, job.locale), Style(font=BOLD, largest=7.5, smallest=5))
    slip.plain_lines(page, rest, job)


def _identity(page: Page, foot: Region, job: LabelJob) -> None:
    """The QR code, the RMA number as text and Code 128, and where the parcel goes."""
    if job.return_link:
        square, foot = foot.left(foot.h)
        line, foot = foot.left(_RULE)
        page.fill(line)
        page.matrix(square.inset(1, 1), job.return_link)
    foot = foot.inset(0, _PAD / 2)
    head, rest = foot.top(25)
    _captioned(
        page,
        head.inset(_PAD, 0),
        caption=both("rma", job.locale),
        value=job.rma_number,
        style=Style(font=BOLD, largest=14, smallest=8),
    )
    bars, rest = rest.top(rest.h - 22)
    page.bars(bars.inset(0, 1), job.rma_number, align="left")
    first, second = rest.inset(_PAD, 0).top(9)
    upper, lower = _last_lines(job)
    page.text(first, upper, Style(font=BOLD, largest=7, smallest=5))
    page.text(second, lower, Style(largest=7, smallest=4.5, lines=2))


def _last_lines(job: LabelJob) -> tuple[str, str]:
    if job.kind == "carrier_label":
        return job.store_name, both("scan", job.locale) if job.return_link else ""
    to = job.recipient
    address = (_street(to), _city(to, seen_from=job.sender))
    return f"{both('to', job.locale)}: {to.name}", ", ".join(filter(None, address))


def _count(job: LabelJob) -> str:
    return str(sum(line.quantity for line in job.lines))


def _street(address: Address) -> str:
    return ", ".join(filter(None, (address.line1, address.line2)))


def _city(address: Address, *, seen_from: Address) -> str:
    """Postcode and city in the order of the country, which is named where the parcel crosses a border."""
    parts = (address.city, address.postcode) if address.country in _CITY_FIRST else (address.postcode, address.city)
    abroad = country(address.country) if address.country != seen_from.country else ""
    return ", ".join(filter(None, (" ".join(filter(None, parts)), abroad)))


def _lines(page: Page, region: Region, lines: list[str], style: Style) -> None:
    """Lines of equal height."""
    for index, line in enumerate(lines):
        row, region = region.top(region.h / (len(lines) - index))
        page.text(row, line, style)


def _a4(page: Page, job: LabelJob) -> None:
    """Label to cut out, how to send it, and below the packing slip that goes into the parcel."""
    upper, lower = page.region.top(page.height / 2)
    left, right = upper.left(page.width / 2)
    _block(page, left, job)
    _cut_lines(page)
    _steps(page, right.inset(8 * MM, 8 * MM), job)
    slip.page(page, lower.inset(10 * MM, 8 * MM), job, part=slip.Part(first=0, number=1, of=1))


def _cut_lines(page: Page) -> None:
    """Dashes across the middle of the page and down to it."""
    step = 2 * MM
    for index in range(int(page.width / step / 2)):
        page.fill(Region(x=(index * 2 + 0.5) * step, y=page.height / 2, w=step, h=0.5))
    for index in range(int(page.height / 2 / step / 2)):
        page.fill(Region(x=page.width / 2, y=page.height / 2 + (index * 2 + 0.5) * step, w=0.5, h=step))


def _steps(page: Page, area: Region, job: LabelJob) -> None:
    title, area = area.top(14 * MM)
    _titled(page, title, "how", locale=job.locale, largest=14)
    middle = "step_label" if job.kind == "carrier_label" else "step_code"
    for number, key in enumerate(("step_pack", middle, "step_hand"), start=1):
        step, area = area.top(22 * MM)
        disc, words = step.left(12 * MM)
        square = disc.top(8 * MM)[0].left(8 * MM)[0]
        page.fill(square)
        page.text(square, str(number), Style(font=BOLD, largest=14, align="center", middle=True, white=True))
        _titled(page, words.top(20 * MM)[0], key, locale=job.locale, largest=10)
    if job.expires_on:
        box = area.top(18 * MM)[0]
        page.frame(box, _RULE)
        _captioned(
            page,
            box.inset(_PAD, _PAD),
            caption=both("last_day", job.locale),
            value=day(job.expires_on, job.locale),
            style=Style(font=BOLD, largest=18, smallest=8, middle=True),
        )


def _titled(page: Page, region: Region, key: str, *, locale: str, largest: float) -> None:
    """A sentence in the store's language and smaller in English under it."""
    took = page.text(region.top(region.h * 0.6)[0], local(key, locale), Style(font=BOLD, largest=largest, lines=3))
    page.text(region.top(took + 1)[1], english(key, locale), Style(largest=largest * 0.8, lines=3))
