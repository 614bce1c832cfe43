"""Who may do what: one table of route, scopes and link, and one of workflow triggers.

Guards, the security part of OpenAPI and the test that tries every pair are generated from here. A route that does not
stand here cannot be served: the program does not start. Paths are below ``/api/v1``, but for health and metrics.
"""

from __future__ import annotations

from functools import cache

import msgspec

from rma.errors import Forbidden, Unauthenticated
from rma.services.caller import SCOPES, Caller


class Rule(msgspec.Struct, frozen=True):
    """One of ``scopes`` opens it (``None``: any key of the store); ``link``: the customer's link does too."""

    scopes: frozenset[str] | None = frozenset()
    link: bool = False
    public: bool = False


def _rule(spec: str) -> Rule:
    """``"returns:read link"``; ``any`` is any key, ``public`` is everybody, an empty text is nobody."""
    words = frozenset(spec.split())
    scopes = words - {"link", "any", "public"}
    if unknown := scopes - set(SCOPES):
        raise ValueError(f"no such scope: {', '.join(sorted(unknown))}")
    return Rule(None if "any" in words else scopes, link="link" in words, public="public" in words)


_TABLE = """
POST   /stores                                           | admin
GET    /stores/{slug}                                    | any
PATCH  /stores/{slug}                                    | admin
POST   /stores/{slug}/keys                               | admin
GET    /stores/{slug}/keys                               | admin
GET    /stores/{slug}/keys/{id}                          | admin
DELETE /stores/{slug}/keys/{id}                          | admin

PUT    /products/{sku}                                   | orders:write
GET    /products/{sku}                                   | orders:read returns:read
POST   /products/import                                  | orders:write
GET    /products                                         | orders:read returns:read

PUT    /orders/{number}                                  | orders:write
GET    /orders/{number}                                  | orders:read
GET    /orders                                           | orders:read
POST   /orders/{number}/deliveries                       | orders:write
POST   /orders/import                                    | orders:write
POST   /orders/{number}/refunds                          | refunds:propose

POST   /returns/quote                                    | returns:read returns:write
POST   /returns                                          | returns:write
GET    /returns                                          | returns:read
GET    /returns/{id}                                     | returns:read receiving:write link
GET    /returns/{id}/decision                            | returns:read
GET    /returns/{id}/events                              | returns:read
POST   /returns/{id}/actions/{trigger}                   | returns:write receiving:write link
POST   /returns/{id}/lines/{line_id}/outcome             | returns:write link
POST   /returns/{id}/lines/{line_id}/offer               | returns:write
POST   /returns/{id}/lines/{line_id}/offer/accept        | returns:write link
POST   /returns/{id}/lines/{line_id}/offer/reject        | returns:write link
POST   /returns/{id}/evidence                            | returns:write receiving:write link
GET    /returns/{id}/evidence                            | evidence:read link
GET    /returns/{id}/evidence/{eid}                      | evidence:read link
GET    /returns/{id}/evidence-pack.zip                   | evidence:read
GET    /returns/{id}/damage-report.pdf                   | returns:read link
POST   /returns/{id}/parcels                             | returns:write receiving:write link
GET    /returns/{id}/parcels/{pid}/label.pdf             | returns:read receiving:write link
POST   /returns/{id}/parcels/{pid}/label                 | returns:write link
GET    /labels.pdf                                       | returns:read receiving:write
DELETE /returns/{id}/parcels/{pid}                       | returns:write link
POST   /parcels/{id}/events                              | returns:write receiving:write
POST   /replacements/{id}/actions/{trigger}              | returns:write receiving:write
POST   /returns/{id}/payments                            | returns:write refunds:propose
POST   /returns/{id}/inspections                         | receiving:write
POST   /returns/{id}/messages                            | returns:write link
GET    /returns/{id}/messages                            | returns:read link
POST   /returns/{id}/payout                              | returns:write refunds:propose link
POST   /returns/{id}/feedback                            | returns:write link

POST   /receipts                                         | receiving:write
DELETE /receipts/{scan_id}                               | receiving:write
POST   /receipts/unknown                                 | receiving:write
GET    /receipts/unknown                                 | receiving:write
POST   /receipts/unknown/{id}/match                      | receiving:write
POST   /unexpected/{id}/match                            | receiving:write
POST   /unexpected/{id}/dispose                          | receiving:write

GET    /refunds                                          | refunds:read
GET    /refunds/owed                                     | refunds:read
GET    /refunds/{id}                                     | refunds:read
PATCH  /refunds/{id}                                     | refunds:propose refunds:approve
POST   /refunds/approve                                  | refunds:approve
POST   /refunds/{id}/approve                             | refunds:approve
POST   /refunds/{id}/payout                              | refunds:propose
POST   /refunds/{id}/refuse                              | refunds:approve
POST   /refunds/{id}/retry                               | refunds:approve
POST   /refunds/{id}/reconcile                           | refunds:propose refunds:approve
POST   /refunds/{id}/resolve                             | refunds:approve

POST   /stores/{slug}/withdrawals                        | public
POST   /stores/{slug}/withdrawals/{token}/confirm        | public
GET    /stores/{slug}/withdrawals/{token}/receipt.pdf    | public
GET    /withdrawals                                      | returns:read
GET    /withdrawals/{id}                                 | returns:read
POST   /withdrawals/{id}/match                           | returns:write

GET    /policies                                         | any
GET    /policies/current                                 | any
GET    /policies/current/page                            | any
POST   /policies                                         | policies:write
POST   /policies/{version}/publish                       | policies:write
POST   /policies/{version}/restore                       | policies:write
POST   /policies/{version}/lint                          | policies:write
POST   /policies/{version}/replay                        | policies:write
GET    /workflows                                        | any
POST   /workflows                                        | workflows:write
POST   /workflows/{id}/publish                           | workflows:write
GET    /workflows/{id}/diagram                           | any

GET    /law/profiles                                     | any
POST   /law/deadlines                                    | any

POST   /privacy/export                                   | privacy
POST   /privacy/export.zip                               | privacy
POST   /privacy/erasures/preview                         | privacy
POST   /privacy/erasures                                 | privacy
GET    /privacy/erasures                                 | privacy
GET    /privacy/erasures/{id}                            | privacy
POST   /privacy/runs                                     | privacy
GET    /privacy/destructions                             | privacy

GET    /events                                           | events:read
GET    /test-clock                                       | any
POST   /test-clock                                       | any
GET    /effects                                          | returns:read refunds:read
POST   /effects/{id}/retry                               | returns:write refunds:approve
GET    /outbox                                           | any

GET    /health/live                                      | public
GET    /health/ready                                     | public
GET    /metrics                                          | public
"""

