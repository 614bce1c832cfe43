"""``rma privacy``: hand out, erase and destroy personal data, and show the destruction log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rma.cli import out, places

if TYPE_CHECKING:
    from rma.services.privacy import AnswerView, Subject

app = typer.Typer(help="Personal data: export, erase, destroy what is due.", no_args_is_help=True)
Email = Annotated[str | None, typer.Option(metavar="ADDRESS", help="The person's e-mail address.")]
Reference = Annotated[str | None, typer.Option(metavar="REF", help="The shop's own reference of the customer.")]
Language = Annotated[str, places.language_option(what="the answers")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]


@app.callback()
def _privacy() -> None:
    """Personal data: export, erase, destroy what is due."""


@app.command()
def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, metavar="FILE", help="A new .json or .zip file.")],
    *,
    store: places.StoreSlug,
    email: Email = None,
    reference: Reference = None,
    request: Annotated[str | None, typer.Option(metavar="ID", help="What this erasure has locked away.")] = None,
    language: Language = "en",
) -> None:
    """Write everything that is held about a person into FILE: JSON, or a ZIP with the photos if its name ends so."""
    import msgspec

    from rma.services import privacy_export as use_case

    asked = use_case.ExportOf(email=email, customer_reference=reference, request_id=request)
    with places.services() as services:
        caller = places.caller_of(services.database, store)
        if file.suffix.lower() == ".zip":
            made = use_case.archive(services, caller, asked, locale=language)
        else:
            with services.database.read() as work:
                found = use_case.export(work, services, caller, asked, locale=language)
            made = msgspec.json.format(msgspec.json.encode(found), indent=2)
    with file.open("xb") as target:
        target.write(made)
    out.note(f"{file}: {len(made)} bytes")


@app.command()
def erase(
    *,
    store: places.StoreSlug,
    email: Email = None,
    reference: Reference = None,
    dry_run: DryRun = False,
    language: Language = "en",
    json: out.Json = False,
) -> None:
    """Erase a person. What a duty keeps is locked away until its day; the answer says each class of record and why."""
    from rma.services import privacy as use_case

    subject: Subject = use_case.Subject(email=email, customer_reference=reference)
    with places.services() as services:
        caller = places.caller_of(services.database, store)
        if dry_run:
            with services.database.read() as work:
                view = use_case.preview(work, services, caller, subject, locale=language)
        else:
            view = services.database.retrying(
                lambda work: use_case.request(work, services, caller, subject, locale=language)
            )
    if json:
        out.data(view)
        return
    if isinstance(view, use_case.RequestView):
        out.line(f"{view.id}: {view.state}")
    _tell(view.answers)
    out.note(f"{len(view.matters)} matters, {len(view.open)} still open; answer by {view.answer_due} ({view.article})")


def _tell(answers: list[AnswerView]) -> None:
    for one in answers:
        out.line(one.text)


@app.command()
def run(
    *,
    store: Annotated[str | None, typer.Option(metavar="SLUG", help="This store alone; every one unless told.")] = None,
    dry_run: DryRun = False,
    json: out.Json = False,
) -> None:
    """Destroy what has reached its end. The worker does it every hour; a run that was stopped is simply run again.

    Exit code 1 when something could not be destroyed.
    """
    from rma.services import privacy_run as use_case

    with places.services() as services, out.progress("Steps") as tick:
        store_id = None if store is None else places.caller_of(services.database, store).store_id
        report = use_case.run(services, store_id=store_id, dry_run=dry_run, progress=tick)
    if json:
        out.data(report)
        raise typer.Exit(1 if report.failed else 0)
    for one in report.destroyed:
        out.line(f"{one.record}: {one.count}" + (f", {one.files} files" if one.files else ""))
    for failed in report.failed:
        out.line(f"{failed.id}: could not be destroyed ({failed.error})")
    would = "would be destroyed" if report.dry_run else "destroyed"
    out.note(f"{sum(one.count for one in report.destroyed)} records {would} in {report.stores} stores")
    raise typer.Exit(1 if report.failed else 0)


@app.command("log")
def show_log(*, store: places.StoreSlug, json: out.Json = False) -> None:
    """Show the destruction log: what class, how many, by which article, when."""
    from rma.services import privacy_run as use_case
    from rma.services.paging import MAX_LIMIT, Ask

    after: str | None = None
    with places.services() as services:
        caller = places.caller_of(services.database, store)
        while True:
            with services.database.read() as work:
                part = use_case.destructions(work, caller.store_id, Ask(limit=MAX_LIMIT, after=after))
            for line in part.items:
                if json:
                    out.data(line)
                else:
                    files = f", {line.files} files" if line.files else ""
                    out.line(f"{line.at:%Y-%m-%d %H:%M} {line.record}: {line.count}{files} ({line.article})")
            after = part.next_cursor
            if after is None:
                return
