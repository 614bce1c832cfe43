"""Try before publish: a policy over the last real returns, as they were filed, without writing anything.

Each return is judged twice on the same facts: by the policy that it was judged by, and by the one that is tried. What
a person decided after that, and overrides, are left out: the policies are compared, not the people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from rma.db.session import Work
from rma.domain import claims, explain, units
from rma.domain.decision import Decision, LineDecision, decide
from rma.domain.money import wire
from rma.domain.policy import load_policy
from rma.domain.settlement import settle
from rma.domain.terms import Policy
from rma.domain.texts import say
from rma.errors import Invalid
from rma.services import assess, policies, policy_rows, settling
from rma.services.books import Books
from rma.services.caller import Caller
from rma.services.catalog import StoreInfo
from rma.services.context import Services
from rma.services.policy_lint import Linted, LintPolicy
from rma.services.policy_rows import Filed

MOST = 10_000
"""Returns of one replay."""
EXAMPLES = 5
"""Examples of each change."""
Change = Literal["unchanged", "now_refused", "now_accepted", "now_asked", "no_longer_asked", "other_terms"]
Tick = Callable[[int, int], None]
_ASKS = frozenset({"needs_review", "needs_evidence"})


class ReplayPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Over how many of the last returns."""

    last: Annotated[int, Meta(ge=1, le=MOST)] = 1000


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One policy's answer to a return: the result and the words of each line, and the money that would go back."""

    policy_version: int
    decisions: tuple[str, ...]
    texts: tuple[str, ...]
    refund: dict[str, str] | None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A real return that would be answered otherwise."""

    change: str
    return_id: str
    rma_number: str
    order_number: str
    before: Side
    after: Side


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy would have changed. Each return counts once, under its gravest change.

    ``money_difference`` is what would have been paid back more (or less, below zero), by currency, if everything not
    refused had been accepted. ``kept_by_law``: returns of which the policy would refuse a line, but the law does not
    let it. ``unread``: returns that can no longer be judged on their own facts.
    """

    version: int
    returns: int
    unchanged: int
    now_refused: int
    now_accepted: int
    now_asked: int
    no_longer_asked: int
    other_terms: int
    unread: int
    money_difference: tuple[dict[str, str], ...]
    kept_by_law: int
    lint: Linted
    examples: tuple[Example, ...]


class _Judged(msgspec.Struct, frozen=True):
    """A return judged twice."""

    filed: Filed
    old: Policy
    before: Decision
    after: Decision
    change: Change

    @property
    def kept_by_law(self) -> bool:
        """Whether the policy that is tried would take what the law gives."""
        return any(entry.result == "kept_by_law" for line in self.after.lines for entry in line.trace)


def replay(
    work: Work,
    services: Services,
    caller: Caller,
    version: int,
    wish: ReplayPolicy,
    *,
    locale: str,
) -> Replayed:
    """A version of the store's policy, published or not, over the last returns."""
    document = policies.document(work, caller, version)
    return replay_document(work, services, caller, document, last=wish.last, locale=locale, version=version)


def replay_document(
    work: Work,
    services: Services,
    caller: Caller,
    document: dict[str, Any],
    *,
    last: int,
    locale: str,
    version: int = 0,
    tick: Tick | None = None,
) -> Replayed:
    """The same for a policy that is kept nowhere. ``tick`` is told how many returns are done, of how many."""
    policy = load_policy("policy", document, currency=caller.currency, version=version)
    linted = policies.lint_document(work, services, caller, document, wish=LintPolicy(), version=version)
    run = _Run(work, services, services.catalog.store(work, caller.store_id), policy, locale=locale)
    total = policy_rows.how_many(work, caller.store_id, most=last)
    done = 0
    for batch in policy_rows.batches(work, run.store, last=last, lookback=_lookback(work, services, caller, policy)):
        run.take(batch)
        done += len(batch)
        if tick is not None:
            tick(done, total)
    return run.told(linted)


def _lookback(work: Work, services: Services, caller: Caller, policy: Policy) -> int:
    """How far back any of the policies looks: those that the returns were judged by are the store's published ones."""
    known = policies.published_versions(work, caller.store_id)
    days = [services.catalog.policy(work, caller.store_id, version).lookback_days for version in known]
    return max([policy.lookback_days, *days])


