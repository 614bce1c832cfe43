"""Nothing on a page ever overlaps, whatever people are called."""

from __future__ import annotations

from datetime import date
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from rma.domain.labels import (
    CODE_MAX,
    LINE_CODE_MAX,
    LINK_MAX,
    RMA_NUMBER_MAX,
    Direction,
    Kind,
    LabelJob,
    Locale,
    PackLine,
    Size,
)
from rma.domain.ports import Address
from rma.providers.labels import layout, text
from rma.providers.labels.marks import Page
from rma.providers.labels.printing import slip_pages

LETTERS = "abcçdefgğhıijklmnoöprsştuüvyzABCÇDEFGĞHIİJKLMNOÖPRSŞTUÜVYZwWqQ'-.,/&ß"
WORDS = st.lists(st.text(LETTERS, min_size=1, max_size=40), max_size=12).map(" ".join) | st.text(max_size=60)
CODES = st.characters(min_codepoint=33, max_codepoint=126)
ADDRESSES = st.builds(
    Address, name=WORDS, line1=WORDS, line2=WORDS, city=WORDS, postcode=WORDS, phone=WORDS,
    country=st.sampled_from(["TR", "GB", "??"]),
)  # fmt: skip
LINES = st.builds(
    PackLine, line_code=st.text(CODES, min_size=1, max_size=LINE_CODE_MAX), name=WORDS, sku=WORDS,
    quantity=st.integers(1, 10**9),
)  # fmt: skip
KINDS: list[Kind] = ["carrier_label", "code_sheet"]
DIRECTIONS: list[Direction] = ["inbound", "outbound"]
LOCALES: list[Locale] = ["tr", "en", "de"]
SIZES: list[Size] = ["a6", "4x6", "a4"]
JOBS = st.builds(
    LabelJob,
    kind=st.sampled_from(KINDS),
    direction=st.sampled_from(DIRECTIONS),
    locale=st.sampled_from(LOCALES),
    rma_number=st.text(CODES, min_size=1, max_size=RMA_NUMBER_MAX),
    return_link=st.text(CODES, max_size=LINK_MAX),
    carrier=WORDS,
    code=st.text(CODES, min_size=1, max_size=CODE_MAX),
    expires_on=st.none() | st.dates(min_value=date(2020, 1, 1)),
    store_name=WORDS,
    sender=ADDRESSES,
    recipient=ADDRESSES,
    lines=st.lists(LINES, max_size=12).map(tuple),
    order_number=WORDS,
)


def assert_tidy(page: Page) -> None:
    """Every mark lies on the page; texts and codes with their quiet zones keep clear of one another and of rules."""
    texts = [mark.ink for mark in page.texts if mark.value]
    codes = [code.free for code in page.codes]
    assert all(page.region.holds(place) for place in (*texts, *codes))
    assert not [pair for pair in combinations((*texts, *codes), 2) if pair[0].overlaps(pair[1])]
    assert not [(code, fill) for code in codes for fill in page.fills if code.overlaps(fill)]


@settings(max_examples=120, deadline=None)
@given(job=JOBS, size=st.sampled_from(SIZES))
def test_nothing_on_a_label_overlaps(job: LabelJob, size: Size) -> None:
    """Long names shrink, wrap or are cut, and never run into another text, a code or the edge."""
    assert_tidy(layout.label(job, size))


@settings(max_examples=60, deadline=None)
@given(job=JOBS, size=st.sampled_from(SIZES))
def test_a_packing_slip_shows_every_line_once(job: LabelJob, size: Size) -> None:
    """A slip takes as many pages as it needs; each line's code is on exactly one, and nothing overlaps."""
    pages = slip_pages(job, size)
    for page in pages:
        assert_tidy(page)
        assert page.codes[0].value == job.rma_number
    assert [code.value for page in pages for code in page.codes[1:]] == [line.line_code for line in job.lines]


@settings(max_examples=200, deadline=None)
@given(words=WORDS, width=st.floats(20, 300), lines=st.integers(1, 3))
def test_fitted_text_stays_in_its_box(words: str, width: float, lines: int) -> None:
    """Fitted lines are never wider or higher than their box, and lose nothing unless they end in an ellipsis."""
    fitted = text.fit(words, text.REGULAR, width=width, height=30, largest=14, smallest=6, lines=lines)
    assert all(text.ems(line, text.REGULAR) * fitted.size <= width + 1e-6 for line in fitted.lines)
    assert len(fitted.lines) * fitted.size * text.LEADING <= 30
    if not "".join(fitted.lines).endswith(text.ELLIPSIS):
        assert "".join(fitted.lines).replace(" ", "") == text.clean(words).replace(" ", "")
