"""``rma workflows``: check, draw and publish the machines that a store is run by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rma.cli import out, places

workflows = typer.Typer(help="Workflows: check, draw and publish TOML files.", no_args_is_help=True)
Language = Annotated[str, places.language_option("--lang", what="its labels")]


@workflows.callback()
def _workflows() -> None:
    """Workflows: check, draw and publish TOML files."""


@workflows.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, metavar="FILE...")],
    *,
    json: out.Json = False,
) -> None:
    """Say everything that is wrong with workflow files, each fault with its path; exit 1 when there is any."""
    found = [(file, _faults(file)) for file in files]
    if json:
        out.data([{"file": str(file), "faults": faults} for file, faults in found])
    else:
        for file, faults in found:
            for fault in faults:
                out.line(f"{file}: {fault.path or '(the whole file)'}: {fault.message}")
            if not faults:
                out.line(f"{file}: may be published")
    raise typer.Exit(1 if any(faults for _, faults in found) else 0)


def _faults(file: Path) -> list[Any]:
    from rma.errors import DefinitionError
    from rma.services.workflows import read

    try:
        read(file.name, file.read_bytes())
    except DefinitionError as error:
        return list(error.errors)
    return []


@workflows.command("draw")
def draw(file: places.InFile, *, lang: Language = "en", json: out.Json = False) -> None:
    """Print a workflow file as a Mermaid diagram."""
    from rma.domain import definition, drawing

    drawn = drawing.draw(definition.load(file.name, file.read_bytes()), lang)
    if json:
        out.data({"diagram": drawn})
    else:
        out.line(drawn.rstrip("\n"))


@workflows.command("publish")
def publish_workflow(file: places.InFile, *, store: places.StoreSlug, json: out.Json = False) -> None:
    """Publish a workflow file as the store's next version. Open returns keep the version they began with."""
    from rma.services import workflows as use_case

    raw = file.read_bytes()
    use_case.read(file.name, raw)
    with places.services() as services:
        caller = places.caller_of(services.database, store)

        def act(work: Any) -> use_case.WorkflowView:  # noqa: ANN401 - a transaction, imported late
            made = use_case.draft(work, caller, raw, language="en")
            return use_case.publish(work, services, caller, made.id, language="en")

        made = services.database.retrying(act)
    if json:
        out.data(made)
    else:
        out.line(f"{made.name} is published as version {made.version}.")
