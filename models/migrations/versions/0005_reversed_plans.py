"""Since when all that was paid for a one-time plan has gone back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkouts", sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True))
