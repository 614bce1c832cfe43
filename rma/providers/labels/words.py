"""The words on labels in tr, en and de. A label shows the store's language first and English beside it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from babel import Locale
from babel.dates import format_date

from rma.providers.labels.paper_words import PAPER_WORDS

WORDS: dict[str, dict[str, str]] = {
    **PAPER_WORDS,
    "return": {"tr": "İADE", "en": "RETURN", "de": "RETOURE"},
    "replacement": {"tr": "DEĞİŞİM", "en": "REPLACEMENT", "de": "ERSATZ"},
    "return_code": {"tr": "İADE KODU", "en": "RETURN CODE", "de": "RÜCKSENDECODE"},
    "shipping_code": {"tr": "GÖNDERİ KODU", "en": "SHIPPING CODE", "de": "VERSANDCODE"},
    "slip": {"tr": "PAKET LİSTESİ", "en": "PACKING SLIP", "de": "PACKZETTEL"},
    "from": {"tr": "Gönderen", "en": "From", "de": "Absender"},
    "to": {"tr": "Alıcı", "en": "To", "de": "Empfänger"},
    "carrier": {"tr": "Kargo", "en": "Carrier", "de": "Versand"},
    "order": {"tr": "Sipariş no", "en": "Order", "de": "Bestellung"},
    "parcel": {"tr": "Koli", "en": "Parcel", "de": "Paket"},
    "page": {"tr": "Sayfa", "en": "Page", "de": "Seite"},
    "items": {"tr": "Adet", "en": "Items", "de": "Stück"},
    "rma": {"tr": "İade numarası", "en": "RMA number", "de": "Retourennummer"},
    "tracking": {"tr": "Kargo takip numarası", "en": "Tracking number", "de": "Sendungsnummer"},
    "show": {
        "tr": "Kargo görevlisine bu kodu gösterin",
        "en": "Show this code to the courier",
        "de": "Diesen Code bei der Abgabe zeigen",
    },
    "last_day": {"tr": "Kargoya son teslim günü", "en": "Hand over by", "de": "Abgeben bis"},
    "pack": {"tr": "Pakete koyun", "en": "Put in the parcel", "de": "Ins Paket legen"},
    "inside": {"tr": "Paketin içindekiler", "en": "In this parcel", "de": "In diesem Paket"},
    "more": {"tr": "satır daha", "en": "more lines", "de": "weitere Positionen"},
    "scan": {"tr": "Karekod: iadenizin durumu", "en": "QR: status of your return", "de": "QR: Stand Ihrer Retoure"},
    "damage": {
        "tr": "Hasarlıysa teslim almayın, görevliye hasar tespit tutanağı tutturun",
        "en": "If damaged, do not accept it and have the courier draw up a damage report",
        "de": "Bei Schäden nicht annehmen und Schadensprotokoll aufnehmen lassen",
    },
    "how": {"tr": "Nasıl gönderilir?", "en": "How to send it", "de": "So geht der Versand"},
    "step_pack": {
        "tr": "Ürünleri ve alttaki paket listesini pakete koyun.",
        "en": "Put the items and the packing slip below in the parcel.",
        "de": "Artikel und den Packzettel unten in das Paket legen.",
    },
    "step_label": {
        "tr": "Etiketi kesip pakete yapıştırın, eski etiketleri çıkarın.",
        "en": "Cut out the label, stick it on the parcel and remove old labels.",
        "de": "Etikett ausschneiden, aufkleben und alte Etiketten entfernen.",
    },
    "step_code": {
        "tr": "Kargo görevlisine soldaki kodu gösterin; etiketi görevli basar.",
        "en": "Show the code on the left to the courier, who prints the label.",
        "de": "Den Code links bei der Abgabe zeigen; das Etikett wird dort gedruckt.",
    },
    "step_hand": {
        "tr": "Paketi teslim edin ve alındı belgesini saklayın.",
        "en": "Hand over the parcel and keep the receipt.",
        "de": "Paket abgeben und den Beleg aufbewahren.",
    },
}


def local(key: str, locale: str) -> str:
    """The word in the store's language."""
    return WORDS[key][locale]


def english(key: str, locale: str) -> str:
    """The word in English; empty where the store's language is English already."""
    return "" if locale == "en" else WORDS[key]["en"]


@lru_cache(maxsize=512)
def both(key: str, locale: str) -> str:
    """The word in the store's language and in English on one line: ``Gönderen / From``."""
    second = english(key, locale)
    return f"{local(key, locale)} / {second}" if second else local(key, locale)


@lru_cache(maxsize=2048)
def day(value: date, locale: str) -> str:
    """A local date with its month in words, which nobody can misread: ``12 Aralık 2026``."""
    return format_date(value, "d MMMM y", locale=locale)


@lru_cache(maxsize=512)
def country(code: str) -> str:
    """The country's name in English, as carriers abroad read it; an unknown code stays as it is."""
    return str(Locale("en").territories.get(code, code))
