"""The story of one store: its clock stops once a day, in the evening, and everything due by then is done over HTTP.

What happens on one evening to different orders is done side by side; what happens to one order keeps its sequence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from rma.demo import asking, dates
from rma.demo.client import Api, Problem, token
from rma.demo.ledger import account
from rma.demo.plan import Filing, Json, Snapshot, StorePlan
from rma.demo.reasons import Why
from rma.demo.steps import ENDED, STEPS, UNDISTURBED, Case, Shop
from rma.demo.tally import Tally, Trouble
from rma.domain.money import parse_amount

IDLE_LOOKS = 8
ROUNDS = 12
TAIL_DAYS = 60
HANDS = 4
PATIENCE = 10.0
BETWEEN = 0.2
MOVING = frozenset({"approved", "sending", "unknown"})

Progress = Callable[[int], None]
Item = TypeVar("Item")
Due = TypeVar("Due", Snapshot, Filing)


class Story:
    """Plays one plan. ``advance`` is told of each order imported, each filing answered and each case ended."""

    def __init__(self, plan: StorePlan, *, api: Api, folder: Path, advance: Progress) -> None:
        spec = plan.spec
        self.tally = Tally(slug=spec.slug, currency=spec.currency)
        self._plan = plan
        self._api = api
        self._advance = advance
        self._zone = spec.timezone
        self._cases: list[Case] = []
        self._bodies: dict[str, Json] = {}
        self._shop = Shop(
            api=api, tally=self.tally, zone=spec.timezone, folder=folder / spec.slug, today=spec.clock_start.date()
        )

    @staticmethod
    def length(plan: StorePlan) -> int:
        """How many times ``advance`` will count one."""
        return len(plan.orders) + 2 * len(plan.filings)

    def play(self) -> Tally:
        """Run through all days. What the server refuses or fails at is counted with its words and shown at the end.

        Raises Unavailable when the server does not answer at all.
        """
        if self._plan.spec.policy:
            self._api.policy(self._plan.spec.policy)
        self.tally.bad_orders.extend(self._api.import_products(self._plan.products))
        orders = _by_day(self._plan.orders, self._zone)
        filings = _by_day(self._plan.filings, self._zone)
        day = self._plan.spec.clock_start.date()
        last = max([*orders, *filings]) + timedelta(days=TAIL_DAYS)
        with ThreadPoolExecutor(HANDS, thread_name_prefix=self._plan.spec.slug) as hands:
            while day <= last and (orders or filings or self._cases):
                day += timedelta(days=1)
                due = [case for case in self._cases if case.next_look <= day]
                if day in orders or day in filings or due:
                    self._evening(hands, day, orders=orders.pop(day, []), filings=filings.pop(day, []), due=due)
        self._end(day)
        return self.tally

    def _evening(
        self,
        hands: ThreadPoolExecutor,
        day: date,
        *,
        orders: Sequence[Snapshot],
        filings: Sequence[Filing],
        due: Sequence[Case],
    ) -> None:
        self._shop.today = day
        self.tally.days += 1
        self._api.clock(dates.evening(day, self._zone))
        if orders:
            self._import(day, orders)
        _each(hands, self._look, due, apart=lambda case: case.filing.order_number)
        _each(hands, self._file, filings, apart=lambda filing: filing.order_number)
        self._cases = [case for case in self._cases if not self._ended(case)]

    def _import(self, day: date, orders: Sequence[Snapshot]) -> None:
        faults = self._api.import_orders([order.body for order in orders], key=f"orders-{day}")
        self.tally.orders += len(orders) - len(faults)
        self.tally.bad_orders.extend(faults)
        self._advance(len(orders))

    # --- filing ---------------------------------------------------------------------------------------------------

    def _file(self, filing: Filing) -> None:
        try:
            asked = asking.choose(filing, self._api.quote(asking.body(filing)))
            if asked.body is None:
                self._refused(asked.refused)
                return
            answer = self._api.file(asked.body, key=filing.key)
            case = self._case(filing, answer)
        except Problem as problem:
            if problem.reasons:
                self._refused(problem.reasons)
            else:
                self._trouble(filing.key, "filing", problem)
                self._advance(2)
            return
        self.tally.count("filed")
        self.tally.note("bases", set(asked.bases))
        self.tally.why("left_out", asked.refused)
        self._bodies[filing.key] = asked.body
        self._cases.append(case)
        self._advance(1)
        self._follow(case, answer)

    def _refused(self, reasons: Sequence[Why]) -> None:
        self.tally.why("refused", reasons[:1] or (Why(code="unnamed", text="No reason was given."),))
        self._advance(2)

    def _case(self, filing: Filing, answer: Json) -> Case:
        return Case(
            filing=filing,
            id=answer["id"],
            rma_number=answer["rma_number"],
            link=token(answer.get("link")),
            next_look=self._shop.today + timedelta(days=1),
        )

    # --- following ------------------------------------------------------------------------------------------------

    def _look(self, case: Case) -> None:
        """Read the return where it may have moved on, and do what is due for it this evening."""
        try:
            view = case.known or self._read(case)
        except Problem as problem:
            self._trouble(f"{case.filing.key} {case.rma_number}", "reading", problem)
            case.idle = IDLE_LOOKS
            return
        self._follow(case, view)

    def _read(self, case: Case) -> Json:
        """The return. A bank answers in its own time, whatever the store's clock shows: that is waited for a while."""
        until = time.monotonic() + PATIENCE
        while True:
            view = self._api.view(case.id)
            if not any(refund["state"] in MOVING for refund in view["refunds"]) or time.monotonic() >= until:
                return view
            time.sleep(BETWEEN)

    def _follow(self, case: Case, view: Json) -> None:
        """Do what is due, one step after the other, and note when to look again."""
        case.known = None
        for _ in range(ROUNDS):
            if view["state"] in ENDED:
                case.idle = IDLE_LOOKS
                return
            name, days = self._step(case, view)
            if days is None:
                case.idle += 1
                break
            case.idle = 0
            if days:
                case.next_look = self._shop.today + timedelta(days=days)
                case.known = view if name in UNDISTURBED and days > 1 else None
                return
        quiet = view["state"] == "awaiting_feedback" and case.filing.manner.score is None
        case.idle = IDLE_LOOKS if quiet else case.idle
        case.next_look = self._shop.today + timedelta(days=1)

    def _step(self, case: Case, view: Json) -> tuple[str, int | None]:
        """The first step that has something to do, by its name, and in how many days to look again."""
        for name, step in STEPS.items():
            if name in case.blocked:
                continue
            try:
                days = step(self._shop, case, view)
            except Problem as problem:
                case.blocked.add(name)
                self._trouble(f"{case.filing.key} {case.rma_number}", name, problem)
                continue
            if days is not None:
                return name, days
        return "", None

    def _ended(self, case: Case) -> bool:
        if case.idle < IDLE_LOOKS:
            return False
        self._advance(1)
        return True

    def _trouble(self, source: str, step: str, problem: Problem) -> None:
        text = "; ".join((str(problem), *(reason.text for reason in problem.reasons)))
        self.tally.troubles.append(Trouble(source=source, step=step, text=text))

    # --- the end --------------------------------------------------------------------------------------------------

    def _end(self, day: date) -> None:
        """Let the last evening's work end, then ask the server, not our memory, what became of everything."""
        try:
            self._api.clock(dates.evening(day + timedelta(days=1), self._zone))
            self._count()
        except Problem as problem:
            self._trouble("the store", "counting", problem)
        self._advance(sum(1 for _ in self._cases))
        self.tally.requests = self._api.requests
        self.tally.label_folder = self._shop.folder if self.tally.labels else None

    def _count(self) -> None:
        tally = self.tally
        tally.states.update(str(view["state"]) for view in self._api.all_returns())
        refunds = list(self._api.all_refunds())
        for refund in refunds:
            tally.refunds[refund["state"]] += 1
            for transfer in refund["transfers"]:
                if transfer["state"] == "succeeded":
                    amount = parse_amount(transfer["amount"]["amount"], tally.currency, path="amount")
                    tally.paid[transfer["tender"]] += amount
        tally.unpaid = sum(refund["state"] not in {"succeeded", "refused"} for refund in refunds)
        tally.ledger = account(self._plan.filings, self._bodies, refunds, tally.currency)
        tally.mails.update(str(mail["state"]) for mail in self._api.mails())


def _each(
    hands: ThreadPoolExecutor, act: Callable[[Item], None], items: Iterable[Item], *, apart: Callable[[Item], Hashable]
) -> None:
    """Do ``act`` for each item: side by side, but one after the other where ``apart`` says the same."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(apart(item), []).append(item)

    def run(group: Sequence[Item]) -> None:
        for item in group:
            act(item)

    for _ in hands.map(run, groups.values()):
        pass


def _by_day(items: Sequence[Due], zone: str) -> dict[date, list[Due]]:
    days: dict[date, list[Due]] = {}
    for item in items:
        days.setdefault(dates.slot(item.at, zone), []).append(item)
    return days
