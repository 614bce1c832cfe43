"""Jobs to print and what a scanner and a reader make of the print."""

from __future__ import annotations

from datetime import date

import msgspec
import pypdfium2
import zxingcpp

from rma.domain.labels import LabelJob, PackLine
from rma.domain.ports import Address

DPI = 203
LINK = "https://iade.example.com/cinaralti-giyim/r/Zk3xv9QmT2rWc7Yb5NpL1g"
CUSTOMER = Address(
    name="Ayşe Gülşah Yılmaz",
    line1="Çınaraltı Mah. Şehit Öğretmen Sok. No: 14/3",
    city="Kadıköy / İstanbul",
    postcode="34710",
    country="TR",
    phone="+90 555 111 22 33",
    email="ayse@example.com",
)
SHOP = Address(
    name="Çınaraltı Giyim İade Deposu",
    line1="İkitelli OSB, Güneşli Yolu Cad. No: 88",
    line2="B Blok Kapı 4",
    city="Başakşehir / İstanbul",
    postcode="34490",
    country="TR",
)
LINES = (
    PackLine(line_code="R7K2M9QX-1", name="Kırmızı tişört M", sku="TS-RED-M", quantity=1),
    PackLine(line_code="R7K2M9QX-2", name="Çizgili gömlek, uzun kollu", sku="GM-STRIPE-L", quantity=2),
)
JOB = LabelJob(
    kind="carrier_label",
    locale="tr",
    rma_number="R7K2-M9QX",
    return_link=LINK,
    carrier="Boğaziçi Kargo",
    code="BK7300412285519",
    expires_on=date(2026, 12, 12),
    store_name="Çınaraltı Giyim",
    sender=CUSTOMER,
    recipient=SHOP,
    lines=LINES,
    order_number="100245",
)


def job(**changes: object) -> LabelJob:
    """The usual job with some fields changed; outbound turns sender and recipient round."""
    if changes.get("direction") == "outbound":
        changes = {"sender": SHOP, "recipient": CUSTOMER, "expires_on": None} | changes
    return msgspec.structs.replace(JOB, **changes)


def longest() -> LabelJob:
    """A job in which every text is far too long and every code as long as allowed."""
    words = "Uzunşehirlioğulları İğdır Çöğüşü " * 12
    address = Address(name=words, line1=words, line2=words, city=words, postcode="34710" * 9, country="TR", phone=words)
    return job(
        rma_number="R7K2M9QXWMWMWMWM",
        code="YKAWMQ7300412WMQZBX285519XYZ",
        carrier=words,
        store_name=words,
        order_number="1002450" * 12,
        return_link=(LINK * 4)[:250],
        sender=address,
        recipient=address,
        parcel=111,
        parcels=222,
        lines=tuple(
            PackLine(line_code=f"R7K2M9QXWMWMWMWM-WMQZ-{index:02d}", name=words, sku="SKU-" * 40, quantity=19152)
            for index in range(40)
        ),
    )


def scan(pdf: bytes) -> list[list[tuple[str, str]]]:
    """What a scanner reads on each page as it leaves a 203 dpi printer: pairs of kind of code and content, sorted."""
    document = pypdfium2.PdfDocument(pdf)
    return [sorted((str(code.format), code.text) for code in zxingcpp.read_barcodes(_print(page))) for page in document]


def _print(page: pypdfium2.PdfPage) -> object:
    """Black or white dots, nothing between: a thermal printer knows no gray."""
    dots = page.render(scale=DPI / 72, grayscale=True).to_pil()
    return dots.point(lambda level: 255 if level > 127 else 0)


def read(pdf: bytes) -> list[str]:
    """The text of each page on one line."""
    document = pypdfium2.PdfDocument(pdf)
    return [" ".join(page.get_textpage().get_text_range().split()) for page in document]
