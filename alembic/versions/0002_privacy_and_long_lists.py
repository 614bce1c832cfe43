"""Add what privacy, dead letters and long lists need.

Revision: 0002, after 0001, 2026-11-22 03:31:02.965716
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from rma.db.columns import Instant, Json

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; a database that was made on the one day when 0001 held all of this lacks one index at most."""
    there = sa.inspect(op.get_bind())
    if there.has_table("privacy_requests"):
        if all(index["name"] != "ix_messages_recipient" for index in there.get_indexes("messages")):
            op.create_index("ix_messages_recipient", "messages", ["recipient"])
        return
    op.create_table(
        "privacy_requests",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("store_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("matters", Json(), nullable=False),
        sa.Column("open", Json(), nullable=False),
        sa.Column("answer", Json(), nullable=False),
        sa.Column("answer_due", sa.Date(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("events_n", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("privacy_requests", schema=None) as batch_op:
        batch_op.create_index("privacy_requests_by_state", ["store_id", "state", "id"], unique=False)

    op.create_table(
        "destructions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("store_id", sa.String(length=40), nullable=False),
        sa.Column("request_id", sa.String(length=40), nullable=True),
        sa.Column("record", sa.String(length=24), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("keep_until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["privacy_requests.id"]),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("destructions", schema=None) as batch_op:
        batch_op.create_index("destructions_by_store", ["store_id", "id"], unique=False)

    op.create_table(
        "restricted",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("store_id", sa.String(length=40), nullable=False),
        sa.Column("request_id", sa.String(length=40), nullable=True),
        sa.Column("record", sa.String(length=24), nullable=False),
        sa.Column("matter", sa.String(length=40), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["privacy_requests.id"]),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("restricted", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_restricted_matter"), ["matter"], unique=False)
        batch_op.create_index(batch_op.f("ix_restricted_request_id"), ["request_id"], unique=False)
        batch_op.create_index("restricted_to_destroy", ["store_id", "until"], unique=False)

    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tries", sa.Integer(), nullable=False, server_default="1"))

    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("deadlines_by_return"))
        batch_op.create_index("deadlines_by_return", ["return_id", "subject_id"], unique=False)
        batch_op.create_index(
            "deadlines_of_refunds",
            ["store_id", "raw"],
            unique=False,
            sqlite_where=sa.text("name = 'refund' AND state IN ('open', 'missed')"),
            postgresql_where=sa.text("name = 'refund' AND state IN ('open', 'missed')"),
        )

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("destroyed_at", Instant(), nullable=True))
        batch_op.create_index(
            "evidence_kept",
            ["store_id", "return_id"],
            unique=False,
            sqlite_where=sa.text("destroyed_at IS NULL"),
            postgresql_where=sa.text("destroyed_at IS NULL"),
        )

    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("error", sa.String(length=80), nullable=True))
        batch_op.create_index(batch_op.f("ix_messages_recipient"), ["recipient"], unique=False)

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("look_at", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("erased_at", Instant(), nullable=True))
        batch_op.create_index("orders_to_look_at", ["store_id", "look_at"], unique=False)

    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.add_column(sa.Column("due_on", sa.Date(), nullable=False, server_default="9999-12-31"))
        batch_op.drop_index(batch_op.f("refunds_by_state"))
        batch_op.create_index("refunds_by_state", ["store_id", "state", "due_on", "id"], unique=False)
        batch_op.create_index("refunds_by_due", ["store_id", "due_on", "id"], unique=False)
        batch_op.create_index("refunds_by_order_number", ["store_id", "order_number"], unique=False)
        batch_op.create_index("refunds_by_store", ["store_id", "id"], unique=False)
        batch_op.create_index(
            "refunds_owed",
            ["store_id", "due_on", "id"],
            unique=False,
            sqlite_where=sa.text("state NOT IN ('refused', 'succeeded')"),
            postgresql_where=sa.text("state NOT IN ('refused', 'succeeded')"),
        )

    with op.batch_alter_table("return_lines", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("return_lines_by_sku"))
        batch_op.create_index("return_lines_by_sku", ["store_id", "sku", "return_id"], unique=False)

    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.create_index("returns_by_order_number", ["store_id", "order_number"], unique=False)
        batch_op.create_index("returns_by_waiting", ["store_id", "waits_for", "id"], unique=False)

    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retention", Json(), nullable=False, server_default="{}"))

    # what was there before: each refund's own day, and every order is looked at by the next run
    op.execute("UPDATE refunds SET due_on = COALESCE(due_legal, due_promise, due_on)")
    op.execute("UPDATE orders SET look_at = CURRENT_DATE")


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("stores", schema=None) as batch_op:
        batch_op.drop_column("retention")

    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.drop_index("returns_by_waiting")
        batch_op.drop_index("returns_by_order_number")

    with op.batch_alter_table("return_lines", schema=None) as batch_op:
        batch_op.drop_index("return_lines_by_sku")
        batch_op.create_index(batch_op.f("return_lines_by_sku"), ["store_id", "sku"], unique=False)

    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.drop_index(
            "refunds_owed",
            sqlite_where=sa.text("state NOT IN ('refused', 'succeeded')"),
            postgresql_where=sa.text("state NOT IN ('refused', 'succeeded')"),
        )
        batch_op.drop_index("refunds_by_store")
        batch_op.drop_index("refunds_by_order_number")
        batch_op.drop_index("refunds_by_due")
        batch_op.drop_index("refunds_by_state")
        batch_op.create_index(batch_op.f("refunds_by_state"), ["store_id", "state", "due_legal"], unique=False)
        batch_op.drop_column("due_on")

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("orders_to_look_at")
        batch_op.drop_column("erased_at")
        batch_op.drop_column("look_at")

    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_messages_recipient"))
        batch_op.drop_column("error")

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_index(
            "evidence_kept",
            sqlite_where=sa.text("destroyed_at IS NULL"),
            postgresql_where=sa.text("destroyed_at IS NULL"),
        )
        batch_op.drop_column("destroyed_at")

    with op.batch_alter_table("deadlines", schema=None) as batch_op:
        batch_op.drop_index(
            "deadlines_of_refunds",
            sqlite_where=sa.text("name = 'refund' AND state IN ('open', 'missed')"),
            postgresql_where=sa.text("name = 'refund' AND state IN ('open', 'missed')"),
        )
        batch_op.drop_index("deadlines_by_return")
        batch_op.create_index(batch_op.f("deadlines_by_return"), ["return_id"], unique=False)

    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_column("tries")

    with op.batch_alter_table("restricted", schema=None) as batch_op:
        batch_op.drop_index("restricted_to_destroy")
        batch_op.drop_index(batch_op.f("ix_restricted_request_id"))
        batch_op.drop_index(batch_op.f("ix_restricted_matter"))

    op.drop_table("restricted")
    with op.batch_alter_table("destructions", schema=None) as batch_op:
        batch_op.drop_index("destructions_by_store")

    op.drop_table("destructions")
    with op.batch_alter_table("privacy_requests", schema=None) as batch_op:
        batch_op.drop_index("privacy_requests_by_state")

    op.drop_table("privacy_requests")
