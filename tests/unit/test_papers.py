"""The damage report and the evidence summary: everything on the page, nothing over anything else, the same bytes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from itertools import combinations

import msgspec
import pypdfium2
import pytest
from PIL import Image

from rma.domain.labels import Locale
from rma.domain.papers import DamageReport, EvidenceFile, EvidenceSummary, Printer, Shipment
from rma.providers import labels
from rma.providers.labels import damage, layout, summary, words
from rma.providers.labels.marks import MM, Page
from tests.support.labels import CUSTOMER, LINES, SHOP, longest, read, scan

PRINTER: Printer = labels
"""The module itself is the printer; mypy holds the two together."""
LINK = "https://iade.example.com/cinaralti/r/K7QM-2XWB-9D"
AT = datetime(2026, 11, 6, 8, 30, tzinfo=UTC)
REPORT = DamageReport(
    locale="tr",
    rma_number="K7QM-2XWB-9D",
    order_number="100245",
    store_name="Çınaraltı Giyim",
    sender=SHOP,
    recipient=CUSTOMER,
    lines=LINES,
    carrier="Yurtiçi Kargo",
    tracking="7300412285519",
    delivered_on=date(2026, 11, 5),
    link=LINK,
    law="TR",
)
LOCALES: list[Locale] = ["tr", "en", "de"]


def _file(number: int, *, photo: bool = True) -> EvidenceFile:
    out = BytesIO()
    Image.new("RGB", (90, 60), "red").save(out, "JPEG")
    return EvidenceFile(
        name=f"files/K7QM-2XWB-9D-{number:02d}.jpg", kind="photo" if photo else "carrier_damage_report", by="customer",
        added_at=AT, size=123_456, sha256=f"{number:064x}", about="Kırmızı tişört M", note="Köşesi ezilmiş",
        picture=out.getvalue() if photo else None,
    )  # fmt: skip


SUMMARY = EvidenceSummary(
    locale="tr",
    timezone="Europe/Istanbul",
    rma_number="K7QM-2XWB-9D",
    order_number="100245",
    store_name="Çınaraltı Giyim",
    kind="damaged",
    state="İnceleniyor",
    filed_at=AT,
    lines=LINES,
    shipments=(Shipment(direction="inbound", state="Yolda", carrier="Aras", number="73004", handed_over_at=AT),),
    files=(_file(1), _file(2, photo=False)),
    events=14,
    head="f3" * 32,
)


def _longest_report(locale: Locale) -> DamageReport:
    job = longest()
    return msgspec.structs.replace(
        REPORT, locale=locale, rma_number=job.rma_number, order_number=job.order_number, carrier=job.carrier,
        tracking=job.code * 4, sender=job.sender, recipient=job.recipient, lines=job.lines, link=job.return_link,
    )  # fmt: skip


def _longest_summary(locale: Locale) -> EvidenceSummary:
    job = longest()
    file = msgspec.structs.replace(_file(1), about=job.carrier, note=job.carrier * 4, name=job.carrier)
    return msgspec.structs.replace(
        SUMMARY, locale=locale, rma_number=job.rma_number, store_name=job.store_name, state=job.carrier,
        lines=job.lines, files=(file,) * 20, shipments=SUMMARY.shipments * 30, order_number=job.order_number,
    )  # fmt: skip


def _tidy(page: Page) -> None:
    """Everything lies on the page; texts, codes with their quiet zones and pictures keep clear of one another."""
    texts = [mark.ink for mark in page.texts if mark.value]
    places = [*texts, *(code.free for code in page.codes), *(picture.region for picture in page.pictures)]
    assert all(page.region.holds(place) for place in places)
    assert [pair for pair in combinations(places, 2) if pair[0].overlaps(pair[1])] == []
    assert not [code for code in page.codes for fill in page.fills if code.free.overlaps(fill)]


def _form(report: DamageReport) -> Page:
    page = Page(width=layout.SIZES["a4"][0], height=layout.SIZES["a4"][1])
    damage.page(page, page.region.inset(15 * MM, 12 * MM), report)
    return page


@pytest.mark.parametrize("locale", LOCALES)
def test_the_form_stays_tidy_whatever_it_is_filled_with(locale: Locale) -> None:
    """The shortest and the longest values leave every text readable in its own place, in every language."""
    empty = msgspec.structs.replace(
        REPORT, locale=locale, carrier="", tracking="", delivered_on=None, link="", lines=()
    )
    for report in (msgspec.structs.replace(REPORT, locale=locale), empty, _longest_report(locale)):
        _tidy(_form(report))


@pytest.mark.parametrize("locale", LOCALES)
def test_the_summary_stays_tidy_whatever_it_holds(locale: Locale) -> None:
    """So does every page of the summary, from no file at all to twenty with long notes."""
    empty = msgspec.structs.replace(SUMMARY, locale=locale, files=(), shipments=(), lines=())
    for found in (msgspec.structs.replace(SUMMARY, locale=locale), empty, _longest_summary(locale)):
        for page in summary.pages(*layout.SIZES["a4"], found):
            _tidy(page)


def test_the_form_is_one_page_in_the_stores_language_and_in_english() -> None:
    """Courier and customer read the same form; its codes scan."""
    pdf = labels.damage_report(REPORT)
    [text] = read(pdf)
    wanted = ("HASAR TESPİT TUTANAĞI", "DAMAGE REPORT", "Ayşe Gülşah Yılmaz", "5 Kasım 2026", "Teslim alınmadı")
    assert [word for word in wanted if word not in text] == []
    assert scan(pdf) == [[("Code 128", "K7QM-2XWB-9D"), ("QR Code", LINK)]]


@pytest.mark.parametrize("number", ["5584-ZGRF-4R", "WMWM-WMWM-WM", "2345-6789-23"])
def test_the_form_can_be_scanned_also_when_it_was_scaled_a_little(number: str) -> None:
    """Bars of three dots: whole dots of a printer are no whole dots once A4 is fitted to its paper."""
    [codes] = scan(PRINTER.damage_report(msgspec.structs.replace(REPORT, rma_number=number)))
    assert number in {text for _, text in codes}


def test_the_limits_of_the_turkish_code_stand_on_turkish_forms_only() -> None:
    """A store elsewhere does not tell of TTK; the customer's own rights stand on every form."""
    english = msgspec.structs.replace(REPORT, locale="en", law="")
    assert "889" in read(labels.damage_report(REPORT))[0]
    [text] = read(labels.damage_report(english))
    assert "889" not in text
    assert "Your rights against the seller do not depend on it" in text


