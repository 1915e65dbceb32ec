"""The payments of which something has gone back, and what they still bring."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reversed_payments",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("stripe_payment_intent_id", sa.Text(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("disputed_minor", sa.BigInteger(), nullable=False),
        sa.Column("brings", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "paid_minor > 0 AND refunded_minor >= 0 AND disputed_minor >= 0",
            name=op.f("reversed_payment_sums_in_range"),
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "stripe_payment_intent_id", name=op.f("reversed_payments_pkey")
        ),
    )
    # A distributed engine splits the table here: before it has foreign keys.
    op.create_foreign_key(
        op.f("reversed_payments_workspace_id_fkey"),
        "reversed_payments",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
