"""Goods, people and places of the Turkish store. Nobody here exists."""

from __future__ import annotations

import msgspec


class Goods(msgspec.Struct, frozen=True):
    """One article; ``price`` is in TRY with tax inside, ``tax_rate`` in percent."""

    sku: str
    name: str
    category: str
    price: str
    tax_rate: str
    variant_of: str | None = None
    tags: tuple[str, ...] = ()


class Person(msgspec.Struct, frozen=True):
    """An invented customer; ``city`` is an index into :data:`CITIES`."""

    reference: str
    name: str
    city: int
    street: str
    door: int
    mail_ok: bool


GOODS = (
    Goods("TS-KRM-S", "Kırmızı pamuklu tişört S", "apparel", "449.90", "10", "TS-KRM"),
    Goods("TS-KRM-M", "Kırmızı pamuklu tişört M", "apparel", "449.90", "10", "TS-KRM"),
    Goods("TS-KRM-L", "Kırmızı pamuklu tişört L", "apparel", "449.90", "10", "TS-KRM"),
    Goods("GML-MAV-M", "Mavi keten gömlek M", "apparel", "1249.90", "10", "GML-MAV"),
    Goods("GML-MAV-L", "Mavi keten gömlek L", "apparel", "1249.90", "10", "GML-MAV"),
    Goods("ELB-YSL-38", "Yeşil çiçekli elbise 38", "apparel", "1899.00", "10", "ELB-YSL"),
    Goods("ELB-YSL-40", "Yeşil çiçekli elbise 40", "apparel", "1899.00", "10", "ELB-YSL"),
    Goods("AYK-SYH-42", "Siyah yürüyüş ayakkabısı 42", "shoes", "2799.00", "10", "AYK-SYH"),
    Goods("AYK-SYH-43", "Siyah yürüyüş ayakkabısı 43", "shoes", "2799.00", "10", "AYK-SYH"),
    Goods("BOT-KHV-39", "Kahverengi süet bot 39", "shoes", "3499.00", "10", "BOT-KHV"),
    Goods("KZK-GRI-M", "Gri yün kazak M", "apparel", "999.90", "10", "KZK-GRI", ("final-sale",)),
    Goods("CAY-SET-6", "İnce belli çay bardağı, 6'lı", "kitchen", "329.90", "20"),
    Goods("CYD-PSLM", "Paslanmaz çelik çaydanlık", "kitchen", "1649.00", "20"),
    Goods("TVA-DKM-28", "Döküm tava 28 cm", "kitchen", "1290.00", "20"),
    Goods("KHV-CEZVE", "Bakır cezve", "kitchen", "549.00", "20"),
    Goods("HVL-BYZ-4", "Beyaz havlu seti, 4'lü", "home", "879.00", "10"),
    Goods("NVR-CFT", "Çift kişilik nevresim takımı", "home", "1799.00", "10"),
    Goods("LMB-MASA", "Masa lambası, ayarlanabilir", "home", "749.00", "20"),
    Goods("SPR-ROBOT", "Robot süpürge", "electronics", "18999.00", "20"),
    Goods("KLK-BLT", "Kablosuz kulaklık", "electronics", "2499.00", "20"),
    Goods("SRJ-20000", "Taşınabilir şarj cihazı 20.000 mAh", "electronics", "1199.00", "20"),
    Goods("KTP-TUTUN", "Tutunamayanlar, ciltli", "books", "420.00", "0"),
    Goods("OYN-AHSAP", "Ahşap yapı blokları, 60 parça", "toys", "689.00", "20"),
    Goods("CNT-SRT", "Sırt çantası, su geçirmez", "bags", "1590.00", "20"),
)
CITIES = (
    ("İstanbul", "34710", "Caferağa"),
    ("Ankara", "06690", "Kavaklıdere"),
    ("İzmir", "35220", "Alsancak"),
    ("Bursa", "16050", "Çekirge"),
    ("Antalya", "07160", "Işıklar"),
    ("Eskişehir", "26120", "Hoşnudiye"),
    ("Trabzon", "61030", "Beşirli"),
    ("Gaziantep", "27060", "İncilipınar"),
    ("Muğla", "48400", "Gümbet"),
    ("Şanlıurfa", "63100", "Bahçelievler"),
)
PEOPLE = (
    Person("ayse-yilmaz", "Ayşe Yılmaz", 0, "Papatya", 12, mail_ok=True),
    Person("mehmet-kaya", "Mehmet Kaya", 1, "Kuğulu", 4, mail_ok=False),
    Person("zeynep-sahin", "Zeynep Şahin", 2, "Gül", 31, mail_ok=True),
    Person("mustafa-ozturk", "Mustafa Öztürk", 3, "Çınar", 8, mail_ok=True),
    Person("elif-celik", "Elif Çelik", 4, "Deniz", 17, mail_ok=False),
    Person("ibrahim-dogan", "İbrahim Doğan", 5, "Söğüt", 22, mail_ok=True),
    Person("fatma-aydin", "Fatma Aydın", 6, "Fındık", 5, mail_ok=True),
    Person("huseyin-arslan", "Hüseyin Arslan", 7, "Fıstık", 9, mail_ok=False),
    Person("gulsen-kurt", "Gülşen Kurt", 8, "Begonvil", 3, mail_ok=True),
    Person("omer-tas", "Ömer Taş", 9, "Balıklı", 14, mail_ok=True),
    Person("sukran-isik", "Şükran Işık", 0, "Leylak", 40, mail_ok=False),
    Person("cagri-gunes", "Çağrı Güneş", 1, "Tunalı", 66, mail_ok=True),
    Person("irem-yildiz", "İrem Yıldız", 2, "Kordon", 2, mail_ok=True),
    Person("ugur-bulut", "Uğur Bulut", 3, "İpek", 19, mail_ok=True),
    Person("nilufer-aksoy", "Nilüfer Aksoy", 4, "Portakal", 27, mail_ok=False),
    Person("kagan-erdogdu", "Kağan Erdoğdu", 5, "Porsuk", 11, mail_ok=True),
    Person("ozge-simsek", "Özge Şimşek", 6, "Çay", 53, mail_ok=True),
    Person("baris-tekin", "Barış Tekin", 7, "Bakır", 7, mail_ok=False),
    Person("selin-korkmaz", "Selin Korkmaz", 8, "Yakamoz", 36, mail_ok=True),
    Person("tugba-ince", "Tuğba İnce", 9, "Nar", 21, mail_ok=True),
    Person("yigit-polat", "Yiğit Polat", 0, "Erguvan", 15, mail_ok=True),
    Person("sevgi-cetin", "Sevgi Çetin", 1, "Menekşe", 10, mail_ok=False),
)
