"""Run the migrations on the connection that ``rma.db.migrate`` hands over.

Tables of the durable engine are not ours.
"""

from __future__ import annotations

from typing import Any

from alembic import context

from rma.db.columns import Instant, Json
from rma.db.tables import metadata


def ours(_object: Any, name: str | None, kind: str, reflected: bool, _compare_to: Any) -> bool:  # noqa: FBT001
    """Leave alone every table that is in the database but not in our models."""
    return not (kind == "table" and reflected and name not in metadata.tables)


def plain(kind: str, column_type: Any, autogen: Any) -> str | bool:
    """Write our own column types by their short names and SQLModel's string as SQLAlchemy's."""
    if kind == "type" and isinstance(column_type, Instant | Json):
        autogen.imports.add("from rma.db.columns import Instant, Json")
        return f"{type(column_type).__name__}()"
    if kind == "type" and type(column_type).__name__ == "AutoString":
        return f"sa.String(length={column_type.length})" if column_type.length else "sa.String()"
    return False


def run() -> None:
    """Migrate in one transaction."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=ours,
        render_item=plain,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
