"""The first tables: workspaces, the catalogue, the ledger, the usage records, Stripe's inbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    _create_tables()
    # A distributed engine splits the tables here: before there are foreign keys between them.
    _create_foreign_keys()


def _create_tables() -> None:
    op.create_table(
        "credit_packs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("quantity_max", sa.Integer(), nullable=False),
        sa.Column("lookup_key", sa.Text(), nullable=False),
        sa.Column("stripe_price_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("pack_currency_code")),
        sa.CheckConstraint(
            "amount_minor BETWEEN 1 AND 9007199254740991", name=op.f("pack_amount_in_range")
        ),
        sa.CheckConstraint(
            "credits BETWEEN 1 AND 9007199254740991", name=op.f("pack_credits_in_range")
        ),
        sa.CheckConstraint("quantity_max >= 1", name=op.f("pack_quantity_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("credit_packs_pkey")),
        sa.UniqueConstraint("lookup_key", name=op.f("credit_packs_lookup_key_key")),
        sa.UniqueConstraint("stripe_price_id", name=op.f("credit_packs_stripe_price_id_key")),
    )
    op.create_index(
        "credit_packs_sold_key",
        "credit_packs",
        [sa.literal_column("(archived_at IS NULL)")],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "FREE",
                "RECURRING",
                "ONE_TIME",
                name="plan_kind_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("features", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("credits_per_refresh", sa.BigInteger(), nullable=False),
        sa.Column("refreshes", sa.Boolean(), nullable=False),
        sa.Column("period_months", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'ONE_TIME') = (period_months IS NOT NULL)",
            name=op.f("plan_period_if_one_time"),
        ),
        sa.CheckConstraint(
            "credits_per_refresh BETWEEN 0 AND 9007199254740991", name=op.f("plan_credits_in_range")
        ),
        sa.CheckConstraint("period_months >= 1", name=op.f("plan_period_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("plans_pkey")),
    )
    op.create_index(
        "plans_free_key",
        "plans",
        ["kind"],
        unique=True,
        postgresql_where=sa.text("kind = 'FREE' AND archived_at IS NULL"),
    )
    op.create_index(
        "plans_rank_key",
        "plans",
        ["rank"],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_table(
        "stripe_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("api_version", sa.Text(), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "DONE",
                "FAILED",
                "UNAPPLIED",
                name="stripe_event_status_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(lease_token IS NULL) = (leased_until IS NULL)", name=op.f("stripe_event_lease_whole")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("stripe_event_attempts_counted")),
        sa.PrimaryKeyConstraint("id", name=op.f("stripe_events_pkey")),
    )
    op.create_index(
        "stripe_events_due_idx",
        "stripe_events",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('PENDING', 'FAILED')"),
    )
    op.create_index("stripe_events_of_object_idx", "stripe_events", ["object_id"], unique=False)
    op.create_table(
        "stripe_objects",
        sa.Column("stripe_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("stripe_id", name=op.f("stripe_objects_pkey")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
        sa.UniqueConstraint("subject", name=op.f("users_subject_key")),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("referred_by_workspace_id", sa.Uuid(), nullable=True),
        sa.Column("stripe_customer_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("workspaces_pkey")),
    )
    op.create_table(
        "api_keys",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint(
            "workspace_id", "external_id", name=op.f("api_keys_workspace_id_external_id_key")
        ),
    )
    op.create_index(
        "api_keys_by_time_idx", "api_keys", ["workspace_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "credit_adjustments",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("entry_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "FREE_WORKSPACE_GRANT",
                "PACKAGE_RESET",
                "SUBSCRIPTION_RENEWAL",
                "SUBSCRIPTION_SWITCH_COMPENSATION",
                "REFERRAL_SIGNUP_REWARD",
                "REFERRAL_FIRST_PAID_PLAN_REWARD",
                "CREDIT_PACKAGE_PURCHASE",
                "ADMIN_ADJUSTMENT",
                "CREDIT_EXPIRATION",
                "CREDIT_REFUND",
                name="adjustment_type_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("unpaid", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount BETWEEN -9007199254740991 AND 9007199254740991",
            name=op.f("adjustment_in_range"),
        ),
        sa.CheckConstraint("entry_number >= 1", name=op.f("adjustment_numbered")),
        sa.CheckConstraint(
            "unpaid >= 0 AND unpaid <= GREATEST(-amount, 0)",
            name=op.f("adjustment_unpaid_in_range"),
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "entry_number", name=op.f("credit_adjustments_pkey")
        ),
    )
    op.create_index(
        "credit_adjustments_by_amount_idx",
        "credit_adjustments",
        ["workspace_id", "amount", "created_at", "entry_number"],
        unique=False,
    )
    op.create_index(
        "credit_adjustments_by_time_idx",
        "credit_adjustments",
        ["workspace_id", "created_at", "entry_number"],
        unique=False,
        postgresql_include=["balance_after"],
    )
    op.create_index(
        "credit_adjustments_by_type_idx",
        "credit_adjustments",
        ["workspace_id", "type", "created_at", "entry_number"],
        unique=False,
    )
    op.create_index(
        "credit_adjustments_source_key",
        "credit_adjustments",
        ["workspace_id", "source_key"],
        unique=True,
    )
    op.create_index(
        "credit_adjustments_unpaid_idx",
        "credit_adjustments",
        ["workspace_id", "entry_number"],
        unique=False,
        postgresql_where=sa.text("unpaid > 0"),
    )
    op.create_table(
        "credit_balances",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("overdraft", sa.BigInteger(), nullable=False),
        sa.Column("last_entry_number", sa.BigInteger(), nullable=False),
        sa.Column("last_entry_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "balance BETWEEN -9007199254740991 AND 9007199254740991", name=op.f("balance_in_range")
        ),
        sa.CheckConstraint("last_entry_number >= 0", name=op.f("balance_entries_counted")),
        sa.CheckConstraint(
            "overdraft >= 0 AND balance + overdraft >= 0", name=op.f("overdraft_explained")
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("credit_balances_pkey")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("mutation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "workspace_id", "actor", "mutation", "key", name=op.f("idempotency_keys_pkey")
        ),
    )
    op.create_index(
        "idempotency_keys_by_age_idx",
        "idempotency_keys",
        ["workspace_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "memberships",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "OWNER",
                "ADMIN",
                "MEMBER",
                name="membership_role_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "user_id", name=op.f("memberships_pkey")),
    )
    op.create_index(
        "memberships_of_user_idx",
        "memberships",
        ["user_id", "created_at", "workspace_id"],
        unique=False,
    )
    op.create_table(
        "plan_prices",
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column(
            "billing_cycle",
            sa.Enum(
                "MONTHLY",
                "YEARLY",
                "ONE_TIME",
                name="plan_price_cycle_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("lookup_key", sa.Text(), nullable=False),
        sa.Column("stripe_price_id", sa.Text(), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("plan_price_currency_code")),
        sa.CheckConstraint(
            "amount_minor BETWEEN 0 AND 9007199254740991", name=op.f("plan_price_amount_in_range")
        ),
        sa.PrimaryKeyConstraint("plan_id", "billing_cycle", name=op.f("plan_prices_pkey")),
        sa.UniqueConstraint("lookup_key", name=op.f("plan_prices_lookup_key_key")),
        sa.UniqueConstraint("stripe_price_id", name=op.f("plan_prices_stripe_price_id_key")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column(
            "billing_cycle",
            sa.Enum(
                "MONTHLY",
                "YEARLY",
                "ONE_TIME",
                name="subscription_cycle_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=True,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "PAST_DUE",
                "ENDED",
                name="subscription_status_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pending_plan_id", sa.Text(), nullable=True),
        sa.Column(
            "pending_billing_cycle",
            sa.Enum(
                "MONTHLY",
                "YEARLY",
                "ONE_TIME",
                name="subscription_pending_cycle_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=True,
        ),
        sa.Column("pending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stripe_subscription_id", sa.Text(), nullable=True),
        sa.Column("stripe_schedule_id", sa.Text(), nullable=True),
        sa.Column("mirrored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'ENDED') = (ended_at IS NOT NULL)", name=op.f("subscription_ended_has_time")
        ),
        sa.CheckConstraint(
            "(pending_plan_id IS NULL) = (pending_at IS NULL)",
            name=op.f("subscription_pending_whole"),
        ),
        sa.CheckConstraint("period_start < period_end", name=op.f("subscription_period_forward")),
        sa.CheckConstraint(
            "refresh_period_start < refresh_period_end", name=op.f("subscription_refresh_forward")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("subscriptions_pkey")),
        sa.UniqueConstraint(
            "workspace_id",
            "stripe_subscription_id",
            name=op.f("subscriptions_workspace_id_stripe_subscription_id_key"),
        ),
    )
    op.create_index(
        "subscriptions_live_key",
        "subscriptions",
        ["workspace_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "subscriptions_refresh_due_idx",
        "subscriptions",
        ["workspace_id", "refresh_period_end"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "switch_quotes",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_plan_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column(
            "billing_cycle",
            sa.Enum(
                "MONTHLY",
                "YEARLY",
                "ONE_TIME",
                name="switch_quote_cycle_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("proration_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("compensation_credits", sa.BigInteger(), nullable=False),
        sa.Column("fraction_left", sa.Double(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stripe_invoice_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "fraction_left BETWEEN 0 AND 1", name=op.f("switch_quote_fraction_in_range")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("switch_quotes_pkey")),
        sa.UniqueConstraint(
            "workspace_id",
            "stripe_invoice_id",
            name=op.f("switch_quotes_workspace_id_stripe_invoice_id_key"),
        ),
    )
    op.create_table(
        "checkouts",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "PLAN",
                "TOP_UP",
                name="checkout_kind_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "OPEN",
                "PROCESSING",
                "COMPLETED",
                "FAILED",
                "EXPIRED",
                name="checkout_status_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("pack_id", sa.Text(), nullable=True),
        sa.Column("packs", sa.Integer(), nullable=True),
        sa.Column("credits", sa.BigInteger(), nullable=True),
        sa.Column("plan_id", sa.Text(), nullable=True),
        sa.Column(
            "billing_cycle",
            sa.Enum(
                "MONTHLY",
                "YEARLY",
                "ONE_TIME",
                name="checkout_cycle_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=True,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("success_url", sa.Text(), nullable=False),
        sa.Column("cancel_url", sa.Text(), nullable=False),
        sa.Column("stripe_session_id", sa.Text(), nullable=True),
        sa.Column("stripe_payment_intent_id", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'PLAN') = (plan_id IS NOT NULL AND billing_cycle IS NOT NULL)",
            name=op.f("checkout_plan_has_plan"),
        ),
        sa.CheckConstraint(
            "(kind = 'TOP_UP') = (pack_id IS NOT NULL AND packs IS NOT NULL AND credits IS NOT NULL)",
            name=op.f("checkout_top_up_has_packs"),
        ),
        sa.CheckConstraint("packs >= 1 AND credits >= 1", name=op.f("checkout_packs_positive")),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("checkouts_pkey")),
        sa.UniqueConstraint(
            "workspace_id",
            "stripe_session_id",
            name=op.f("checkouts_workspace_id_stripe_session_id_key"),
        ),
    )
    op.create_index(
        "checkouts_open_plan_key",
        "checkouts",
        ["workspace_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'PLAN' AND status IN ('PENDING', 'OPEN')"),
    )
    op.create_table(
        "conversation_usage",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "billing_type",
            sa.Enum(
                "MESSAGE",
                "IMAGE_GENERATION",
                "VIDEO_GENERATION",
                name="conversation_billing_type_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("message_count", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "credits BETWEEN 0 AND 9007199254740991", name=op.f("conversation_in_range")
        ),
        sa.CheckConstraint("message_count >= 0", name=op.f("conversation_messages_counted")),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("conversation_usage_pkey")),
        sa.UniqueConstraint(
            "workspace_id",
            "conversation_id",
            name=op.f("conversation_usage_workspace_id_conversation_id_key"),
        ),
    )
    op.create_index(
        "conversation_usage_by_credits_idx",
        "conversation_usage",
        ["workspace_id", "credits", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        "conversation_usage_by_messages_idx",
        "conversation_usage",
        ["workspace_id", "message_count", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        "conversation_usage_by_time_idx",
        "conversation_usage",
        ["workspace_id", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        "conversation_usage_by_type_idx",
        "conversation_usage",
        ["workspace_id", "billing_type", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        "conversation_usage_by_user_idx",
        "conversation_usage",
        ["workspace_id", "user_id", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        "conversation_usage_search_idx",
        "conversation_usage",
        ["workspace_id", "title", "conversation_id"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"title": "gin_trgm_ops", "conversation_id": "gin_trgm_ops"},
    )
    op.create_table(
        "credit_lots",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "RECURRING",
                "PURCHASED",
                "GRANTED",
                name="lot_kind_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "granted BETWEEN 1 AND 9007199254740991", name=op.f("lot_grant_in_range")
        ),
        sa.CheckConstraint("remaining BETWEEN 0 AND granted", name=op.f("lot_within_grant")),
        sa.PrimaryKeyConstraint("workspace_id", "number", name=op.f("credit_lots_pkey")),
    )
    op.create_index(
        "credit_lots_live_idx",
        "credit_lots",
        ["workspace_id", "expires_at", "number"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
    )
    op.create_table(
        "import_usage",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column(
            "import_type",
            sa.Enum(
                "BRAND",
                "PRODUCT",
                name="import_type_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("import_url", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("credits BETWEEN 0 AND 9007199254740991", name=op.f("import_in_range")),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("import_usage_pkey")),
        sa.UniqueConstraint(
            "workspace_id", "task_id", name=op.f("import_usage_workspace_id_task_id_key")
        ),
    )
    op.create_index(
        "import_usage_by_credits_idx",
        "import_usage",
        ["workspace_id", "credits", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "import_usage_by_time_idx",
        "import_usage",
        ["workspace_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "import_usage_by_type_idx",
        "import_usage",
        ["workspace_id", "import_type", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "mcp_http_calls",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "credits BETWEEN 0 AND 9007199254740991", name=op.f("mcp_http_call_in_range")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("mcp_http_calls_pkey")),
        sa.UniqueConstraint(
            "workspace_id", "call_id", name=op.f("mcp_http_calls_workspace_id_call_id_key")
        ),
    )
    op.create_index(
        "mcp_http_calls_by_credits_idx",
        "mcp_http_calls",
        ["workspace_id", "credits", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "mcp_http_calls_by_key_idx",
        "mcp_http_calls",
        ["workspace_id", "api_key_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "mcp_http_calls_by_time_idx",
        "mcp_http_calls",
        ["workspace_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "credit_charges",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("entry_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event_hash", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "MESSAGE",
                "IMAGE_GENERATION",
                "VIDEO_GENERATION",
                "MCP_HTTP_CALL",
                "IMPORT",
                name="charge_kind_known",
                native_enum=False,
                create_constraint=True,
                length=64,
            ),
            nullable=False,
        ),
        sa.Column("conversation_usage_id", sa.Uuid(), nullable=True),
        sa.Column("mcp_http_call_id", sa.Uuid(), nullable=True),
        sa.Column("import_usage_id", sa.Uuid(), nullable=True),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("unpaid", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "CASE kind WHEN 'MCP_HTTP_CALL' THEN mcp_http_call_id IS NOT NULL WHEN 'IMPORT' THEN import_usage_id IS NOT NULL ELSE conversation_usage_id IS NOT NULL END AND num_nonnulls(conversation_usage_id, mcp_http_call_id, import_usage_id) = 1",
            name=op.f("charge_has_its_record"),
        ),
        sa.CheckConstraint("credits BETWEEN 0 AND 9007199254740991", name=op.f("charge_in_range")),
        sa.CheckConstraint("entry_number >= 1", name=op.f("charge_numbered")),
        sa.CheckConstraint("message_count >= 0", name=op.f("charge_messages_counted")),
        sa.CheckConstraint("unpaid BETWEEN 0 AND credits", name=op.f("charge_unpaid_in_range")),
        sa.PrimaryKeyConstraint("workspace_id", "entry_number", name=op.f("credit_charges_pkey")),
    )
    op.create_index(
        "credit_charges_by_occurrence_idx",
        "credit_charges",
        ["workspace_id", "occurred_at"],
        unique=False,
        postgresql_include=["kind", "credits"],
    )
    op.create_index(
        "credit_charges_by_time_idx",
        "credit_charges",
        ["workspace_id", "created_at", "entry_number"],
        unique=False,
        postgresql_include=["balance_after"],
    )
    op.create_index(
        "credit_charges_event_key", "credit_charges", ["workspace_id", "event_id"], unique=True
    )
    op.create_index(
        "credit_charges_of_conversation_idx",
        "credit_charges",
        ["workspace_id", "conversation_usage_id", "entry_number"],
        unique=False,
        postgresql_where=sa.text("conversation_usage_id IS NOT NULL"),
    )
    op.create_index(
        "credit_charges_unpaid_idx",
        "credit_charges",
        ["workspace_id", "entry_number"],
        unique=False,
        postgresql_where=sa.text("unpaid > 0"),
    )
    op.create_table(
        "credit_removals",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("adjustment_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lot_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("credits >= 1", name=op.f("removal_positive")),
        sa.PrimaryKeyConstraint(
            "workspace_id", "adjustment_number", "lot_number", name=op.f("credit_removals_pkey")
        ),
    )
    op.create_table(
        "credit_spends",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("charge_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lot_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("credits >= 1", name=op.f("spend_positive")),
        sa.PrimaryKeyConstraint(
            "workspace_id", "charge_number", "lot_number", name=op.f("credit_spends_pkey")
        ),
    )


def _create_foreign_keys() -> None:
    op.create_foreign_key(
        op.f("api_keys_workspace_id_fkey"), "api_keys", "workspaces", ["workspace_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("credit_adjustments_workspace_id_fkey"),
        "credit_adjustments",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("credit_balances_workspace_id_fkey"),
        "credit_balances",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("idempotency_keys_workspace_id_fkey"),
        "idempotency_keys",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("memberships_user_id_fkey"), "memberships", "users", ["user_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("memberships_workspace_id_fkey"), "memberships", "workspaces", ["workspace_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("plan_prices_plan_id_fkey"), "plan_prices", "plans", ["plan_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("subscriptions_pending_plan_id_fkey"),
        "subscriptions",
        "plans",
        ["pending_plan_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("subscriptions_plan_id_fkey"), "subscriptions", "plans", ["plan_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("subscriptions_workspace_id_fkey"),
        "subscriptions",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("switch_quotes_from_plan_id_fkey"), "switch_quotes", "plans", ["from_plan_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("switch_quotes_plan_id_fkey"), "switch_quotes", "plans", ["plan_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("switch_quotes_workspace_id_fkey"),
        "switch_quotes",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("checkouts_pack_id_fkey"), "checkouts", "credit_packs", ["pack_id"], ["id"]
    )
    op.create_foreign_key(op.f("checkouts_plan_id_fkey"), "checkouts", "plans", ["plan_id"], ["id"])
    op.create_foreign_key(
        op.f("checkouts_workspace_id_fkey"), "checkouts", "workspaces", ["workspace_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("checkouts_workspace_id_user_id_fkey"),
        "checkouts",
        "memberships",
        ["workspace_id", "user_id"],
        ["workspace_id", "user_id"],
    )
    op.create_foreign_key(
        op.f("conversation_usage_workspace_id_fkey"),
        "conversation_usage",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("conversation_usage_workspace_id_user_id_fkey"),
        "conversation_usage",
        "memberships",
        ["workspace_id", "user_id"],
        ["workspace_id", "user_id"],
    )
    op.create_foreign_key(
        op.f("credit_lots_workspace_id_number_fkey"),
        "credit_lots",
        "credit_adjustments",
        ["workspace_id", "number"],
        ["workspace_id", "entry_number"],
    )
    op.create_foreign_key(
        op.f("import_usage_workspace_id_fkey"),
        "import_usage",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("import_usage_workspace_id_user_id_fkey"),
        "import_usage",
        "memberships",
        ["workspace_id", "user_id"],
        ["workspace_id", "user_id"],
    )
    op.create_foreign_key(
        op.f("mcp_http_calls_workspace_id_api_key_id_fkey"),
        "mcp_http_calls",
        "api_keys",
        ["workspace_id", "api_key_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key(
        op.f("mcp_http_calls_workspace_id_fkey"),
        "mcp_http_calls",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("mcp_http_calls_workspace_id_user_id_fkey"),
        "mcp_http_calls",
        "memberships",
        ["workspace_id", "user_id"],
        ["workspace_id", "user_id"],
    )
    op.create_foreign_key(
        op.f("credit_charges_workspace_id_conversation_usage_id_fkey"),
        "credit_charges",
        "conversation_usage",
        ["workspace_id", "conversation_usage_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key(
        op.f("credit_charges_workspace_id_fkey"),
        "credit_charges",
        "workspaces",
        ["workspace_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("credit_charges_workspace_id_import_usage_id_fkey"),
        "credit_charges",
        "import_usage",
        ["workspace_id", "import_usage_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key(
        op.f("credit_charges_workspace_id_mcp_http_call_id_fkey"),
        "credit_charges",
        "mcp_http_calls",
        ["workspace_id", "mcp_http_call_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key(
        op.f("credit_removals_workspace_id_adjustment_number_fkey"),
        "credit_removals",
        "credit_adjustments",
        ["workspace_id", "adjustment_number"],
        ["workspace_id", "entry_number"],
    )
    op.create_foreign_key(
        op.f("credit_removals_workspace_id_lot_number_fkey"),
        "credit_removals",
        "credit_lots",
        ["workspace_id", "lot_number"],
        ["workspace_id", "number"],
    )
    op.create_foreign_key(
        op.f("credit_spends_workspace_id_charge_number_fkey"),
        "credit_spends",
        "credit_charges",
        ["workspace_id", "charge_number"],
        ["workspace_id", "entry_number"],
    )
    op.create_foreign_key(
        op.f("credit_spends_workspace_id_lot_number_fkey"),
        "credit_spends",
        "credit_lots",
        ["workspace_id", "lot_number"],
        ["workspace_id", "number"],
    )
