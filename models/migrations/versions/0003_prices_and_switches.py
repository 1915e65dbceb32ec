"""Every Stripe price there was, the catalogue's terms, and which switch is under way."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stripe_prices",
        sa.Column("stripe_price_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=True),
        sa.Column(
            "billing_cycle",
            sa.Enum(
                "MONTHLY",
                "YEARLY",
                "ONE_TIME",
                name="stripe_price_cycle_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=True,
        ),
        sa.Column("pack_id", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(plan_id, pack_id) = 1 AND (plan_id IS NULL) = (billing_cycle IS NULL)",
            name=op.f("stripe_price_sells_one_thing"),
        ),
        sa.PrimaryKeyConstraint("stripe_price_id", name=op.f("stripe_prices_pkey")),
    )
    op.create_table(
        "catalog_terms",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "value BETWEEN 0 AND 9007199254740991", name=op.f("catalog_term_in_range")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("catalog_terms_pkey")),
    )
    op.add_column("checkouts", sa.Column("stripe_price_id", sa.Text(), nullable=True))
    # A quote lives for minutes: one that was made before this knows no price, and is asked again.
    op.execute("DELETE FROM switch_quotes")
    op.add_column("switch_quotes", sa.Column("stripe_price_id", sa.Text(), nullable=False))
    op.add_column(
        "switch_quotes", sa.Column("under_way_since", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "switch_quotes_under_way_key",
        "switch_quotes",
        ["workspace_id"],
        unique=True,
        postgresql_where=sa.text("under_way_since IS NOT NULL"),
    )
    for column, referred in (("plan_id", "plans"), ("pack_id", "credit_packs")):
        op.create_foreign_key(
            op.f(f"stripe_prices_{column}_fkey"), "stripe_prices", referred, [column], ["id"]
        )
