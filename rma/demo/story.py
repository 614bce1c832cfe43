"""The story of one store: its clock stops once a day, in the evening, and everything due by then is done over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from rma.demo import asking, dates
from rma.demo.client import Api, Problem, token
from rma.demo.plan import Filing, Json, Snapshot, StorePlan
from rma.demo.steps import ENDED, STEPS, Case, Shop
from rma.demo.tally import Tally, Trouble
from rma.domain.money import parse_amount

IDLE_LOOKS = 8
ROUNDS = 12
TAIL_DAYS = 60

Progress = Callable[[int], None]
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
        self._shop = Shop(
            api=api, tally=self.tally, zone=spec.timezone, folder=folder / spec.slug, today=spec.clock_start.date()
        )

    @staticmethod
    def length(plan: StorePlan) -> int:
        """How many times ``advance`` will count one."""
        return len(plan.orders) + 2 * len(plan.filings)

    def play(self) -> Tally:
        """Run through all days. Never stops at a refusal or failure of the server: those are counted and shown."""
        self.tally.bad_orders.extend(self._api.import_products(self._plan.products))
        orders = _by_day(self._plan.orders, self._zone)
        filings = _by_day(self._plan.filings, self._zone)
        day = self._plan.spec.clock_start.date()
        last = max([*orders, *filings]) + timedelta(days=TAIL_DAYS)
        while day <= last and (orders or filings or self._cases):
            day += timedelta(days=1)
            due = [case for case in self._cases if case.next_look <= day]
            if day in orders or day in filings or due:
                self._evening(day, orders=orders.pop(day, []), filings=filings.pop(day, []), due=due)
        self._count()
        return self.tally

    def _evening(self, day: date, *, orders: Sequence[Snapshot], filings: Sequence[Filing], due: list[Case]) -> None:
        self._shop.today = day
        self.tally.days += 1
        self._api.clock(dates.evening(day, self._zone))
        if orders:
            self._import(day, orders)
        for case in due:
            self._look(case)
        for filing in filings:
            self._file(filing)
            self._advance(1)
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
        except Problem as problem:
            if problem.reasons:
                self._refused(problem.reasons)
            else:
                self._trouble(filing.key, "filing", problem)
            return
        self.tally.filed += 1
        self.tally.bases.update(set(asked.bases))
        self.tally.reasons.update(asked.refused)
        case = self._case(filing, answer)
        self._cases.append(case)
        self._look(case)

    def _refused(self, reasons: Sequence[str]) -> None:
        self.tally.refused[reasons[0] if reasons else "no reason given"] += 1
        self._advance(1)

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
        """Do what is due for one case this evening, and note when to look again."""
        for _ in range(ROUNDS):
            view = self._api.view(case.id)
            if view["state"] in ENDED:
                case.idle = IDLE_LOOKS
                return
            days = self._step(case, view)
            if days is None:
                case.idle += 1
                break
            case.idle = 0
            if days:
                case.next_look = self._shop.today + timedelta(days=days)
                return
        quiet = view["state"] == "awaiting_feedback" and case.filing.manner.score is None
        case.idle = IDLE_LOOKS if quiet else case.idle
        case.next_look = self._shop.today + timedelta(days=1)

    def _step(self, case: Case, view: Json) -> int | None:
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
                return days
        return None

    def _ended(self, case: Case) -> bool:
        if case.idle < IDLE_LOOKS:
            return False
        self._advance(1)
        return True

    def _trouble(self, source: str, step: str, problem: Problem) -> None:
        text = "; ".join((str(problem), *problem.reasons))
        self.tally.troubles.append(Trouble(source=source, step=step, text=text))
        if step == "filing":
            self._advance(1)

    # --- the end --------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        """Ask the server, not our memory, what became of everything."""
        tally = self.tally
        tally.states.update(str(view["state"]) for view in self._api.all_returns())
        for refund in self._api.all_refunds():
            tally.refunds[refund["state"]] += 1
            for transfer in refund["transfers"]:
                if transfer["state"] == "succeeded":
                    amount = parse_amount(transfer["amount"]["amount"], tally.currency, path="amount")
                    tally.paid[transfer["tender"]] += amount
        try:
            tally.mails = self._api.mails()
        except Problem as problem:
            self._trouble("the store", "outbox", problem)
        tally.requests = self._api.requests
        tally.label_folder = self._shop.folder if tally.labels else None


def _by_day(items: Sequence[Due], zone: str) -> dict[date, list[Due]]:
    days: dict[date, list[Due]] = {}
    for item in items:
        days.setdefault(dates.slot(item.at, zone), []).append(item)
    return days
