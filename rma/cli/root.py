"""The tree of commands, and what becomes of their errors."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rma.cli import (
    database,
    definitions,
    effects,
    history,
    labels,
    law,
    orders,
    out,
    policies,
    privacy,
    serving,
    stores,
)
from rma.errors import RmaError

USAGE = 2
_HELP = "Returns and exchanges: serve the API, look after stores, and prove that nobody changed the history."

app = typer.Typer(name="rma", help=_HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(database.app, name="db")
app.add_typer(stores.app, name="store")
app.add_typer(stores.keys, name="keys")
app.add_typer(orders.app, name="orders")
app.add_typer(definitions.workflows, name="workflows")
app.add_typer(policies.app, name="policy")
app.add_typer(law.app, name="law")
app.add_typer(effects.app, name="effects")
app.add_typer(privacy.app, name="privacy")
serving.register(app)
history.register(app)
labels.register(app)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        out.line(f"rma-engine {version('rma-engine')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and end.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Settings come from the environment, RMA_DATA_DIR and RMA_DATABASE_URL first."""


def main() -> int:
    """Run the command of this process's arguments and answer its exit code."""
    try:
        app(prog_name="rma")
    except SystemExit as done:
        return _code(done.code)
    except RmaError as error:
        out.problem(error, as_json="--json" in sys.argv)
        return 1
    except BrokenPipeError:
        return out.close_quietly()
    except Exception as error:  # noqa: BLE001 - the edge: people get a line, never a trace
        return out.unexpected(error, as_json="--json" in sys.argv)
    return 0


def _code(code: str | int | None) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    out.note(code)
    return 1
