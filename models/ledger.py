"""The ledger: balances, lots, and the entries (adjustments and charges) that explain them.

A workspace's entries are numbered 1, 2, 3, ... without a gap, over adjustments and charges
together, under the lock of its balance row. The number is the order of recording, and the time
never runs against it. A lot carries the number of the adjustment that brought it in.
"""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import (
    CREDITS_MAX,
    TENANT,
    Base,
    Credits,
    EntryNumber,
    Json,
    Key,
    String,
    Timestamp,
    one_of,
)


class LotKind(StrEnum):
    """Where a lot's credits come from: a plan's package, a purchase, or a gift or correction."""

    RECURRING = "RECURRING"
    PURCHASED = "PURCHASED"
    GRANTED = "GRANTED"


class AdjustmentType(StrEnum):
    """Why credits were added or removed."""

    FREE_WORKSPACE_GRANT = "FREE_WORKSPACE_GRANT"
    PACKAGE_RESET = "PACKAGE_RESET"
    SUBSCRIPTION_RENEWAL = "SUBSCRIPTION_RENEWAL"
    SUBSCRIPTION_SWITCH_COMPENSATION = "SUBSCRIPTION_SWITCH_COMPENSATION"
    REFERRAL_SIGNUP_REWARD = "REFERRAL_SIGNUP_REWARD"
    REFERRAL_FIRST_PAID_PLAN_REWARD = "REFERRAL_FIRST_PAID_PLAN_REWARD"
    CREDIT_PACKAGE_PURCHASE = "CREDIT_PACKAGE_PURCHASE"
    ADMIN_ADJUSTMENT = "ADMIN_ADJUSTMENT"
    CREDIT_EXPIRATION = "CREDIT_EXPIRATION"
    CREDIT_REFUND = "CREDIT_REFUND"


class UsageKind(StrEnum):
    """What a charge is for; the first three are the billing types of a conversation."""

    MESSAGE = "MESSAGE"
    IMAGE_GENERATION = "IMAGE_GENERATION"
    VIDEO_GENERATION = "VIDEO_GENERATION"
    MCP_HTTP_CALL = "MCP_HTTP_CALL"
    IMPORT = "IMPORT"


class CreditBalance(Base):
    """What a workspace's entries add up to; its row is the lock of the workspace's ledger."""

    __tablename__ = "credit_balances"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    balance: Mapped[Credits]
    overdraft: Mapped[Credits]
    last_entry_number: Mapped[EntryNumber]
    last_entry_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint(
            f"balance BETWEEN -{CREDITS_MAX} AND {CREDITS_MAX}", name="balance_in_range"
        ),
        CheckConstraint("overdraft >= 0 AND balance + overdraft >= 0", name="overdraft_explained"),
        CheckConstraint("last_entry_number >= 0", name="balance_entries_counted"),
        TENANT,
    )


class CreditAdjustment(Base):
    """An immutable record of credits added or removed for a reason other than usage.

    `unpaid` is what a removal found no lot for and no later lot has repaid yet.
    """

    __tablename__ = "credit_adjustments"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    entry_number: Mapped[EntryNumber] = mapped_column(primary_key=True, autoincrement=False)
    source_key: Mapped[String]
    type: Mapped[AdjustmentType] = mapped_column(
        one_of(AdjustmentType, name="adjustment_type_known")
    )
    amount: Mapped[Credits]
    unpaid: Mapped[Credits]
    balance_after: Mapped[Credits]
    detail: Mapped[Json]
    description: Mapped[String]
    created_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint(
            f"amount BETWEEN -{CREDITS_MAX} AND {CREDITS_MAX}", name="adjustment_in_range"
        ),
        CheckConstraint(
            "unpaid >= 0 AND unpaid <= GREATEST(-amount, 0)", name="adjustment_unpaid_in_range"
        ),
        CheckConstraint("entry_number >= 1", name="adjustment_numbered"),
        Index("credit_adjustments_source_key", "workspace_id", "source_key", unique=True),
        Index(
            "credit_adjustments_by_time_idx",
            "workspace_id",
            "created_at",
            "entry_number",
            postgresql_include=["balance_after"],
        ),
        Index(
            "credit_adjustments_by_amount_idx",
            "workspace_id",
            "amount",
            "created_at",
            "entry_number",
        ),
        Index(
            "credit_adjustments_by_type_idx", "workspace_id", "type", "created_at", "entry_number"
        ),
        Index(
            "credit_adjustments_unpaid_idx",
            "workspace_id",
            "entry_number",
            postgresql_where=text("unpaid > 0"),
        ),
        TENANT,
    )


class CreditLot(Base):
    """Credits that came in together with the adjustment of the same number.

    From `expires_at` on it does not count; `period_end` is the end that people are shown. Where a
    renewal has a grace, the former is later.
    """

    __tablename__ = "credit_lots"

    workspace_id: Mapped[Key] = mapped_column(primary_key=True)
    number: Mapped[EntryNumber] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[LotKind] = mapped_column(one_of(LotKind, name="lot_kind_known"))
    granted: Mapped[Credits]
    remaining: Mapped[Credits]
    period_end: Mapped[Timestamp | None]
    expires_at: Mapped[Timestamp | None]
    created_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint(f"granted BETWEEN 1 AND {CREDITS_MAX}", name="lot_grant_in_range"),
        CheckConstraint("remaining BETWEEN 0 AND granted", name="lot_within_grant"),
        ForeignKeyConstraint(
            ["workspace_id", "number"],
            ["credit_adjustments.workspace_id", "credit_adjustments.entry_number"],
        ),
        Index(
            "credit_lots_live_idx",
            "workspace_id",
            "expires_at",
            "number",
            postgresql_where=text("remaining > 0"),
        ),
        TENANT,
    )


