"""Whatever is done to the returns of an order, and how often: log, rows, units and money stay true to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from rma.app import create_services
from rma.db import tables
from rma.db.session import Database
from rma.services import clock
from rma.services.clock import MoveClock
from rma.services.context import Services
from rma.settings import Settings
from tests.support import invariants
from tests.support.databases import Databases
from tests.support.floor import Act, Floor, payment
from tests.support.snapshots import Json, money

SCRIPTS = (
    "",
    "",
    "fail,succeed",
    "timeout-after",
    "timeout-before",
    "pending:1",
    "pending-fail,succeed",
    "busy,succeed",
)
STATUSES = ("handed_over", "in_transit", "delivered", "lost", "expired")
TRIGGERS = ("approve", "decline", "ask_customer", "cancel", "appeal", "reopen", "dispute", "waive_goods", "hand_over")


@pytest.fixture(scope="module")
def services(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A program on a file of its own that need not survive a power cut."""
    database = Database(databases.fresh("sqlite"))
    sa.event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    made = create_services(Settings(data_dir=tmp_path_factory.mktemp("walks"), access_log=False), database=database)
    made.effects.prepare()
    yield made
    made.effects.stop(wait=1)
    made.close()


class Walk:
    """One store with one order, and everything that can be done to its returns."""

    def __init__(self, services: Services, data: st.DataObject) -> None:
        self.floor = Floor(services)
        self.data = data
        self.returns: list[str] = []
        self.scans: list[str] = []
        self.done: list[str] = []
        script = self.pick(SCRIPTS)
        provider = self.pick(("offline", "offline_plain"))
        card = payment("p1", "card", self.pick(("400.00", "400.00", "60.00")), provider=provider, script=script)
        self.paid = [card, payment("p2", "gift_card", "66.66")]
        self.floor.order("1001", payments=self.paid)
        self.floor.product("TS-BLUE-M", "90.00", 3)
        self.floor.product("TS-GOLD-M", "140.00", None)

    def pick(self, choices: Any) -> Any:
        """One of these."""
        return self.data.draw(st.sampled_from(list(choices)))

    def likely(self, choices: list[Json], wanted: Callable[[Json], Any]) -> Json:
        """One of those that are wanted, now and then any other."""
        good = [one for one in choices if wanted(one)]
        odd: int = self.data.draw(st.integers(0, 4))
        found: Json = self.pick(good if good and odd else choices)
        return found

    def some(self, top: int) -> int:
        """A number from 1 to ``top``, now and then one more."""
        found: int = self.data.draw(st.integers(1, max(1, top)))
        return found

    # -- one step of each kind: what is done, or None where nothing can be --------------------------------

    def file(self) -> Act:
        """File another return."""
        sold = ["1", "2", "3", *(row.id for row in self.floor.rows(tables.Replacement) if row.state == "delivered")]
        wanted = self.data.draw(st.lists(st.sampled_from(sold), min_size=1, max_size=2, unique=True))
        more: Json = {"kind": self.pick(("withdrawal", "voluntary", "damaged", "not_delivered"))}
        outcome = self.pick(("refund", "refund", "store_credit", "exchange"))
        more["line"] = {"outcome": outcome}
        if outcome == "exchange":
            more["line"]["replacement"] = {"sku": self.pick(("TS-BLUE-M", "TS-GOLD-M"))}
        act = self.floor.file("1001", *((one, self.some(2)) for one in wanted), **more)

        def filed(work: Any) -> Any:
            answer = act(work)
            self.returns.append(answer["id"])
            return answer

        return filed

    def trigger(self, view: Json) -> Act:
        """A person fires something."""
        by = self.pick((self.floor.clerk, self.floor.customer(view["id"])))
        return self.floor.trigger(
            view["id"],
            self.pick(TRIGGERS if view["state"] != "in_review" else ("approve", *TRIGGERS)),
            by,
            reason="because",
        )

    def parcel(self, view: Json) -> Act:
        """Another parcel is announced."""
        return self.floor.parcel(view["id"], method=self.pick(("drop_off_code", "printed_label")))

    def news(self, view: Json) -> Act | None:
        """A carrier says something."""
        if not view["parcels"]:
            return None
        return self.floor.news(self.pick(view["parcels"])["id"], self.pick(STATUSES))

    def receive(self, view: Json) -> Act:
        """Some units arrive, or are missing."""
        one = self.likely(view["lines"], lambda line: line["expected"] - line["received"] - line["missing"])
        more: Json = {"finished": self.data.draw(st.booleans()), "scan_id": f"{view['id']}-{len(self.scans)}"}
        self.scans.append(more["scan_id"])
        if self.data.draw(st.integers(0, 3)) == 0:
            return self.floor.receive(view["id"], missing=[{"line_id": one["id"], "quantity": 1}], **more)
        return self.floor.receive(view["id"], (one["id"], self.some(one["requested"])), **more)

    def undo(self, _view: Json) -> Act | None:
        """A scan is taken back."""
        return self.floor.undo(self.pick(self.scans)) if self.scans else None

    def inspect(self, view: Json) -> Act:
        """Units are judged."""
        one = self.likely(view["lines"], lambda line: line["received"] - line["accepted"] - line["rejected"])
        verdict = self.pick(("accept", "accept", "part", "reject"))
        return self.floor.inspect(view["id"], (one["id"], self.some(one["received"]), verdict))

    def offer(self, view: Json) -> Act:
        """The customer is offered to keep it for less, or answers."""
        one = self.pick(view["lines"])
        if one["offer"] and not one["offer"].get("answer"):
            return self.floor.answer(view["id"], one["id"], self.pick(("accept", "reject")))
        return self.floor.offer(view["id"], one["id"])

    def outcome(self, view: Json) -> Act:
        """The customer wants something else."""
        one, outcome = self.pick(view["lines"]), self.pick(("refund", "exchange", "store_credit"))
        more = {"replacement": {"sku": "TS-GOLD-M"}} if outcome == "exchange" else {}
        return self.floor.outcome(view["id"], one["id"], outcome, **more)

    def replacement(self, view: Json) -> Act | None:
        """Something happens to a replacement."""
        if not view["replacements"]:
            return None
        one = self.likely(view["replacements"], lambda found: found["state"] not in ("delivered", "released"))
        trigger = self.pick(("order", "ship", "deliver", "deliver", "out_of_stock", "release", "change_variant"))
        more = {"sku": "TS-GOLD-M"} if trigger == "change_variant" else {}
        return self.floor.replacement(one["id"], trigger, **more)

    def pay(self, view: Json) -> Act:
        """The customer pays for a difference."""
        return self.floor.pay(view["id"], self.pick(("10.00", "43.33", "50.00", "106.67")))

    def refund(self, view: Json) -> Act | None:
        """Finance decides over a refund."""
        if not view["refunds"]:
            return None
        one = self.likely(view["refunds"], lambda refund: refund["state"] not in ("succeeded", "refused"))
        failed = [transfer["id"] for transfer in one["transfers"] if transfer["state"] == "failed"]
        ways: list[Callable[[], Act]] = [lambda: self.floor.approve(one["id"])] * 3
        ways += [lambda: self.floor.refuse(one["id"]), lambda: self.floor.reconcile(one["id"])]
        ways += [lambda: self.floor.retry(one["id"], failed[0])] * 3 if failed else []
        way: Callable[[], Act] = self.pick(ways)
        return way()

    def feedback(self, view: Json) -> Act:
        """The customer says how it was."""
        return self.floor.feedback(view["id"])

    def by_hand(self, _view: Json) -> Act:
        """Money back without goods is proposed."""
        return self.floor.by_hand("1001", "5.00", self.pick(("goodwill", "shipping")))

    def snapshot(self) -> None:
        """The shop sends the order once more, changed, and with all that it is worth captured."""
        self.paid[0]["captured"] = money("400.00")
        changes = {"payments": self.paid} | self.pick(
            ({}, {"deliveries": []}, {"customer": {"reference": "c-18", "locale": "de"}})
        )
        self.floor.order("1001", **changes)

    def acts(self) -> None:
        """Durable acts are carried out, or asked about."""
        self.floor.work_off()

    def time(self) -> None:
        """Days pass."""
        days = self.pick(("P1D", "P4D", "P9D", "P21D"))
        clock.move(self.floor.services, self.floor.clerk, MoveClock(advance=days))

    def step(self) -> None:
        """Do anything; a refusal is fine, an error of the program is not."""
        view = self.floor.view(self.pick(self.returns)) if self.returns else None
        name = self.pick(STEPS if view is None or not self.data.draw(st.integers(0, 2)) else NEXT[view["state"]])
        if name in ("acts", "time", "snapshot"):
            getattr(self, name)()
        elif name == "file" or view is None:
            self._do("file", self.file())
        else:
            self._do(name, getattr(self, name)(view))

    def _do(self, name: str, act: Act | None) -> None:
        if act is not None:
            known = len(self.returns)
            code, _ = self.floor.do(act)
            if code != "ok":
                del self.returns[known:]
            self.done.append(f"{name}: {code}")


