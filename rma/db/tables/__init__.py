"""Every table, with one comment each. The row is the truth of a thing's state; ``events`` is the proof.

Personal data stands only in the columns that the classes of record hold (``rma.domain.retention``): erasure rewrites
these and nothing else. Hashed event bodies point into ``personal``.
"""

from __future__ import annotations

from sqlmodel import SQLModel

from rma.db.tables.base import Ranges, table
from rma.db.tables.cases import Evidence, Feedback, Link, Message, Return, ReturnLine, Withdrawal
from rma.db.tables.goods import Inspection, Parcel, ParcelEvent, Receipt, Replacement, Unexpected
from rma.db.tables.log import Attempt, Cursor, Deadline, Event, IdempotencyKey, Personal, Seal
from rma.db.tables.money import Payment, Refund, Transfer
from rma.db.tables.privacy import Destruction, PrivacyRequest, Restricted
from rma.db.tables.shop import Key, Order, Policy, Product, Store, Workflow

metadata = SQLModel.metadata

__all__ = [
    "Attempt",
    "Cursor",
    "Deadline",
    "Destruction",
    "Event",
    "Evidence",
    "Feedback",
    "IdempotencyKey",
    "Inspection",
    "Key",
    "Link",
    "Message",
    "Order",
    "Parcel",
    "ParcelEvent",
    "Payment",
    "Personal",
    "Policy",
    "PrivacyRequest",
    "Product",
    "Ranges",
    "Receipt",
    "Refund",
    "Replacement",
    "Restricted",
    "Return",
    "ReturnLine",
    "Seal",
    "Store",
    "Transfer",
    "Unexpected",
    "Withdrawal",
    "Workflow",
    "metadata",
    "table",
]
