"""``rma law``: check files of the law, and say which texts there are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rma.cli import out
from rma.errors import DefinitionError, FieldError

app = typer.Typer(help="Law: check and list the dated texts.", no_args_is_help=True)
Folder = Annotated[
    Path | None,
    typer.Argument(exists=True, file_okay=False, metavar="[FOLDER]", help="A folder of TOML files; the shipped one."),
]


@app.command("check")
def check(folder: Folder = None, *, json: out.Json = False) -> None:
    """Read a folder of the law strictly and say what is wrong with it, with file and path; exit 1 when anything is."""
    source = ""
    faults: tuple[FieldError, ...] = ()
    try:
        _read(folder)
    except DefinitionError as error:
        source, faults = error.source, error.errors
    if json:
        out.data({"file": source or None, "faults": faults})
    else:
        for fault in faults:
            out.line(f"{source}: {fault.path or '(the whole file)'}: {fault.message}")
        if not faults:
            out.line("The law can be read.")
    raise typer.Exit(1 if faults else 0)


@app.command("list")
def listing(folder: Folder = None, *, json: out.Json = False) -> None:
    """Say which texts there are, from when each holds, and in which countries."""
    laws = _read(folder)
    texts = [
        {
            "version": one.version,
            "valid_from": one.valid_from,
            "title": one.title["en"],
            "countries": laws.countries(one.jurisdiction),
            "file": one.source,
            "sha256": one.sha256,
        }
        for one in laws.profiles
    ]
    if json:
        out.data(texts)
    else:
        for text in texts:
            out.line(f"{text['version']:15} {text['title']}")


def _read(folder: Path | None) -> Any:  # noqa: ANN401 - the law, imported late
    from rma.services import law

    return law.read_folder(folder) if folder else law.laws()
