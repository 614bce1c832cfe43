"""Add the moment since which a refund is in doubt, and an index that holds those few alone.

Revision: 0003, after 0002, 2026-11-22 19:58:20.402617
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from rma.db.columns import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.add_column(sa.Column("doubted_at", Instant(), nullable=True))
        batch_op.create_index(
            "refunds_in_doubt",
            ["store_id", "id"],
            unique=False,
            sqlite_where=sa.text("doubted_at IS NOT NULL"),
            postgresql_where=sa.text("doubted_at IS NOT NULL"),
        )


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.drop_index(
            "refunds_in_doubt",
            sqlite_where=sa.text("doubted_at IS NOT NULL"),
            postgresql_where=sa.text("doubted_at IS NOT NULL"),
        )
        batch_op.drop_column("doubted_at")