class _Run:
    """Counts what changes, batch by batch."""

    def __init__(self, work: Work, services: Services, store: StoreInfo, policy: Policy, *, locale: str) -> None:
        self.work, self.services, self.store, self.policy, self.locale = work, services, store, policy, locale
        self.changes: Counter[str] = Counter()
        self.money: Counter[str] = Counter()
        self.kept = self.unread = 0
        self.examples: dict[str, list[Example]] = {}

    def take(self, batch: Iterable[Filed]) -> None:
        """Judge a batch twice, and count the money of what would differ."""
        judged = [one for one in map(self._judge, batch) if one is not None]
        differ = [one for one in judged if self._may_differ(one)]
        found = policy_rows.books_of(self.work, [one.filed for one in differ]) if differ else {}
        for one in judged:
            self.changes[one.change] += 1
            self.kept += one.kept_by_law
            self._count(one, found.get(one.filed.id))

    def _judge(self, filed: Filed) -> _Judged | None:
        old = self.services.catalog.policy(self.work, self.store.id, filed.policy_version)
        facts = assess.facts_of(self.store, filed.view, now=filed.created_at, but=filed.id, earlier=filed.earlier)
        lines = tuple(assess.asked_again(line, filed.files_of(line)) for line in filed.lines)
        request = msgspec.convert(
            {"lines": lines, "filed_at": filed.noticed_at, "method": filed.method}, claims.Request
        )
        try:
            before, after = (decide(policy, filed.view.law, facts, request) for policy in (old, self.policy))
        except Invalid:
            self.unread += 1
            return None
        return _Judged(filed, old, before, after, _change(before, after))

    def _may_differ(self, one: _Judged) -> bool:
        mine, theirs = self.policy.refunds, one.old.refunds
        return one.change != "unchanged" or (mine.shipping, mine.promotions) != (theirs.shipping, theirs.promotions)

    def _count(self, one: _Judged, found: Books | None) -> None:
        sums: tuple[dict[str, str] | None, dict[str, str] | None] = (None, None)
        if found is not None:
            was, now = _total(one, one.before, one.old, found), _total(one, one.after, self.policy, found)
            self.money[one.filed.currency] += now - was
            sums = (wire(was, one.filed.currency), wire(now, one.filed.currency))
        if one.change != "unchanged":
            self._show(one, one.change, *sums)
        if one.kept_by_law:
            self._show(one, "kept_by_law", *sums)

    def _show(self, one: _Judged, change: str, was: dict[str, str] | None, now: dict[str, str] | None) -> None:
        shown = self.examples.setdefault(change, [])
        if len(shown) < EXAMPLES:
            example = Example(
                change=change,
                return_id=one.filed.id,
                rma_number=one.filed.rma_number,
                order_number=one.filed.order_number,
                before=self._side(one.before, was),
                after=self._side(one.after, now),
            )
            shown.append(example)

    def _side(self, decision: Decision, refund: dict[str, str] | None) -> Side:
        return Side(
            policy_version=decision.policy_version,
            decisions=tuple(line.decision for line in decision.lines),
            texts=tuple(say(explain.sentence(line), self.locale) for line in decision.lines),
            refund=refund,
        )

    def told(self, linted: Linted) -> Replayed:
        """Everything that was counted."""
        difference = tuple(wire(amount, currency) for currency, amount in sorted(self.money.items()) if amount)
        return Replayed(
            version=self.policy.version,
            returns=sum(self.changes.values()) + self.unread,
            unchanged=self.changes["unchanged"],
            now_refused=self.changes["now_refused"],
            now_accepted=self.changes["now_accepted"],
            now_asked=self.changes["now_asked"],
            no_longer_asked=self.changes["no_longer_asked"],
            other_terms=self.changes["other_terms"],
            unread=self.unread,
            money_difference=difference,
            kept_by_law=self.kept,
            lint=linted,
            examples=tuple(example for shown in self.examples.values() for example in shown),
        )


def _change(before: Decision, after: Decision) -> Change:
    """The gravest change of any line."""
    pairs = [(was.decision, now.decision) for was, now in zip(before.lines, after.lines, strict=True)]
    if any(was != "refused" and now == "refused" for was, now in pairs):
        return "now_refused"
    if any(was == "refused" and now != "refused" for was, now in pairs):
        return "now_accepted"
    if any(was == "accepted" and now in _ASKS for was, now in pairs):
        return "now_asked"
    if any(was in _ASKS and now == "accepted" for was, now in pairs):
        return "no_longer_asked"
    return "unchanged" if _terms(before) == _terms(after) else "other_terms"


def _terms(decision: Decision) -> tuple[Any, ...]:
    """What else a customer would notice of the lines that are not refused."""
    return (decision.fees, *(_line_terms(line) for line in decision.lines if line.decision != "refused"))


def _line_terms(line: LineDecision) -> tuple[Any, ...]:
    return line.outcome, line.outcomes, line.methods, line.goods_come_back, line.restocking_percent, line.decision


def _total(one: _Judged, decision: Decision, policy: Policy, found: Books) -> int:
    """What would go back if everything that is not refused is accepted; an exchange counts as its goods."""
    shares, taken = [], dict[str, units.Ranges]()
    for line in decision.lines:
        if line.decision == "refused" or line.outcome not in settling.MONEY_BACK:
            continue
        free = units.subtract(one.filed.view.free(line.order_line_id), taken.get(line.order_line_id, ()))
        chosen = units.take(free, min(line.quantity, units.count(free)))
        taken[line.order_line_id] = units.union(taken.get(line.order_line_id, ()), chosen)
        statutory = line.basis == "statutory"
        shares.append(settling.Share(line.order_line_id, chosen, line.outcome, statutory, str(line.restocking_percent)))
    fee = sum(one.amount for one in decision.fees)
    asked = settling.ask(one.filed.view, policy, found, shares, fee=fee)
    return settle(one.filed.view.priced, past=found.past, tenders=found.tenders, ask=asked).total
