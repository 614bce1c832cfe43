"""Postal addresses for carriers and labels: the customer's and the store's, from whatever the rows hold of them."""

from __future__ import annotations

from typing import Any

import msgspec

from rma.domain.order import Person
from rma.domain.ports import Address
from rma.services.catalog import StoreInfo

_PARTS = ("name", "line1", "line2", "city", "postcode", "phone", "country")


def of_customer(contact: str | None, person: Person | None, *, country: str) -> Address:
    """Where the customer is: the address this return names, else where the order went.

    ``contact`` is the JSON of the return's contact, ``country`` counts where the address names none. What is not
    known, or was erased, is empty.
    """
    given = (msgspec.json.decode(contact) if contact else {}).get("from_address") or {}
    bought = _of_order(person)
    parts = _texts(given) if _texts(given).get("line1") else bought
    name = parts.get("name") or bought.get("name") or (person.name if person else None) or ""
    return _address({**parts, "name": name}, country=country)


def of_store(store: StoreInfo) -> Address:
    """Where returns go: the store's default return address, else its name and country alone."""
    known = _texts(store.address)
    return _address({**known, "name": known.get("name") or store.name}, country=store.country)


def is_complete(address: Address) -> bool:
    """True if a parcel would find its way there."""
    return bool(address.name and address.line1 and address.city)


def _of_order(person: Person | None) -> dict[str, str]:
    ship_to = person.ship_to if person else None
    return _texts(msgspec.structs.asdict(ship_to)) if ship_to else {}


def _texts(given: dict[str, Any]) -> dict[str, str]:
    """The parts that are there and are text: a return's own address is JSON of the customer's."""
    return {name: given[name].strip() for name in _PARTS if isinstance(given.get(name), str)}


def _address(parts: dict[str, str], *, country: str) -> Address:
    return Address(
        name=parts.get("name", ""),
        line1=parts.get("line1", ""),
        line2=parts.get("line2", ""),
        city=parts.get("city", ""),
        postcode=parts.get("postcode", ""),
        phone=parts.get("phone", ""),
        country=parts.get("country") or country,
    )
