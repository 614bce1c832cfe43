"""``rma verify``: prove that nobody changed the history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rma.cli import out, places

if TYPE_CHECKING:
    from rma.services.verify import Report


def register(app: typer.Typer) -> None:
    """Hang the command onto the tree."""
    app.command("verify")(verify)


def verify(
    *,
    store: Annotated[str | None, typer.Option(metavar="SLUG", help="This store alone; every one unless told.")] = None,
    against: Annotated[
        Path | None,
        typer.Option(exists=True, metavar="FILE", help="Seal heads kept elsewhere: a file, or a folder of them."),
    ] = None,
    json: out.Json = False,
) -> None:
    """Recompute every chain of events and every seal; name what does not hold, each store's first bad place first.

    With --against, a cut, an old copy put back and a history recomputed from its start are found too; each store must
    have a head there. Without it, the heads in this installation's own data folder are compared.
    """
    from rma.services import seal_heads
    from rma.services import verify as use_case
    from rma.settings import Settings

    settings = Settings()
    if against is None:
        heads = seal_heads.own(settings.data_dir, settings.secret)
    else:
        heads = seal_heads.read(against, seal_heads.Signer(settings.secret))
    with places.migrated(settings) as database, out.progress("Checked") as tick:
        report = use_case.verify(database, store=store, heads=heads, each=against is not None, progress=tick)
    if json:
        out.data(report)
    else:
        _tell(report)
    raise typer.Exit(1 if report.faulty else 0)


def _tell(report: Report) -> None:
    for fault in report.faults:
        out.line(f"{fault.place}: {fault.message}")
    if report.faulty > len(report.faults):
        out.line(f"... and {report.faulty - len(report.faults)} more")
    out.line(
        f"{report.events} events of {report.streams} streams in {report.stores} stores, {report.sealed} sealed,"
        f" {report.unsealed} not sealed yet, {report.heads} kept heads compared: "
        + (f"{report.faulty} bad places" if report.faulty else "everything holds")
    )
