"""A shop with real orders and returns in this process; durable acts are carried out when a test says so."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import msgspec
import sqlalchemy as sa
from PIL import Image

from rma.db import tables
from rma.db.session import now
from rma.domain.strict import convert
from rma.services import filing, label_acts, orders, parcels, stores
from rma.services.caller import SCOPES, Caller
from rma.services.context import Services
from rma.services.filing import FileReturn
from rma.services.parcels import NewParcel
from rma.services.stores import NewStore, ReturnAddress
from tests.support.snapshots import Json, line, money, snapshot

ADDRESS = ReturnAddress(
    id="depo",
    name="Çınar İade Deposu",
    line1="İkitelli OSB 88",
    city="İstanbul",
    postcode="34490",
    country="TR",
    default=True,
)
_attempts = tables.table(tables.Attempt)
_acts = {"issue_label": label_acts.issue_label, "void_label": label_acts.void_label}


class Desk:
    """A Turkish store of its own. ``caller`` may do everything there."""

    def __init__(self, services: Services, *, slug: str = "cinar", **store: Any) -> None:
        self.services = services
        services.effects.prepare()
        wish = NewStore(
            slug=slug, country="TR", timezone="Europe/Istanbul", currency="TRY", locale="tr",
            **{"name": "Çınar Butik", "test_mode": True, "return_addresses": [ADDRESS], **store},
        )  # fmt: skip
        with services.database.write() as work:
            self.store_id = stores.create(work, wish).id
        self.caller = Caller(
            store_id=self.store_id, store_slug=slug, key_id="key_test", scopes=frozenset(SCOPES), locale="tr"
        )

    def order(self, number: str = "1001", **changes: Any) -> str:
        """Take an order of three shirts that were delivered."""
        at = {"ordered_at": _ago(9), "withdrawal_information_given_at": _ago(9)}
        came: Json = {"id": "d1", "delivered_at": _ago(3), "carrier": "yurtici", "tracking": "7300", "lines": []}
        came["lines"] = [{"id": "1", "quantity": 3}]
        paid: Json = {"id": "p1", "tender": "card", "provider": "offline", "reference": "pi_1", "captured_at": _ago(9)}
        paid["captured"] = money("329.90")
        body = at | {"lines": [line()], "promotions": [], "payments": [paid], "deliveries": [came]} | changes
        body = snapshot(**{"total": money("329.90"), **body})
        orders.put(self.services, self.caller, number, msgspec.json.encode(body))
        return number

    def file(self, number: str = "1001", *, quantity: int = 1, **changes: Any) -> Json:
        """File a return of so many shirts; what the filing answered."""
        wanted = {"order_line_id": "1", "quantity": quantity} | changes.pop("line", {})
        body = {"order_number": number, "lines": [wanted], "method": "printed_label"} | changes
        asked = convert(body, FileReturn)
        with self.services.database.write() as work:
            filed = filing.file(work, self.services, self.caller, asked, locale="tr")
        answer: Json = msgspec.json.decode(msgspec.json.encode(filed))
        return answer

    def parcel(self, filed: Json, method: str = "printed_label", **more: Any) -> str:
        """Announce a parcel of a return; its id."""
        with self.services.database.write() as work:
            data = convert({"method": method} | more, NewParcel)
            return str(parcels.create(work, self.services, self.caller, filed["id"], data)["id"])

    def void(self, filed: Json, parcel_id: str) -> None:
        """Cancel a parcel."""
        with self.services.database.write() as work:
            parcels.void(work, self.services, self.caller, parcel_id, filed["id"])

    def run(self) -> None:
        """Carry out every act for labels of the store that has no final answer, once."""
        left = (_attempts.c.store_id == self.store_id, _attempts.c.state != "done")
        with self.services.database.read() as work:
            keys = list(work.conn.execute(sa.select(_attempts.c.id).where(*left)).scalars())
        for key in sorted(keys):
            act = _acts.get(key.rpartition(":")[2])
            if act is not None:
                act(self.services, key)

    def row(self, table: type[Any], row_id: str) -> Any:
        """A row by its id."""
        named = tables.table(table)
        with self.services.database.read() as work:
            return work.conn.execute(sa.select(named).where(named.c.id == row_id)).one()

    def change(self, table: type[Any], row_id: str, **values: Any) -> None:
        """Change a row behind the program's back."""
        named = tables.table(table)
        with self.services.database.write() as work:
            work.conn.execute(sa.update(named).where(named.c.id == row_id).values(**values))

    def events(self, filed: Json) -> list[tuple[str, Json]]:
        """The events of a return with their data, oldest first."""
        named = tables.table(tables.Event)
        with self.services.database.read() as work:
            wanted = sa.select(named.c.type, named.c.body).where(named.c.stream == filed["id"]).order_by(named.c.n)
            return [(row.type, msgspec.json.decode(row.body)["data"]) for row in work.conn.execute(wanted)]


def _ago(days: int) -> str:
    """An instant so many days ago."""
    return (now() - timedelta(days=days)).isoformat()


def photo(color: str = "red", kind: str = "JPEG", *, size: tuple[int, int] = (64, 48), **how: Any) -> bytes:
    """A small picture."""
    out = BytesIO()
    Image.new("RGB", size, color).save(out, kind, **how)
    return out.getvalue()