_TRIGGERS = """
submit_evidence | returns:write link
approve         | returns:write
decline         | returns:write
ask_customer    | returns:write
hand_over       | returns:write receiving:write
arrive          | returns:write receiving:write
receive         | receiving:write
inspect         | receiving:write
dispute         | returns:write receiving:write link
settle          |
ask_feedback    |
give_feedback   | link
cancel          | returns:write link
expire          |
assess          |
proceed         |
await_goods     |
agree           |
waive_goods     | returns:write
undo_receipt    |
lapse_evidence  |
stop_expecting  |
close           |
appeal          | returns:write link
reopen          | returns:write link
"""
# Who is asked to act stands in the machine (``by``); this table is the outer fence. A trigger that a store's own
# machine adds has no line here: the route's scopes and the machine decide.

_ACTION = ("POST", "/returns/{id}/actions/{trigger}")


def _read(table: str) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for line in filter(None, (line.strip() for line in table.splitlines())):
        subject, _, spec = line.partition("|")
        name = " ".join(subject.split())
        if name in rules:
            raise ValueError(f"{name} stands twice in the table")
        rules[name] = _rule(spec)
    return rules


RULES: dict[tuple[str, str], Rule] = {
    (name.split(" ")[0], name.split(" ")[1]): rule for name, rule in _read(_TABLE).items()
}
"""Every route of the API: ``(method, path)`` to its rule."""

TRIGGERS: dict[str, Rule] = _read(_TRIGGERS)
"""Every trigger of the shipped ``return`` machine to its rule."""


@cache
def rule_of(method: str, path: str) -> Rule:
    """The rule of a route; ``LookupError`` for one that was forgotten in the table."""
    try:
        return RULES[method, path]
    except KeyError:
        raise LookupError(f"{method} {path} does not stand in the table of rma.api.access") from None


def rules_of(method: str, path: str, trigger: str | None) -> tuple[Rule, ...]:
    """Every rule that a request has to pass."""
    route = rule_of(method, path)
    if (method, path) == _ACTION and trigger in TRIGGERS:
        return (route, TRIGGERS[trigger])
    return (route,)


def allows(rule: Rule, caller: Caller | None) -> bool:
    """True if this caller passes this rule; ``None`` is somebody without credentials."""
    if rule.public:
        return True
    if caller is None:
        return False
    if caller.link_return_id is not None:
        return rule.link
    return rule.scopes is None or not rule.scopes.isdisjoint(caller.scopes)


def is_open(rule: Rule) -> bool:
    """Whether anybody at all passes this rule."""
    return rule.public or rule.link or rule.scopes is None or bool(rule.scopes)


def check(rule: Rule, caller: Caller | None) -> None:
    """Raises ``Unauthenticated`` for nobody and ``Forbidden`` (naming the scopes) for the wrong one."""
    if allows(rule, caller):
        return
    if caller is None:
        raise Unauthenticated("Send `Authorization: Bearer <key>`, or `Authorization: Link <token>` as a customer.")
    if caller.link_return_id is not None:
        raise Forbidden("A customer's link does not open this.", code="link_not_allowed")
    if not rule.scopes:
        raise Forbidden("Only the system or the customer does this.", code="scope_missing")
    raise Forbidden(f"This needs a key with one of: {', '.join(sorted(rule.scopes))}.", code="scope_missing")
