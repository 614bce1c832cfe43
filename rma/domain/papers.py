"""What is printed besides labels: the form for damage at the door, and the summary of the evidence of a case.

Plain values. Days are local calendar days, instants are aware, ``timezone`` is where they are read.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

import msgspec

from rma.domain.labels import LabelPrinter, Locale, PackLine
from rma.domain.ports import Address
from rma.domain.withdrawals import Declaration


class DamageReport(msgspec.Struct, frozen=True, kw_only=True):
    """The form that recipient and courier fill in when a parcel arrives damaged (in Türkiye: hasar tespit tutanağı).

    What is not known is empty and stays a blank to write on. ``law`` names the carrier's time limits for claims where
    we know them: ``TR`` (TTK art. 889), else empty. ``link`` becomes the QR code and holds no token.
    """

    locale: Locale
    rma_number: str
    order_number: str
    store_name: str
    sender: Address
    recipient: Address
    lines: tuple[PackLine, ...]
    carrier: str = ""
    tracking: str = ""
    delivered_on: date | None = None
    link: str = ""
    law: str = ""


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel in a summary."""

    direction: str
    state: str
    carrier: str
    number: str
    handed_over_at: datetime | None = None
    delivered_at: datetime | None = None


class EvidenceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in a summary: its name in the pack, what it shall prove, and its hash.

    ``by`` is ``customer`` or ``store``; ``picture`` is a small JPEG to show, None for what is no photo.
    """

    name: str
    kind: str
    by: str
    added_at: datetime
    size: int
    sha256: str
    about: str = ""
    note: str = ""
    picture: bytes | None = None


class EvidenceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A case and its evidence on paper.

    ``state`` is the return's state in words; ``events`` and ``head`` pin its log: how many, and the hash of the last.
    """

    locale: Locale
    timezone: str
    rma_number: str
    order_number: str
    store_name: str
    kind: str
    state: str
    filed_at: datetime
    lines: tuple[PackLine, ...]
    shipments: tuple[Shipment, ...]
    files: tuple[EvidenceFile, ...]
    events: int
    head: str


class WithdrawalReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The acknowledgement of a withdrawal on paper: the whole content of the declaration, its date and its time."""

    locale: Locale
    store_name: str
    timezone: str
    declared_at: datetime
    content: Declaration


class Printer(LabelPrinter, Protocol):
    """Prints labels and every other paper. The same values give the same bytes."""

    def damage_report(self, report: DamageReport) -> bytes:
        """The form for damage at the door: one A4 page."""
        ...

    def evidence_summary(self, found: EvidenceSummary) -> bytes:
        """What an evidence pack holds, with every file's hash and its photos: A4, as many pages as it needs."""
        ...

    def withdrawal_receipt(self, receipt: WithdrawalReceipt) -> bytes:
        """The receipt of a withdrawal: A4, as many pages as its content needs, nothing shortened."""
        ...
