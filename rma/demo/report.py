"""What the screen says: before the story where the data comes from, after it what happened and where to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rma.demo.plan import StorePlan
from rma.demo.tally import Tally
from rma.domain.money import format_amount

TOP = 8
SOURCE = (
    '"Online Retail II", Daqing Chen (2019), UCI Machine Learning Repository, CC BY 4.0, '
    "https://doi.org/10.24432/C5CG6D"
)


def before(console: Console, plans: Sequence[StorePlan], *, data: str) -> None:
    """Where the data comes from, that dates were moved, and that the stores are in test mode."""
    console.print(f"[bold]Real invoices:[/] {data}")
    console.print(f"  {SOURCE}", highlight=False)
    console.print(
        "[yellow]Both stores are in test mode.[/] Their clocks are moved through the story, no money moves and no mail "
        "leaves this machine. All dates of the invoices were moved by whole weeks so that the last one is of last "
        "week; weekdays, times and intervals are as they were. A credit note says neither why goods came back nor in "
        "what state: reasons, findings and feedback are made up, as are all names and the whole Turkish store."
    )
    for plan in plans:
        console.print(f"[bold]{plan.spec.name}[/] ({plan.spec.slug}, {plan.spec.currency})")
        for text in plan.about:
            console.print(f"  {text}", highlight=False)
        _counts(console, "rows left out", plan.left_out)
        _counts(console, "credited lines that belong to no sale here", plan.unmatched)


def after(console: Console, tallies: Sequence[Tally], *, log: Path | None = None) -> None:
    """What happened in each store; where something went wrong, also where to look (``log``: the server's)."""
    for tally in tallies:
        console.print(_summary(tally))
        _top(console, "refused because", tally.refused, tally.examples)
        _top(console, "lines left out of accepted returns because", tally.left_out, tally.examples)
        if tally.ledger.credited:
            _ledger(console, tally)
        _troubles(console, tally, log)


def links(console: Console, *, base_url: str, data: Path, tallies: Sequence[Tally], keys_file: Path | None) -> None:
    """Where to look now."""
    console.print("[bold]Look around[/]")
    for name, url in addresses(base_url, tallies):
        console.print(f"  {name:<11} {url}", highlight=False, soft_wrap=True)
    for tally in tallies:
        if tally.label_folder is not None:
            console.print(f"  label PDFs  {tally.label_folder}", highlight=False, soft_wrap=True)
    console.print(f"  data        {data}", highlight=False, soft_wrap=True)
    console.print(f"  mails       {data / 'outbox'}", highlight=False, soft_wrap=True)
    if keys_file is not None:
        console.print(f"  keys        {keys_file}", highlight=False, soft_wrap=True)
        command = f"curl --header 'Authorization: Bearer KEY' {base_url}/api/v1/returns"
        console.print(f"  returns     {command}  (a KEY of that file)", highlight=False, soft_wrap=True, markup=False)


def addresses(base_url: str, tallies: Sequence[Tally]) -> Iterator[tuple[str, str]]:
    """What a browser can open without a key: the API's own page, and of each store what its customers see."""
    yield "API page", f"{base_url}/api/docs"
    yield "OpenAPI", f"{base_url}/api/v1/openapi.json"
    for tally in tallies:
        yield "policy", f"{base_url}/{tally.slug}/policy"
        yield "withdrawal", f"{base_url}/{tally.slug}/withdraw"


def _summary(tally: Tally) -> Table:
    table = Table(title=f"{tally.slug}: what happened", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in _figures(tally):
        table.add_row(name, value)
    return table


def _figures(tally: Tally) -> list[tuple[str, str]]:
    scores = tally.scores
    heard = f"{len(scores)}, mean {sum(scores) / len(scores):.1f} of 5" if scores else "none"
    figures = [
        ("orders loaded", f"{tally.orders:,}" + (f", {len(tally.bad_orders)} refused" if tally.bad_orders else "")),
        ("returns asked for", f"{tally.asked:,}"),
        ("accepted", f"{tally.filed:,} ({_list(tally.bases)})" if tally.filed else "0"),
        ("refused", f"{sum(tally.refused.values()):,}"),
        ("looked at by a person", f"{tally.reviewed:,}"),
        ("exchanged", f"{tally.exchanges:,}"),
        ("sent back to the customer", f"{tally.sent_back:,}"),
        ("refunds", _list(tally.refunds) or "none"),
        ("refunded", f"{format_amount(tally.refunded, tally.currency)} {tally.currency}"),
        ("by tender", ", ".join(f"{k} {format_amount(v, tally.currency)}" for k, v in tally.paid.most_common()) or "–"),
        ("approved by two people", f"{tally.paid_by_two:,}"),
        ("sent again after a failure", f"{tally.retried:,}"),
        ("feedback", heard),
        ("label PDFs", f"{tally.labels:,}"),
        ("mails", _list(tally.mails) or "none"),
        ("returns stand at", _list(tally.states)),
        ("took", f"{tally.seconds:.1f} s, {tally.requests:,} requests, {tally.days} evenings"),
    ]
    return [(name, value) for name, value in figures if value not in {"0", "none", "–"}]


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())


def _counts(console: Console, title: str, counts: Sequence[tuple[str, int]]) -> None:
    if not counts:
        return
    console.print(f"  {title}:", highlight=False)
    for text, count in counts:
        console.print(f"  {count:>7,}  {text}", highlight=False)


def _top(console: Console, title: str, counts: Counter[str], examples: Mapping[str, str]) -> None:
    if not counts:
        return
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(justify="right")
    table.add_column()
    for code, count in counts.most_common(TOP):
        text = examples.get(code, code)
        table.add_row(f"{count:,}", f"{code}: {text}" if count == 1 else f"{code}, for example: {text}")
    console.print(table)


def _ledger(console: Console, tally: Tally) -> None:
    """From what the retailer credited to what was refunded."""
    table = Table(title=f"what was credited and what was refunded, {tally.currency}", title_justify="left")
    table.show_header = False
    table.add_column()
    table.add_column(justify="right")
    for name, amount in tally.ledger.rows():
        if amount:
            table.add_row(name, format_amount(amount, tally.currency))
    console.print(table)


def _troubles(console: Console, tally: Tally, log: Path | None) -> None:
    faults = [*(f"order: {fault}" for fault in tally.bad_orders)]
    faults += [f"{trouble.source} at {trouble.step}: {trouble.text}" for trouble in tally.troubles]
    if not faults:
        return
    console.print(f"[red]{len(faults)} things went wrong[/], for example:")
    for fault in faults[:TOP]:
        console.print(f"  {fault}", highlight=False, markup=False)
    if log is not None:
        text = f"  What the server says of it stands in {log}; put it right there and play the demo again."
        console.print(text, highlight=False, soft_wrap=True)
