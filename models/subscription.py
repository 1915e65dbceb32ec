"""What a workspace is on, and the choices that are under way: checkouts, quotes, answered keys."""

from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import (
    CREDITS_MAX,
    TENANT,
    Base,
    Credits,
    Json,
    Key,
    MinorUnits,
    String,
    Timestamp,
    one_of,
)
from models.plan import BillingCycle


class SubscriptionStatus(StrEnum):
    """Whether a subscription is paid."""

    ACTIVE = "ACTIVE"
    PAST_DUE = "PAST_DUE"
    ENDED = "ENDED"


class CheckoutKind(StrEnum):
    """What a checkout buys."""

    PLAN = "PLAN"
    TOP_UP = "TOP_UP"


class CheckoutStatus(StrEnum):
    """How far a checkout has come; PROCESSING is completed but not yet paid."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class Subscription(Base):
    """The plan that a workspace holds, Free included: one live row, the ended ones are history.

    `period_*` is what is paid, `refresh_period_*` is the workspace's own monthly clock; both are
    half-open. `mirrored_at` is when the fetch began that last wrote Stripe's state here.
    """

    __tablename__ = "subscriptions"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[Key] = mapped_column(primary_key=True)
    plan_id: Mapped[String] = mapped_column(ForeignKey("plans.id"))
    billing_cycle: Mapped[BillingCycle | None] = mapped_column(
        one_of(BillingCycle, name="subscription_cycle_known")
    )
    status: Mapped[SubscriptionStatus] = mapped_column(
        one_of(SubscriptionStatus, name="subscription_status_known")
    )
    period_start: Mapped[Timestamp]
    period_end: Mapped[Timestamp | None]
    refresh_period_start: Mapped[Timestamp | None]
    refresh_period_end: Mapped[Timestamp | None]
    pending_plan_id: Mapped[String | None] = mapped_column(ForeignKey("plans.id"))
    pending_billing_cycle: Mapped[BillingCycle | None] = mapped_column(
        one_of(BillingCycle, name="subscription_pending_cycle_known")
    )
    pending_at: Mapped[Timestamp | None]
    stripe_subscription_id: Mapped[String | None]
    stripe_schedule_id: Mapped[String | None]
    mirrored_at: Mapped[Timestamp | None]
    created_at: Mapped[Timestamp]
    ended_at: Mapped[Timestamp | None]

    __table_args__ = (
        CheckConstraint("period_start < period_end", name="subscription_period_forward"),
        CheckConstraint(
            "refresh_period_start < refresh_period_end", name="subscription_refresh_forward"
        ),
        CheckConstraint(
            "(pending_plan_id IS NULL) = (pending_at IS NULL)", name="subscription_pending_whole"
        ),
        CheckConstraint(
            "(status = 'ENDED') = (ended_at IS NOT NULL)", name="subscription_ended_has_time"
        ),
        UniqueConstraint("workspace_id", "stripe_subscription_id"),
        Index(
            "subscriptions_live_key",
            "workspace_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "subscriptions_refresh_due_idx",
            "workspace_id",
            "refresh_period_end",
            postgresql_where=text("ended_at IS NULL"),
        ),
        TENANT,
    )


class Checkout(Base):
    """A purchase that is paid on a hosted page: credit packs, or the first period of a plan.

    `reversed_at` is since when all that was paid for a one-time plan has gone back.
    """

    __tablename__ = "checkouts"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[Key] = mapped_column(primary_key=True)
    user_id: Mapped[Key]
    kind: Mapped[CheckoutKind] = mapped_column(one_of(CheckoutKind, name="checkout_kind_known"))
    status: Mapped[CheckoutStatus] = mapped_column(
        one_of(CheckoutStatus, name="checkout_status_known")
    )
    pack_id: Mapped[String | None] = mapped_column(ForeignKey("credit_packs.id"))
    packs: Mapped[int | None]
    credits: Mapped[Credits | None]
    plan_id: Mapped[String | None] = mapped_column(ForeignKey("plans.id"))
    billing_cycle: Mapped[BillingCycle | None] = mapped_column(
        one_of(BillingCycle, name="checkout_cycle_known")
    )
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[String]
    success_url: Mapped[String]
    cancel_url: Mapped[String]
    stripe_price_id: Mapped[String | None]
    stripe_session_id: Mapped[String | None]
    stripe_payment_intent_id: Mapped[String | None]
    url: Mapped[String | None]
    created_at: Mapped[Timestamp]
    expires_at: Mapped[Timestamp | None]
    completed_at: Mapped[Timestamp | None]
    reversed_at: Mapped[Timestamp | None]

    __table_args__ = (
        CheckConstraint(
            "(kind = 'TOP_UP') = (pack_id IS NOT NULL AND packs IS NOT NULL"
            " AND credits IS NOT NULL)",
            name="checkout_top_up_has_packs",
        ),
        CheckConstraint(
            "(kind = 'PLAN') = (plan_id IS NOT NULL AND billing_cycle IS NOT NULL)",
            name="checkout_plan_has_plan",
        ),
        CheckConstraint(
            f"packs >= 1 AND credits BETWEEN 1 AND {CREDITS_MAX}", name="checkout_packs_positive"
        ),
        CheckConstraint(
            f"amount_minor BETWEEN 0 AND {CREDITS_MAX}", name="checkout_amount_in_range"
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="checkout_currency_code"),
        ForeignKeyConstraint(
            ["workspace_id", "user_id"], ["memberships.workspace_id", "memberships.user_id"]
        ),
        UniqueConstraint("workspace_id", "stripe_session_id"),
        Index(
            "checkouts_open_plan_key",
            "workspace_id",
            unique=True,
            postgresql_where=text("kind = 'PLAN' AND status IN ('PENDING', 'OPEN')"),
        ),
        TENANT,
    )


class SwitchQuote(Base):
    """What a plan switch was shown to cost, and the subscription that it was shown for.

    `under_way_since` is set while a switch is made by it: one at a time in a workspace. `replaces`
    is what the switch has taken the place of, as long as it is not known to be made: the price of
    a schedule, or nothing (`''`) where the subscription was to end.
    """

    __tablename__ = "switch_quotes"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[Key] = mapped_column(primary_key=True)
    from_plan_id: Mapped[String] = mapped_column(ForeignKey("plans.id"))
    plan_id: Mapped[String] = mapped_column(ForeignKey("plans.id"))
    billing_cycle: Mapped[BillingCycle] = mapped_column(
        one_of(BillingCycle, name="switch_quote_cycle_known")
    )
    stripe_price_id: Mapped[String]
    fingerprint: Mapped[String]
    proration_date: Mapped[Timestamp]
    amount_due_minor: Mapped[MinorUnits]
    currency: Mapped[String]
    compensation_credits: Mapped[Credits]
    fraction_left: Mapped[float] = mapped_column(Double)
    effective_at: Mapped[Timestamp]
    stripe_invoice_id: Mapped[String | None]
    under_way_since: Mapped[Timestamp | None]
    replaces: Mapped[String | None]
    created_at: Mapped[Timestamp]
    expires_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint("fraction_left BETWEEN 0 AND 1", name="switch_quote_fraction_in_range"),
        CheckConstraint(
            f"amount_due_minor BETWEEN 0 AND {CREDITS_MAX}", name="switch_quote_amount_in_range"
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="switch_quote_currency_code"),
        CheckConstraint(
            f"compensation_credits BETWEEN -{CREDITS_MAX} AND {CREDITS_MAX}",
            name="switch_quote_compensation_in_range",
        ),
        UniqueConstraint("workspace_id", "stripe_invoice_id"),
        Index(
            "switch_quotes_under_way_key",
            "workspace_id",
            unique=True,
            postgresql_where=text("under_way_since IS NOT NULL"),
        ),
        Index(
            "switch_quotes_replacing_key",
            "workspace_id",
            unique=True,
            postgresql_where=text("replaces IS NOT NULL"),
        ),
        TENANT,
    )


class IdempotencyKey(Base):
    """A mutation that was asked for under a key: asked again, it is answered with its answer.

    Without an answer it is under way: whoever holds the lease works on it, and `progress` is what
    they have committed so far. `claim_id` names the work, whoever goes on with it.
    """

    __tablename__ = "idempotency_keys"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    actor: Mapped[String] = mapped_column(primary_key=True)
    mutation: Mapped[String] = mapped_column(primary_key=True)
    key: Mapped[String] = mapped_column(primary_key=True)
    input_hash: Mapped[String]
    claim_id: Mapped[Key]
    attempt: Mapped[int]
    progress: Mapped[Json]
    lease_token: Mapped[Key | None]
    leased_until: Mapped[Timestamp | None]
    answer: Mapped[Json | None]
    created_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint("attempt >= 1", name="idempotency_attempts_counted"),
        CheckConstraint(
            "(lease_token IS NULL) = (leased_until IS NULL)", name="idempotency_lease_whole"
        ),
        CheckConstraint(
            "answer IS NULL OR lease_token IS NULL", name="idempotency_answer_ends_lease"
        ),
        Index("idempotency_keys_by_age_idx", "workspace_id", "created_at"),
        TENANT,
    )
