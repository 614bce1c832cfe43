"""``rma effects``: durable acts and messages that did not get through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rma.cli import out, places

if TYPE_CHECKING:
    from rma.services.dead_letters import DeadLetter

app = typer.Typer(help="What did not get through: list it, and try it again.", no_args_is_help=True)


@app.command("list")
def listing(
    *,
    store: Annotated[str | None, typer.Option(metavar="SLUG", help="Of this store only; else of all.")] = None,
    json: out.Json = False,
) -> None:
    """Acts and messages that broke, gave up or stay unknown, with state, age, tries and last error."""
    from rma.services import dead_letters
    from rma.services.paging import MAX_LIMIT, Ask

    found: list[DeadLetter] = []
    with places.migrated() as database:
        store_id = places.caller_of(database, store).store_id if store else None
        after: str | None = None
        while True:
            with database.read() as work:
                page = dead_letters.listing(work, store_id, dead_letters.Filters(), Ask(MAX_LIMIT, after))
            found += page.items
            after = page.next_cursor
            if after is None:
                break
    if json:
        out.data({"items": found})
        return
    for letter in found:
        out.line(_told(letter))
    if not found:
        out.note("Everything got through.")


@app.command()
def retry(
    letter_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)], *, json: out.Json = False
) -> None:
    """Take one up once more, now. What may have been done already is asked about, never sent a second time."""
    from rma.services import dead_letters

    with places.services() as services:
        letter = services.database.retrying(lambda work: dead_letters.retry(work, services, None, letter_id))
    if json:
        out.data(letter)
    else:
        out.line(_told(letter))


def _told(letter: DeadLetter) -> str:
    about = f" for {letter.subject}" if letter.subject else ""
    error = f": {letter.error}" if letter.error else ""
    return f"{letter.id}  {letter.what}{about}, {letter.state}, {letter.age_seconds} s old, try {letter.tries}{error}"
