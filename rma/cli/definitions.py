"""``rma workflows`` and ``rma policy``: check, draw and publish what a store is run by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rma.cli import out, places

workflows = typer.Typer(help="Workflows: check, draw and publish TOML files.", no_args_is_help=True)
policy = typer.Typer(help="Policies: publish a store's rules.", no_args_is_help=True)
Language = Annotated[str, typer.Option("--lang", help="The language of its labels: tr, en or de.")]


@policy.callback()
def _policy() -> None:
    """Policies: publish a store's rules."""


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


@policy.command("publish")
def publish_policy(
    file: places.InFile,
    *,
    store: places.StoreSlug,
    effective_from: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="With a zone: 2027-01-01T00:00:00+03:00. Now unless told.")
    ] = None,
    json: out.Json = False,
) -> None:
    """Publish a policy file (TOML, or JSON if its name ends so) as the store's next version.

    It holds for orders placed from then on; an order keeps the version that held when it was placed.
    """
    from rma.domain import strict
    from rma.services import policies as use_case

    document = _document(file)
    wish = strict.convert({"effective_from": effective_from}, use_case.PublishPolicy)
    with places.services() as services:
        caller = places.caller_of(services.database, store)

        def act(work: Any) -> use_case.PolicyView:  # noqa: ANN401 - a transaction, imported late
            made = use_case.draft(work, caller, document, source=file.name)
            return use_case.publish(work, services, caller, made.version, wish=wish)

        made = services.database.retrying(act)
    if json:
        out.data(made)
    else:
        out.line(f"The policy {made.name!r} is published as version {made.version}.")


def _document(file: Path) -> dict[str, Any]:
    from rma.domain import policy as reading
    from rma.domain import strict

    raw = file.read_bytes()
    if file.suffix.lower() == ".json":
        found: dict[str, Any] = strict.decode(raw, dict[str, Any])
        return found
    return reading.body(file.name, raw)