STEPS = (
    *("file", "receive", "inspect", "refund", "acts") * 3,
    *("trigger", "parcel", "news", "time") * 2,
    *("undo", "offer", "outcome", "replacement", "feedback", "by_hand", "pay", "snapshot"),
)
NEXT: dict[str, tuple[str, ...]] = {
    "awaiting_evidence": ("trigger", "time"),
    "in_review": ("trigger", "trigger", "trigger", "offer", "receive"),
    "awaiting_parcel": ("parcel", "news", "receive", "receive", "time", "outcome"),
    "in_transit": ("news", "receive"),
    "arrived": ("receive",),
    "inspecting": ("inspect", "inspect", "inspect", "receive", "undo"),
    "settling": (
        "refund",
        "refund",
        "snapshot",
        "acts",
        "acts",
        "replacement",
        "replacement",
        "pay",
        "news",
        "inspect",
        "time",
    ),
    "awaiting_feedback": ("feedback", "trigger", "receive", "time"),
    "closed": ("file", "trigger", "receive"),
    "declined": ("trigger", "receive", "file"),
    "cancelled": ("trigger", "receive", "file"),
    "expired": ("trigger", "receive", "file"),
}
"""What is likely to go on with in each state."""


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""A walk that fails is told as it is. To make it shorter, walk after walk, takes longer than a test may on a busy
machine, and all that would be told then is that the time was over."""


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
def test_any_walk_keeps_everything_true(services: Services, data: st.DataObject) -> None:
    """After any walk the log leads to the rows, units and money add up, chains hold and nothing is stuck."""
    walk = Walk(services, data)
    before: dict[str, int] = {}
    for _ in range(data.draw(st.integers(6, 30))):
        walk.step()
        after = invariants.versions(walk.floor)
        assert all(after[key] >= version for key, version in before.items())
        before = after
    note(f"{walk.floor.store_id}: {walk.done}")
    invariants.check(walk.floor)
