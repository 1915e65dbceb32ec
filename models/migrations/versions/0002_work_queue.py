"""The work queue, the host's ids of workspaces, referral rewards, and keys that are under way."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("attempts >= 0", name=op.f("job_attempts_counted")),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pkey")),
        sa.UniqueConstraint("kind", "key", name=op.f("jobs_kind_key_key")),
    )
    op.create_index("jobs_due_idx", "jobs", ["run_at"])
    op.create_table(
        "workspace_keys",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("external_id", name=op.f("workspace_keys_pkey")),
        sa.UniqueConstraint("workspace_id", name=op.f("workspace_keys_workspace_id_key")),
    )
    op.create_table(
        "referral_rewards",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("referrer_credits", sa.BigInteger(), nullable=False),
        sa.Column("newcomer_credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "stage IN ('SIGNUP', 'FIRST_PAID_PLAN')", name=op.f("referral_stage_known")
        ),
        sa.CheckConstraint(
            "referrer_credits BETWEEN 0 AND 9007199254740991"
            " AND newcomer_credits BETWEEN 0 AND 9007199254740991",
            name=op.f("referral_credits_in_range"),
        ),
        sa.PrimaryKeyConstraint("stage", name=op.f("referral_rewards_pkey")),
    )
    _extend_idempotency_keys()


def _extend_idempotency_keys() -> None:
    """Let a key say who works on it; those that are there are answered."""
    given: dict[str, tuple[TypeEngine[Any], str]] = {
        "claim_id": (sa.Uuid(), "gen_random_uuid()"),
        "attempt": (sa.Integer(), "1"),
        "progress": (postgresql.JSONB(astext_type=sa.Text()), "'{}'"),
    }
    for name, (type_, value) in given.items():
        op.add_column(
            "idempotency_keys",
            sa.Column(name, type_, nullable=False, server_default=sa.text(value)),
        )
        op.alter_column("idempotency_keys", name, server_default=None)
    op.add_column("idempotency_keys", sa.Column("lease_token", sa.Uuid(), nullable=True))
    op.add_column(
        "idempotency_keys", sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.alter_column("idempotency_keys", "answer", nullable=True)
    for name, rule in (
        ("idempotency_attempts_counted", "attempt >= 1"),
        ("idempotency_lease_whole", "(lease_token IS NULL) = (leased_until IS NULL)"),
        ("idempotency_answer_ends_lease", "answer IS NULL OR lease_token IS NULL"),
    ):
        op.create_check_constraint(op.f(name), "idempotency_keys", rule)
