"""The sums of purchases, quotes and Stripe's prices: in range, in a currency."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOST = 2**53 - 1
_CURRENCY = "currency ~ '^[A-Z]{3}$'"


def upgrade() -> None:
    for table, name, holds in (
        ("stripe_prices", "stripe_price_amount_in_range", f"amount_minor BETWEEN 0 AND {_MOST}"),
        ("stripe_prices", "stripe_price_currency_code", _CURRENCY),
        ("checkouts", "checkout_amount_in_range", f"amount_minor BETWEEN 0 AND {_MOST}"),
        ("checkouts", "checkout_currency_code", _CURRENCY),
        (
            "switch_quotes",
            "switch_quote_amount_in_range",
            f"amount_due_minor BETWEEN 0 AND {_MOST}",
        ),
        ("switch_quotes", "switch_quote_currency_code", _CURRENCY),
        (
            "switch_quotes",
            "switch_quote_compensation_in_range",
            f"compensation_credits BETWEEN -{_MOST} AND {_MOST}",
        ),
    ):
        op.create_check_constraint(op.f(name), table, holds)
    op.drop_constraint(op.f("checkout_packs_positive"), "checkouts")
    op.create_check_constraint(
        op.f("checkout_packs_positive"),
        "checkouts",
        f"packs >= 1 AND credits BETWEEN 1 AND {_MOST}",
    )
