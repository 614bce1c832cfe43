"""``rma labels``: the labels of many returns in one PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from rma.cli import out, places

if TYPE_CHECKING:
    from rma.domain.labels import Size
    from rma.services.caller import Caller
    from rma.services.context import Services
    from rma.services.labels import Document

_SIZES = ("a6", "4x6", "a4")


def register(app: typer.Typer) -> None:
    """Hang the command onto the tree."""
    app.command("labels")(labels)


def labels(
    returns: Annotated[list[str], typer.Argument(metavar="RETURN...", help="RMA numbers or ids.", show_default=False)],
    *,
    store: places.StoreSlug,
    out_file: Annotated[Path, typer.Option("--out", metavar="FILE", dir_okay=False, help="The PDF to write.")],
    size: Annotated[str, typer.Option(help="a6, 4x6 or a4.")] = "a6",
    slips: Annotated[bool, typer.Option("--slips", help="Packing slips in place of labels.")] = False,
    json: out.Json = False,
) -> None:
    """Write the labels of the parcels of returns into one PDF, in the order of the returns."""
    from rma.services import labels as use_case

    if size not in _SIZES:
        raise typer.BadParameter(f"must be one of {', '.join(_SIZES)}", param_hint="--size")
    document: Document = "packing_slip" if slips else "label"
    with places.services() as services:
        caller = places.caller_of(services.database, store)
        parcels = [parcel for name in returns for parcel in _parcels(services, caller, name)]
        printed = use_case.many(
            services, caller, parcels, document=document, size=cast("Size", size), language=caller.locale
        )
    out_file.write_bytes(printed.data)
    if json:
        out.data({"file": str(out_file), "parcels": parcels})
    else:
        out.note(f"{len(parcels)} parcels printed to {out_file}")


def _parcels(services: Services, caller: Caller, name: str) -> list[str]:
    """The parcels of a return that come back under a label of ours; ``Refused`` where it has none."""
    from rma.errors import Refused
    from rma.services import doors
    from rma.services.parcels import LABELLED

    with services.database.read() as work:
        door = doors.open_case(work, services, caller, name, lock=False)
        parcels = [
            parcel.id
            for parcel in door.children("parcel")
            if parcel.row["direction"] == "inbound"
            and parcel.row["method"] in LABELLED
            and parcel.state not in ("void", "expired")
        ]
    if not parcels:
        raise Refused(f"{name} has no parcel with a label.", code="no_label")
    return parcels
