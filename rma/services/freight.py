"""What a customer paid to send goods back: proposed to them once the goods are accepted, where the store pays the way.

By law that is the seller for goods it answers for (Law 6502 m.11/1-c, SGD 14(1)) and in Türkiye for a withdrawal by the
named carrier, or by any where none is named (MSY m.12/5); else it is whoever the store's policy says. It is a refund of
its own, so that the price of the goods waits neither for an account nor for a look at the receipt.
"""

from __future__ import annotations

from typing import Any

from rma.domain import units
from rma.domain.asks import Settlement
from rma.domain.components import Component, Kind
from rma.domain.tenders import TRANSFER, Transfer
from rma.services.case import Case, Line
from rma.services.line_effects import ranges
from rma.services.transition import Door

_KIND: Kind = "return_freight"
OWN = "own_carrier"


def claim(case: Case, *, parcel: str, amount: int, named: bool, by: str | None) -> None:
    """Remember what the customer paid for a parcel, in minor units; ``by`` recorded it for them (None: themselves).

    ``named``: it went by a carrier that the store named for the way back.
    """
    one = {"parcel": parcel, "amount": amount, "named": named, "by": by, "used": False}
    case.facts(freight=[*case.fact("freight", []), one])


def customer_pays(ways: Any) -> list[str]:
    """The ways back of a decided line that the customer pays: kept with the line."""
    return [way.name for way in ways if way.paid_by == "customer"]


def take(door: Door, case: Case) -> list[tuple[Settlement, list[str]]]:
    """Freight that is owed and in no proposal yet, with who recorded it; taking it marks it as used."""
    claims = case.fact("freight", [])
    if all(one["used"] for one in claims):
        return []
    parcels = {parcel.id: parcel.row for parcel in door.children("parcel")}
    owed = {one["parcel"] for one in claims if not one["used"] and _owes(case, parcels[one["parcel"]], one)}
    if owed:
        case.facts(freight=[{**one, "used": True} if one["parcel"] in owed else one for one in claims])
    return [(_settlement(one), [one["by"]] if one["by"] is not None else []) for one in claims if one["parcel"] in owed]


def open_again(case: Case, components: list[dict[str, Any]]) -> None:
    """The freight of a proposal that is gone may enter the next one."""
    gone = {component.get("ref") for component in components if component["kind"] == _KIND}
    claims = case.fact("freight", [])
    if gone and claims:
        case.facts(freight=[{**one, "used": False} if one["parcel"] in gone else one for one in claims])


def _owes(case: Case, parcel: dict[str, Any], one: dict[str, Any]) -> bool:
    """Whether something in the parcel was accepted whose way back the store pays."""
    inside = {item["line_id"] for item in parcel["lines"]} or {line.id for line in case.lines}
    return parcel["state"] != "void" and any(
        line.id in inside
        and units.count(ranges(line, "accepted_units")) > 0
        and _store_pays(line, parcel["method"], named=one["named"])
        for line in case.lines
    )


def _store_pays(line: Line, method: str, *, named: bool) -> bool:
    """Whether the store pays this way; the customer's own parcel by a named carrier counts as a way of the store."""
    theirs = line.doc.get("customer_pays")
    if theirs is None:  # filed by a program that kept the payer of the way that was filed alone
        return bool(line.doc.get("paid_by", "store") == "store")
    ways = [way for way in line.doc.get("methods", []) if way != OWN] if method == OWN and named else []
    return any(way not in theirs for way in (*ways, method))


def _settlement(one: dict[str, Any]) -> Settlement:
    amount = one["amount"]
    component = Component(kind=_KIND, net=amount, tax=0, gross=amount, why=_KIND, ref=one["parcel"])
    transfer = Transfer(tender=TRANSFER, amount=amount)
    return Settlement(
        components=(component,), total=amount, owed=amount, transfers=(transfer,), flags=("needs_payout",)
    )
