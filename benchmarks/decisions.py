"""What a decision, a quote and a transition cost in process: `python -m benchmarks.decisions`, from the checkout.

First the domain alone, on no database. A quote is what `POST /returns/quote` works out once its rows are read: the
decision on every line of an order of twenty and the money that would go back. A decision is one line of a small order.
Ordinary rules, Turkish and German law; processor time of this process, the best and the median of the runs: a busy
machine slows both, the best least.

Then the services with their rows, on SQLite and PostgreSQL: a quote of the two-line order of `make bench`, a filing,
and one transition (a cancellation, with its locks, events, deadlines and freed units). Here it is the processor time
of the program's process alone, an act; PostgreSQL's own is not in it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from benchmarks import machine
from benchmarks.measure import open_place
from rma.domain import units
from rma.domain.asks import Ask
from rma.domain.claims import Delivery, Facts, LineFacts, LineRequest, Request
from rma.domain.decision import decide
from rma.domain.law import LawProfile
from rma.domain.order import Order
from rma.domain.policy import body, load_policy
from rma.domain.pricing import Priced, price
from rma.domain.settlement import settle
from rma.domain.snapshot import read_order
from rma.domain.tenders import tender_states
from rma.domain.terms import Policy
from rma.resources import folder
from rma.services import filing, returns
from rma.services.caller import SCOPES
from rma.services.law import laws

LINES = 20
RUNS = 15
ACTS = 300
_RULES = [
    {"rule": "line_value_above", "params": {"amount": "5000.00", "currency": "TRY"}, "then": "ask"},
    {"rule": "returns_in_period", "params": {"days": 90, "more_than": 5}, "then": "ask"},
]
_ORDERED = datetime(2026, 11, 1, 9, tzinfo=UTC)
_FILED = _ORDERED + timedelta(days=9)


def _policy() -> Policy:
    document = body("standard.toml", (folder("workflows") / "policies" / "standard.toml").read_bytes())
    return load_policy("bench", {**document, "rules": [*document["rules"], *_RULES]}, currency="TRY", version=1)


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "TRY"}


def _order(lines: int) -> Order:
    snapshot: dict[str, Any] = {
        "ordered_at": _ORDERED.isoformat(), "currency": "TRY", "prices_include_tax": True,
        "lines": [
            {"id": str(place), "sku": f"TS-{place}", "name": "Tişört", "quantity": 3, "unit_price": _money("133.33"),
             "discount": _money("10.01"), "tax_rate": "20", "category": "apparel"}
            for place in range(lines)
        ],
        "promotions": [{"code": "KIS10", "amount": _money("101.00")}],
        "shipping": {"amount": _money("29.90"), "tax_rate": "20"},
        "payments": [
            {"id": "p1", "tender": "gift_card", "captured": _money("100.00")},
            {"id": "p2", "tender": "card", "captured": _money("9000.00")},
        ],
    }  # fmt: skip
    return read_order("B1", msgspec.json.encode(snapshot))


def _facts(order: Order, priced: Priced) -> Facts:
    return Facts(
        now=_FILED,
        timezone="Europe/Istanbul",
        currency="TRY",
        ordered_at=_ORDERED,
        country="TR",
        order_value=priced.total,
        lines=tuple(
            LineFacts(id=one.id, sku=one.sku, quantity=3, left=3, total=priced.lines[one.id].gross, category="apparel")
            for one in order.lines
        ),
        deliveries=(Delivery(delivered_at=_ORDERED + timedelta(days=3)),),
    )


def _request(lines: int) -> Request:
    asked = tuple(LineRequest(order_line_id=str(n), quantity=2, kind="voluntary", reason="small") for n in range(lines))
    return Request(lines=asked, filed_at=_FILED, method="printed_label")


def _quote(policy: Policy, law: LawProfile, order: Order, priced: Priced) -> Callable[[], None]:
    facts, request = _facts(order, priced), _request(len(order.lines))
    tenders = tender_states(order, {})

    def quote() -> None:
        decision = decide(policy, law, facts, request)
        wanted = {line.order_line_id: units.take(units.whole(3), line.quantity) for line in decision.lines}
        by_right = tuple(line.order_line_id for line in decision.lines if line.basis == "statutory")
        found = settle(priced, past=(), tenders=tenders, ask=Ask(units=wanted, statutory=by_right))
        assert found.total > 0

    return quote


def _decision(policy: Policy, law: LawProfile, facts: Facts, request: Request) -> Callable[[], None]:
    def one() -> None:
        assert decide(policy, law, facts, request).auto_approve

    return one


def _micros(act: Callable[[], None], *, times: int) -> tuple[float, float]:
    """Microseconds of processor time that the act takes: the best and the median of the runs, after one to warm up."""
    act()
    runs = []
    for _ in range(RUNS):
        begun = time.process_time()
        for _ in range(times):
            act()
        runs.append((time.process_time() - begun) / times * 1_000_000)
    return min(runs), statistics.median(runs)


def _on(kind: str) -> str:
    """The median processor time of a quote, a filing and a transition through the services."""
    with open_place(kind) as place:
        services = place.services
        caller = msgspec.structs.replace(place.caller, scopes=frozenset(SCOPES), key_id="key_bench")
        asked = [_return(number) for number in place.orders(ACTS)]
        filed: list[str] = []

        def quote(data: filing.FileReturn) -> None:
            with services.database.read() as work:
                filing.quote(work, services, caller, data, locale="tr")

        def file(data: filing.FileReturn) -> None:
            told = services.database.retrying(lambda work: filing.file(work, services, caller, data, locale="tr"))
            filed.append(told["id"])

        def cancel(return_id: str) -> None:
            body = returns.ActionBody(reason="vazgeçti")
            services.database.retrying(
                lambda work: returns.act(work, services, caller, return_id, "cancel", body, locale="tr")
            )

        parts = [
            ("a quote", _each(quote, asked)),
            ("a filing", _each(file, asked)),
            ("a transition", _each(cancel, filed)),
        ]
    return ", ".join(f"{name} {micros:,.0f} µs" for name, micros in parts)


def _return(number: str) -> filing.FileReturn:
    lines = [
        filing.LineIn(order_line_id=one, quantity=1, reason=reason, outcome="refund")
        for one, reason in (("1", "too_small"), ("2", "changed_mind"))
    ]
    return filing.FileReturn(order_number=number, kind="voluntary", method="drop_off_code", lines=lines)


def _each(act: Callable[[Any], None], subjects: Iterable[Any]) -> float:
    """The median of the microseconds of processor time that each takes."""
    spent = []
    for subject in subjects:
        begun = time.process_time()
        act(subject)
        spent.append((time.process_time() - begun) * 1_000_000)
    return statistics.median(spent)


def main() -> None:
    """Print the figures."""
    print(machine.about())
    policy = _policy()
    for country in ("TR", "DE"):
        law = laws().profile(country, country, _ORDERED.date())
        large, small = _order(LINES), _order(2)
        of_large, of_small = price(large), price(small)
        quote = _micros(_quote(policy, law, large, of_large), times=50)
        alone = _micros(_decision(policy, law, _facts(large, of_large), _request(LINES)), times=50)
        one = _micros(_decision(policy, law, _facts(small, of_small), _request(1)), times=500)
        print(
            f"{country}: quote of {LINES} lines {quote[0]:,.0f} µs (median {quote[1]:,.0f}), the decision of it"
            f" {alone[0]:,.0f} (median {alone[1]:,.0f}); a decision {one[0]:,.1f} µs (median {one[1]:,.1f})"
            f" = {1_000_000 / one[0]:,.0f}/s (median {1_000_000 / one[1]:,.0f})"
        )
    for kind in ("sqlite", "postgresql"):
        print(f"{kind} in process: {_on(kind)}", flush=True)


if __name__ == "__main__":
    main()
