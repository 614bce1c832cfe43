"""The returns of the Turkish store, one for each thing that can happen to a return."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from rma.demo.plan import Manner


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """One order and its return.

    ``ordered_before`` and ``days_after`` are calendar days: ordered so long before the story's last Sunday, filed so
    long after the delivery. ``bought`` is (sku, quantity), ``back`` is (order line, quantity), ``wanted`` the sku that
    should come instead. ``bank`` tells the offline payment provider how to behave: what stands after the ``#`` of the
    payment reference.
    """

    title: str
    ordered_before: int
    days_after: int
    bought: tuple[tuple[str, int], ...]
    back: tuple[tuple[str, int], ...]
    manner: Manner | None = None
    wanted: str | None = None
    coupon: Decimal | None = None
    gift_card: Decimal | None = None
    bank: str = ""


RETURNS = (
    Scene(
        title="withdrawal-inside-the-window", ordered_before=40, days_after=4,
        bought=(("TS-KRM-M", 3), ("CAY-SET-6", 1)), back=(("1", 1),), coupon=Decimal("50.00"),
        manner=Manner(kind="withdrawal", reason="changed_mind", note="Fazla almışım.", score=5,
                      comment="Çok kolaydı, param hemen geldi."),
    ),
    Scene(
        title="voluntary-after-the-window", ordered_before=52, days_after=22,
        bought=(("NVR-CFT", 1), ("HVL-BYZ-4", 1)), back=(("2", 1),),
        manner=Manner(reason="not_as_expected", note="Rengi salonuma uymadı.", grade="B", disposition="restock_b",
                      score=4, comment="Teşekkürler."),
    ),
    Scene(
        title="far-too-late", ordered_before=55, days_after=45, bought=(("LMB-MASA", 1),), back=(("1", 1),),
        manner=Manner(reason="changed_mind", note="Artık ihtiyacım yok."),
    ),
    Scene(
        title="damaged-with-photo", ordered_before=35, days_after=1, bought=(("CAY-SET-6", 2), ("KHV-CEZVE", 1)),
        back=(("1", 1),),
        manner=Manner(kind="damaged", reason="damaged", note="Bardaklardan ikisi kırık geldi.", grade="C",
                      disposition="recycle", score=4, comment="Kırılan bardaklar için hemen ödeme yaptınız."),
    ),
    Scene(
        title="even-exchange-of-a-size", ordered_before=38, days_after=3, bought=(("TS-KRM-M", 2),), back=(("1", 1),),
        wanted="TS-KRM-L",
        manner=Manner(kind="voluntary", reason="too_small", note="Bir beden büyüğünü istiyorum.", outcome="exchange",
                      score=5, comment="Yeni beden tam oldu."),
    ),
    Scene(
        title="uneven-exchange-customer-pays", ordered_before=37, days_after=2, bought=(("GML-MAV-M", 1),),
        back=(("1", 1),), wanted="ELB-YSL-38",
        manner=Manner(reason="changed_mind", note="Gömlek yerine elbise alayım.", outcome="exchange", score=5),
    ),
    Scene(
        title="uneven-exchange-customer-gets-back", ordered_before=33, days_after=5, bought=(("AYK-SYH-42", 1),),
        back=(("1", 1),), wanted="CNT-SRT",
        manner=Manner(reason="changed_mind", outcome="exchange", score=4, comment="Fark aynı hafta yattı."),
    ),
    Scene(
        title="store-credit", ordered_before=31, days_after=9, bought=(("CNT-SRT", 1), ("OYN-AHSAP", 1)),
        back=(("2", 1),),
        manner=Manner(reason="unwanted_gift", note="Aynısından varmış.", outcome="store_credit", score=4),
    ),
    Scene(
        title="final-sale-by-choice", ordered_before=45, days_after=20, bought=(("KZK-GRI-M", 1),), back=(("1", 1),),
        manner=Manner(reason="changed_mind", note="Fikrimi değiştirdim."),
    ),
    Scene(
        title="final-sale-but-the-law-holds", ordered_before=30, days_after=6, bought=(("KZK-GRI-M", 1),),
        back=(("1", 1),), manner=Manner(kind="withdrawal", reason="changed_mind", score=5),
    ),
    Scene(
        title="large-refund-two-people", ordered_before=29, days_after=7, bought=(("SPR-ROBOT", 1),), back=(("1", 1),),
        manner=Manner(kind="withdrawal", reason="not_as_expected", note="Halıda çok gürültülü.", score=3,
                      comment="İade güzeldi ama onay biraz uzun sürdü."),
    ),
    Scene(
        title="defective-headphones", ordered_before=34, days_after=16, bought=(("KLK-BLT", 1), ("SRJ-20000", 1)),
        back=(("1", 1),),
        manner=Manner(kind="defective", reason="defective", note="Sağ kulaklıktan ses gelmiyor.", grade="C",
                      disposition="return_to_vendor", score=4),
    ),
    Scene(
        title="wrong-item", ordered_before=28, days_after=1, bought=(("AYK-SYH-43", 1),), back=(("1", 1),),
        wanted="AYK-SYH-43",
        manner=Manner(kind="wrong_item", reason="wrong_item", note="42 numara gönderilmiş.", outcome="exchange",
                      score=3, comment="Doğrusu geldi, yine de bir hafta kaybettim."),
    ),
    Scene(
        title="part-now-the-rest-later", ordered_before=27, days_after=5, bought=(("HVL-BYZ-4", 3),), back=(("1", 3),),
        manner=Manner(kind="withdrawal", reason="too_many", note="Birini sonra yollayacağım.", late_units=1, score=5),
    ),
    Scene(
        title="used-goods-sent-back", ordered_before=36, days_after=18, bought=(("TVA-DKM-28", 1),), back=(("1", 1),),
        manner=Manner(reason="changed_mind", verdict="reject", disposition="send_back", grade="C",
                      finding="Tava kullanılmış, yağ yanığı var.", score=1, comment="Tavamı geri yolladılar."),
    ),
    Scene(
        title="worn-shoes-less-money", ordered_before=32, days_after=18, bought=(("BOT-KHV-39", 1),), back=(("1", 1),),
        manner=Manner(reason="too_small", verdict="part", deduction="15", grade="B",
                      disposition="restock_b", finding="Taban dışarıda giyilmiş.", score=2,
                      comment="Kesintiyi beklemiyordum ama nedenini yazmışlar."),
    ),
    Scene(
        title="two-tenders", ordered_before=26, days_after=3, bought=(("CYD-PSLM", 1), ("CAY-SET-6", 1)),
        back=(("1", 1),), gift_card=Decimal("500.00"),
        manner=Manner(kind="withdrawal", reason="changed_mind", method="printed_label", score=5),
    ),
    Scene(
        title="bank-refuses-once", ordered_before=24, days_after=6, bought=(("LMB-MASA", 1), ("HVL-BYZ-4", 1)),
        back=(("1", 1),), bank="fail:insufficient_funds,succeed",
        manner=Manner(kind="withdrawal", reason="not_as_expected", note="Işığı çok soğuk.", score=4,
                      comment="Para bir gün geç geldi, sorun değil."),
    ),
    Scene(
        title="bank-takes-its-time", ordered_before=23, days_after=4, bought=(("OYN-AHSAP", 2),), back=(("1", 1),),
        bank="pending:1", manner=Manner(kind="withdrawal", reason="too_many", score=5),
    ),
    Scene(
        title="book-without-tax", ordered_before=25, days_after=10, bought=(("KTP-TUTUN", 2),), back=(("1", 1),),
        manner=Manner(kind="withdrawal", reason="unwanted_gift", note="Hediye gelmiş, iki tane oldu."),
    ),
    Scene(
        title="bank-gives-no-answer", ordered_before=22, days_after=5, bought=(("CYD-PSLM", 1),), back=(("1", 1),),
        bank="timeout-after",
        manner=Manner(kind="withdrawal", reason="not_as_expected", note="Mutfağıma büyük geldi.", score=5),
    ),
)  # fmt: skip
