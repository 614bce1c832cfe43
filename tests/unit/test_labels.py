"""Labels before they become a PDF: what may be printed, and text that fits its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pypdfium2
import pytest

from rma.domain.labels import LabelPrinter, PackLine, check_jobs
from rma.errors import Invalid
from rma.providers import labels
from rma.providers.labels import layout, text, words
from rma.providers.labels.codes import bars, matrix
from tests.support.labels import LINES, SHOP, job

PRINTER: LabelPrinter = labels
"""The module itself is the printer; mypy holds the two together."""


def test_every_field_that_cannot_be_printed_is_named() -> None:
    """All wrong fields of all jobs come in one error, each by its path."""
    bad = job(
        rma_number="",
        code="YK-şğ",
        return_link="x" * 251,
        parcel=2,
        lines=(PackLine(line_code="1" * 25, name="", sku="", quantity=0),),
    )
    with pytest.raises(Invalid) as caught:
        check_jobs([job(), bad], size="a6", code_required=True)
    assert {(error.path, error.code) for error in caught.value.errors} == {
        ("jobs[1].rma_number", "required"),
        ("jobs[1].code", "not_printable"),
        ("jobs[1].return_link", "too_long"),
        ("jobs[1].parcel", "out_of_range"),
        ("jobs[1].lines[0].line_code", "too_long"),
        ("jobs[1].lines[0].quantity", "out_of_range"),
    }


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"kind": "sticker"}, "jobs[0].kind"),
        ({"direction": "sideways"}, "jobs[0].direction"),
        ({"locale": "fr"}, "jobs[0].locale"),
    ],
)
def test_an_unknown_choice_is_named(changes: dict[str, Any], path: str) -> None:
    """A kind, direction or language that no label has is refused by name."""
    with pytest.raises(Invalid) as caught:
        labels.render([job(**changes)])
    assert [error.path for error in caught.value.errors] == [path]


def test_nothing_to_print_and_an_unknown_size_are_refused() -> None:
    """No jobs and a paper that we do not know are errors, not an empty file."""
    with pytest.raises(Invalid) as caught:
        check_jobs([], size="a5", code_required=True)
    assert [error.path for error in caught.value.errors] == ["size", "jobs"]


def test_only_a_label_needs_the_carriers_code() -> None:
    """A packing slip can be made before the carrier has answered, a label cannot."""
    check_jobs([job(code="")], size="a4", code_required=False)
    with pytest.raises(Invalid):
        check_jobs([job(code="")], size="a4", code_required=True)


def test_text_that_fits_keeps_its_largest_size() -> None:
    """Nothing shrinks without need."""
    fitted = text.fit("Ayşe", text.BOLD, width=200, height=30, largest=12, smallest=6, lines=1)
    assert fitted == text.Fitted(12, ("Ayşe",))


def test_text_shrinks_before_it_wraps_before_it_is_cut() -> None:
    """A little too long shrinks, more wraps, and only what is hopeless ends in an ellipsis."""
    name = "Ayşe Gülşah Yılmaz Öğretmenoğlu"
    width = text.ems(name, text.REGULAR) * 10
    space: dict[str, Any] = {"height": 40, "largest": 12, "smallest": 6, "lines": 2}
    assert text.fit(name, text.REGULAR, width=width, **space) == text.Fitted(10, (name,))
    wrapped = text.fit(name, text.REGULAR, width=width * 0.6, **space)
    assert " ".join(wrapped.lines) == name
    assert len(wrapped.lines) == 2
    cut = text.fit(name * 9, text.REGULAR, width=width, **space)
    assert cut.size == 6
    assert len(cut.lines) == 2
    assert cut.lines[-1].endswith("…")


def test_letters_are_composed_and_lines_are_one() -> None:
    """A decomposed ş is one letter, line breaks are spaces, and a letter that the font lacks is shown as missing."""
    assert text.clean("Ays\u0327e\n\tYılmaz \u4e2d") == "Ayşe Yılmaz \ufffd"


def test_every_word_exists_in_every_language() -> None:
    """No label can miss a word in Turkish, English or German."""
    for key in words.WORDS:
        assert all(words.local(key, locale) for locale in ("tr", "en", "de")), key


def test_english_stands_beside_the_stores_language_once() -> None:
    """A Turkish label shows both languages, an English one does not repeat itself."""
    assert words.both("from", "tr") == "Gönderen / From"
    assert words.both("from", "en") == "From"
    assert words.day(date(2026, 12, 12), "tr") == "12 Aralık 2026"


def test_the_country_is_named_only_across_a_border() -> None:
    """A domestic label has no country line, one abroad names it in English."""
    abroad = msgspec.structs.replace(SHOP, city="Berlin", postcode="10115", country="DE")
    shown = {mark.value for mark in layout.label(job(recipient=abroad), "a6").texts}
    assert "10115 Berlin, Germany" in shown
    assert "34490 Başakşehir / İstanbul" in {mark.value for mark in layout.label(job(), "a6").texts}


def test_an_email_address_is_never_printed() -> None:
    """A parcel passes through many hands; the customer's e-mail address stays out of them."""
    assert not any("@" in mark.value for mark in layout.label(job(), "a4").texts)


def test_without_a_link_there_is_no_qr_code() -> None:
    """An empty link leaves the QR code out and nothing else."""
    kinds = [code.kind for code in layout.label(job(return_link=""), "a6").codes]
    assert kinds == ["code128", "code128"]


def test_lines_without_room_are_counted() -> None:
    """A sheet that cannot show every line says how many are left, and shows the rest."""
    many = tuple(msgspec.structs.replace(LINES[0], name=f"Ürün {index}") for index in range(20))
    shown = [mark.value for mark in layout.label(job(kind="code_sheet", lines=many), "a6").texts]
    listed = sum(value.startswith("Ürün") for value in shown)
    assert listed > 3
    assert f"+ {20 - listed} satır daha / more lines" in shown


def test_digits_take_half_a_symbol() -> None:
    """Code 128 packs pairs of digits, so a numeric code is drawn wider and reads from further away."""
    assert bars("1840392775").modules < bars("ABCDEFGHIJ").modules


def test_a_qr_code_keeps_every_dark_module() -> None:
    """Merging modules into rectangles loses and adds none: the areas add up."""
    path = matrix("https://iade.example.com/r/1")
    rectangles = [row.split() for row in path.operators.splitlines()[:-1]]
    area = sum(int(width) * int(height) for _, _, width, height, _ in rectangles)
    assert 0.4 < area / path.modules**2 < 0.6
    cells = {
        (int(x) + dx, int(y) + dy)
        for x, y, width, height, _ in rectangles
        for dx in range(int(width))
        for dy in range(int(height))
    }
    assert len(cells) == area


def test_letters_stand_as_far_apart_as_the_font_says() -> None:
    """A PDF tells of each letter the advance width that the text was laid out with."""
    printed = job()
    page = pypdfium2.PdfDocument(labels.render([printed], "a6"))[0].get_textpage()
    first, count = page.search(printed.rma_number).get_next()
    boxes = [page.get_charbox(place, loose=True) for place in range(first, first + count)]
    wide = [right - left for left, _, right, _ in boxes]
    size = sum(wide) / text.ems(printed.rma_number, text.BOLD)
    assert wide == pytest.approx([size * text.ems(letter, text.BOLD) for letter in printed.rma_number], rel=0.02)
