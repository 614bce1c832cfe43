"""What of a return a caller may see: all of it, the customer's part, or the warehouse's without money and e-mail."""

from __future__ import annotations

from typing import Any

from rma.domain.money import wire
from rma.services.caller import Caller

_MONEY_SCOPES = ("returns:read", "returns:write", "refunds:read", "refunds:approve", "refunds:propose")
_BEHIND_THE_COUNTER = frozenset({"requested_by", "approvals", "flags"})
_GOODS = ("id", "return_id", "line_id", "state", "sku", "quantity", "carrier", "tracking", "version", "created_at")


def may_see_money(caller: Caller) -> bool:
    """Receiving keys see neither money nor e-mail."""
    return caller.is_link or caller.may(*_MONEY_SCOPES)


def of_return(view: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """A return as this caller may see it."""
    if caller.is_link:
        return _for_customer(view)
    return view if may_see_money(caller) else _for_warehouse(view)


def of_replacement(view: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """A replacement as this caller may see it."""
    return view if may_see_money(caller) else _goods(view)


def of_parcel(view: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """A parcel as this caller may see it."""
    return view if may_see_money(caller) else view | {"cost": None}


def offer(made: dict[str, Any] | None, currency: str, *, open_: bool) -> dict[str, Any] | None:
    """An offer to keep the goods for less: an amount as money or a percentage, who made it, and the answer.

    ``open``: it can be answered now.
    """
    if made is None:
        return None
    amount = None if made["amount"] is None else wire(made["amount"], currency)
    return {"amount": amount, **{name: made[name] for name in ("percent", "by", "at", "answer")}, "open": open_}


def _for_customer(view: dict[str, Any]) -> dict[str, Any]:
    """Without who of the shop proposed, offered and approved: those are names and addresses of its people."""
    return {
        **view,
        "lines": [{**line, "offer": _without(line["offer"], {"by"})} for line in view["lines"]],
        "refunds": [_without(refund, _BEHIND_THE_COUNTER) for refund in view["refunds"]],
    }


def _for_warehouse(view: dict[str, Any]) -> dict[str, Any]:
    return {
        **view,
        "lines": [_without(line, {"methods", "offer"}) for line in view["lines"]],
        "parcels": [parcel | {"cost": None} for parcel in view["parcels"]],
        "refunds": [],
        "replacements": [_goods(replacement) for replacement in view["replacements"]],
        "balance": None,
        "payout": None,
        "due": None,
    }


def _without(view: Any, names: set[str] | frozenset[str]) -> Any:
    return view and {name: value for name, value in view.items() if name not in names}


def _goods(replacement: dict[str, Any]) -> dict[str, Any]:
    return {name: replacement[name] for name in _GOODS}
