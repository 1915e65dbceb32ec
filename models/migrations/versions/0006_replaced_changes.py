"""What a plan switch has taken the place of: it comes again if the switch is never paid."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("switch_quotes", sa.Column("replaces", sa.Text(), nullable=True))
    op.create_index(
        "switch_quotes_replacing_key",
        "switch_quotes",
        ["workspace_id"],
        unique=True,
        postgresql_where=sa.text("replaces IS NOT NULL"),
    )