class CreditCharge(Base):
    """Usage: what one event cost. `unpaid` is what no lot has paid for yet.

    `occurred_at` is the event's own time, `created_at` the time of recording.
    """

    __tablename__ = "credit_charges"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    entry_number: Mapped[EntryNumber] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[String]
    event_hash: Mapped[String]
    kind: Mapped[UsageKind] = mapped_column(one_of(UsageKind, name="charge_kind_known"))
    conversation_usage_id: Mapped[Key | None]
    mcp_http_call_id: Mapped[Key | None]
    import_usage_id: Mapped[Key | None]
    message_count: Mapped[int]
    credits: Mapped[Credits]
    unpaid: Mapped[Credits]
    balance_after: Mapped[Credits]
    occurred_at: Mapped[Timestamp]
    created_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint(f"credits BETWEEN 0 AND {CREDITS_MAX}", name="charge_in_range"),
        CheckConstraint("unpaid BETWEEN 0 AND credits", name="charge_unpaid_in_range"),
        CheckConstraint("message_count >= 0", name="charge_messages_counted"),
        CheckConstraint("entry_number >= 1", name="charge_numbered"),
        CheckConstraint(
            "CASE kind WHEN 'MCP_HTTP_CALL' THEN mcp_http_call_id IS NOT NULL"
            " WHEN 'IMPORT' THEN import_usage_id IS NOT NULL"
            " ELSE conversation_usage_id IS NOT NULL END"
            " AND num_nonnulls(conversation_usage_id, mcp_http_call_id, import_usage_id) = 1",
            name="charge_has_its_record",
        ),
        ForeignKeyConstraint(
            ["workspace_id", "conversation_usage_id"],
            ["conversation_usage.workspace_id", "conversation_usage.id"],
        ),
        ForeignKeyConstraint(
            ["workspace_id", "mcp_http_call_id"],
            ["mcp_http_calls.workspace_id", "mcp_http_calls.id"],
        ),
        ForeignKeyConstraint(
            ["workspace_id", "import_usage_id"],
            ["import_usage.workspace_id", "import_usage.id"],
        ),
        Index("credit_charges_event_key", "workspace_id", "event_id", unique=True),
        Index(
            "credit_charges_by_time_idx",
            "workspace_id",
            "created_at",
            "entry_number",
            postgresql_include=["balance_after"],
        ),
        Index(
            "credit_charges_by_occurrence_idx",
            "workspace_id",
            "occurred_at",
            postgresql_include=["kind", "credits"],
        ),
        Index(
            "credit_charges_of_conversation_idx",
            "workspace_id",
            "conversation_usage_id",
            "entry_number",
            postgresql_where=text("conversation_usage_id IS NOT NULL"),
        ),
        Index(
            "credit_charges_unpaid_idx",
            "workspace_id",
            "entry_number",
            postgresql_where=text("unpaid > 0"),
        ),
        TENANT,
    )


class CreditSpend(Base):
    """What a lot paid of a charge, when it was made or, out of overdraft, when the lot came."""

    __tablename__ = "credit_spends"

    workspace_id: Mapped[Key] = mapped_column(primary_key=True)
    charge_number: Mapped[EntryNumber] = mapped_column(primary_key=True, autoincrement=False)
    lot_number: Mapped[EntryNumber] = mapped_column(primary_key=True, autoincrement=False)
    credits: Mapped[Credits]

    __table_args__ = (
        CheckConstraint("credits >= 1", name="spend_positive"),
        ForeignKeyConstraint(
            ["workspace_id", "charge_number"],
            ["credit_charges.workspace_id", "credit_charges.entry_number"],
        ),
        ForeignKeyConstraint(
            ["workspace_id", "lot_number"], ["credit_lots.workspace_id", "credit_lots.number"]
        ),
        TENANT,
    )


class CreditRemoval(Base):
    """What a negative adjustment took from a lot, at once or, out of overdraft, later."""

    __tablename__ = "credit_removals"

    workspace_id: Mapped[Key] = mapped_column(primary_key=True)
    adjustment_number: Mapped[EntryNumber] = mapped_column(primary_key=True, autoincrement=False)
    lot_number: Mapped[EntryNumber] = mapped_column(primary_key=True, autoincrement=False)
    credits: Mapped[Credits]

    __table_args__ = (
        CheckConstraint("credits >= 1", name="removal_positive"),
        ForeignKeyConstraint(
            ["workspace_id", "adjustment_number"],
            ["credit_adjustments.workspace_id", "credit_adjustments.entry_number"],
        ),
        ForeignKeyConstraint(
            ["workspace_id", "lot_number"], ["credit_lots.workspace_id", "credit_lots.number"]
        ),
        TENANT,
    )