def test_the_summary_shows_every_file_with_its_whole_hash_and_the_photos() -> None:
    """Twenty files take as many pages as they need; each hash can be read, photos are on pages of their own."""
    files = tuple(_file(number, photo=number % 4 != 0) for number in range(1, 21))
    pdf = labels.evidence_summary(msgspec.structs.replace(SUMMARY, files=files))
    text = " ".join(read(pdf))
    assert [file.sha256 for file in files if file.sha256 not in text] == []
    document = pypdfium2.PdfDocument(pdf)
    pictures = [len(list(page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]))) for page in document]
    assert pictures == [0, 0, 4, 4, 4, 3]


def test_instants_are_told_in_the_time_of_the_case() -> None:
    """Half past eight in UTC is half past eleven in Istanbul."""
    assert "6 Kas 2026 11:30" in read(labels.evidence_summary(SUMMARY))[0]


def test_the_same_values_give_the_same_bytes() -> None:
    """Form and summary depend on what they say alone, pictures included."""
    assert labels.damage_report(REPORT) == labels.damage_report(msgspec.structs.replace(REPORT))
    assert labels.evidence_summary(SUMMARY) == labels.evidence_summary(msgspec.structs.replace(SUMMARY))


def test_every_word_is_there_in_every_language() -> None:
    """No paper is half translated."""
    assert [key for key, texts in words.WORDS.items() if set(texts) != {"tr", "en", "de"}] == []
    assert [key for key, texts in words.WORDS.items() if not all(texts.values())] == []
