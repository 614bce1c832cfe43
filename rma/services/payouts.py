"""The account for money that cannot go back the way it came: asked of the customer, checked, and then the money goes.

Only what needs an account waits for one. The rest of a refund is sent at once, and nothing counts as failed meanwhile.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rma.db.session import Work
from rma.domain import calendar
from rma.errors import Reason, Refused
from rma.services import accounts, approvers, cases_view, doors, gather, refunds, returns
from rma.services.accounts import PayoutIn
from rma.services.caller import Caller
from rma.services.context import Services
from rma.services.deadlines import time_zone
from rma.services.line_effects import the_case
from rma.services.transition import Door, Subject

_OVER = frozenset({"succeeded", "refused"})


def give(
    work: Work, services: Services, caller: Caller, return_id: str, data: PayoutIn, *, locale: str
) -> tuple[dict[str, Any], int]:
    """Keep the account of a return; the refunds that waited for it go on."""
    account = accounts.kept(data, "")
    door = doors.open_case(work, services, caller, return_id, order=True)
    case = the_case(door)
    case.set(contact=msgspec.json.encode({**accounts.contact(case), "payout": account}).decode())
    if not caller.is_link:
        case.fixed_by(caller.actor)
    door.say("return.payout_given", {"by": sorted(caller.roles)})
    for refund in door.children("refund"):
        if refund.state not in _OVER:
            _take(door, caller, refund, account)
    door.close()
    return returns.view_of(door, caller, locale=locale), case.row["version"]


def give_refund(
    work: Work, services: Services, caller: Caller, refund_id: str, data: PayoutIn, *, locale: str
) -> dict[str, Any]:
    """Keep the account of one refund, for money without a return."""
    account = accounts.kept(data, "")
    door, refund = refunds.open_door(
        work, services, caller.store_id, refund_id, actor=caller.actor, person=caller.person
    )
    if refund.state in _OVER:
        raise Refused(f"This refund is {refund.state}.", code="refund_over")
    _take(door, caller, refund, account)
    door.close()
    return cases_view.refund(door, refund, locale=locale)


def _take(door: Door, caller: Caller, refund: Subject, account: dict[str, str] | None) -> None:
    """Give the account to a refund: one that is not approved may change it, one that waits for it goes on.

    What has an account and is approved keeps it: people approved that one. Nobody who approved it names the one that it
    waits for.
    """
    waiting = gather.waiting(door, refund)
    if refund.state != "proposed" and not waiting:
        return
    approvals = _kept_approvals(refund)
    if not caller.is_link and not approvers.independent(door.work, door.services.catalog, caller, approvals):
        raise _own_account()
    today = calendar.local_date(door.now, time_zone(door)).isoformat()
    fixers = refund.row["doc"].get("fixers", [])
    doc = {**refund.row["doc"], "payout_on": today}
    doc["fixers"] = fixers if caller.is_link else [*fixers, caller.actor]
    refund.set(payout=msgspec.json.encode(account).decode(), approvals=approvals, doc=doc)
    if refund.state == "awaiting_payout":
        door.fire(refund, "give_payout", role="customer" if caller.is_link else "support")
    elif refund.state != "proposed":
        for row in waiting:
            door.act(row["id"], row["attempt"], "send_refund")


def _own_account() -> Refused:
    text = "Nobody approves a refund and says where it goes: somebody else, or the customer, gives the account."
    name = "approver_independent"
    return Refused(text, code=name, reasons=[Reason(rule=name, code=name, text=text)])


def _kept_approvals(refund: Subject) -> list[Any]:
    """A first approval of two was of another account, or of none: it is given anew."""
    approvals: list[Any] = refund.row["approvals"]
    return [] if refund.state == "proposed" else approvals
