"""What becomes of a refund's transfers: sent, asked about, sent again or another way, or ended by what people say."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from rma.services import asking, gather
from rma.services.refunds import transfer_of
from rma.services.transition import Door, Subject, effect


@effect("send_refund")
def send_refund(door: Door, refund: Subject, _fields: dict[str, Any]) -> None:
    """One durable act for each transfer that waits to be sent and knows where to."""
    held = {row["id"] for row in gather.waiting(door, refund)}
    for transfer in door.transfers(refund):
        if transfer["state"] == "pending" and transfer["id"] not in held:
            door.act(transfer["id"], transfer["attempt"], "send_refund")


@effect("ask_provider")
def ask_provider(door: Door, refund: Subject, _fields: dict[str, Any]) -> None:
    """Ask about each transfer without a known outcome; the attempt that sent it is looked at again, nothing is sent."""
    for transfer in door.transfers(refund):
        if transfer["state"] in ("sending", "unknown"):
            key = door.services.effects.key(transfer["id"], transfer["attempt"], "send_refund")
            door.after_writing(partial(asking.ask_about, door.work, door.services, key))


@effect("retry_transfer")
def retry_transfer(door: Door, refund: Subject, fields: dict[str, Any]) -> None:
    """The failed transfer waits again, under a new attempt and so a new key."""
    row = transfer_of(door, refund, fields["transfer_id"])
    door.set_transfer(row, state="pending", attempt=row["attempt"] + 1, error=None, provider_reference=None)


@effect("redirect_transfer")
def redirect_transfer(door: Door, refund: Subject, fields: dict[str, Any]) -> None:
    """The failed transfer goes to another tender, on the allowance of the payment that it was for."""
    row = transfer_of(door, refund, fields["transfer_id"])
    owner = row["on_behalf_of"] or row["payment_id"]
    payment = next((p for p in door.order.order.payments if p.id == owner), None)
    home = payment is not None and payment.tender == fields["tender"]
    door.set_transfer(
        row,
        state="pending",
        attempt=row["attempt"] + 1,
        tender=fields["tender"],
        provider=payment.provider if payment is not None and home else None,
        error=None,
        provider_reference=None,
        on_behalf_of=None if home else owner,
        payment_id=owner if home else None,
    )
    if door.case is not None and any(t["state"] == "succeeded" for t in door.transfers(refund)):
        door.case.facts(part_paid=True)
    if fields.get("payout"):
        refund.set(payout=msgspec.json.encode(fields["payout"]).decode())


@effect("record_resolution")
def record_resolution(door: Door, refund: Subject, fields: dict[str, Any]) -> None:
    """Keep who says what became of a transfer that nobody can ask about."""
    attempt = transfer_of(door, refund, fields["transfer_id"])["attempt"]
    entry = {"person": door.person, "actor": door.actor, "transfer_id": fields["transfer_id"], "attempt": attempt}
    entry |= {"outcome": fields["outcome"]}
    kept = refund.row["doc"].get("resolutions", [])
    refund.set(doc={**refund.row["doc"], "resolutions": [*kept, {**entry, "proof": fields["proof"]}]})


@effect("resolve_transfer")
def resolve_transfer(door: Door, refund: Subject, fields: dict[str, Any]) -> None:
    """End the transfer by what two people say with proof."""
    door.set_transfer(transfer_of(door, refund, fields["transfer_id"]), state=fields["outcome"])
