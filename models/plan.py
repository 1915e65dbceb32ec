"""The catalogue: plans, their prices and the credit pack, as synced from the operator's file."""

from enum import StrEnum

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import (
    CREDITS_MAX,
    REFERENCE,
    Base,
    Credits,
    MinorUnits,
    String,
    Timestamp,
    one_of,
)


class PlanKind(StrEnum):
    """How a plan is paid."""

    FREE = "FREE"
    RECURRING = "RECURRING"
    ONE_TIME = "ONE_TIME"


class BillingCycle(StrEnum):
    """How often a price is paid; ONE_TIME is paid once for a fixed period."""

    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"
    ONE_TIME = "ONE_TIME"


class Plan(Base):
    """What a workspace can be on. `id` is the catalogue's own word for it, such as `pro`."""

    __tablename__ = "plans"

    id: Mapped[String] = mapped_column(primary_key=True)
    name: Mapped[String]
    description: Mapped[String]
    rank: Mapped[int]
    kind: Mapped[PlanKind] = mapped_column(one_of(PlanKind, name="plan_kind_known"))
    features: Mapped[list[str]] = mapped_column(ARRAY(Text))
    credits_per_refresh: Mapped[Credits]
    refreshes: Mapped[bool]
    period_months: Mapped[int | None]
    created_at: Mapped[Timestamp]
    archived_at: Mapped[Timestamp | None]

    __table_args__ = (
        CheckConstraint(
            f"credits_per_refresh BETWEEN 0 AND {CREDITS_MAX}", name="plan_credits_in_range"
        ),
        CheckConstraint(
            "(kind = 'ONE_TIME') = (period_months IS NOT NULL)", name="plan_period_if_one_time"
        ),
        CheckConstraint("period_months >= 1", name="plan_period_positive"),
        Index("plans_rank_key", "rank", unique=True, postgresql_where=text("archived_at IS NULL")),
        Index(
            "plans_free_key",
            "kind",
            unique=True,
            postgresql_where=text("kind = 'FREE' AND archived_at IS NULL"),
        ),
        REFERENCE,
    )


class PlanPrice(Base):
    """What a plan costs in a billing cycle."""

    __tablename__ = "plan_prices"

    plan_id: Mapped[String] = mapped_column(ForeignKey("plans.id"), primary_key=True)
    billing_cycle: Mapped[BillingCycle] = mapped_column(
        one_of(BillingCycle, name="plan_price_cycle_known"), primary_key=True
    )
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[String]
    lookup_key: Mapped[String] = mapped_column(unique=True)
    stripe_price_id: Mapped[String | None] = mapped_column(unique=True)

    __table_args__ = (
        CheckConstraint(
            f"amount_minor BETWEEN 0 AND {CREDITS_MAX}", name="plan_price_amount_in_range"
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="plan_price_currency_code"),
        REFERENCE,
    )


class CreditPack(Base):
    """What a paid workspace buys when it tops up; one pack is sold at a time."""

    __tablename__ = "credit_packs"

    id: Mapped[String] = mapped_column(primary_key=True)
    name: Mapped[String]
    credits: Mapped[Credits]
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[String]
    quantity_max: Mapped[int]
    lookup_key: Mapped[String] = mapped_column(unique=True)
    stripe_price_id: Mapped[String | None] = mapped_column(unique=True)
    created_at: Mapped[Timestamp]
    archived_at: Mapped[Timestamp | None]

    __table_args__ = (
        CheckConstraint(f"credits BETWEEN 1 AND {CREDITS_MAX}", name="pack_credits_in_range"),
        CheckConstraint(f"amount_minor BETWEEN 1 AND {CREDITS_MAX}", name="pack_amount_in_range"),
        CheckConstraint("quantity_max >= 1", name="pack_quantity_positive"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="pack_currency_code"),
        Index(
            "credit_packs_sold_key",
            text("(archived_at IS NULL)"),
            unique=True,
            postgresql_where=text("archived_at IS NULL"),
        ),
        REFERENCE,
    )


class ReferralReward(Base):
    """What a referral earns at a stage: `SIGNUP`, then `FIRST_PAID_PLAN`; 0 is nothing."""

    __tablename__ = "referral_rewards"

    stage: Mapped[String] = mapped_column(primary_key=True)
    referrer_credits: Mapped[Credits]
    newcomer_credits: Mapped[Credits]

    __table_args__ = (
        CheckConstraint("stage IN ('SIGNUP', 'FIRST_PAID_PLAN')", name="referral_stage_known"),
        CheckConstraint(
            f"referrer_credits BETWEEN 0 AND {CREDITS_MAX}"
            f" AND newcomer_credits BETWEEN 0 AND {CREDITS_MAX}",
            name="referral_credits_in_range",
        ),
        REFERENCE,
    )


class StripePrice(Base):
    """What a Stripe price sells: a plan in a billing cycle, or credit packs.

    A price of Stripe's never changes, and who bought it keeps paying it: the ones that the
    catalogue has replaced stay here, so that their invoices are still understood.
    """

    __tablename__ = "stripe_prices"

    stripe_price_id: Mapped[String] = mapped_column(primary_key=True)
    plan_id: Mapped[String | None] = mapped_column(ForeignKey("plans.id"))
    billing_cycle: Mapped[BillingCycle | None] = mapped_column(
        one_of(BillingCycle, name="stripe_price_cycle_known")
    )
    pack_id: Mapped[String | None] = mapped_column(ForeignKey("credit_packs.id"))
    amount_minor: Mapped[MinorUnits]
    currency: Mapped[String]
    created_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(plan_id, pack_id) = 1 AND (plan_id IS NULL) = (billing_cycle IS NULL)",
            name="stripe_price_sells_one_thing",
        ),
        CheckConstraint(
            f"amount_minor BETWEEN 0 AND {CREDITS_MAX}", name="stripe_price_amount_in_range"
        ),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="stripe_price_currency_code"),
        REFERENCE,
    )


class CatalogTerm(Base):
    """A rule of the catalogue that is one number, by its name, such as `RENEWAL_GRACE_HOURS`."""

    __tablename__ = "catalog_terms"

    name: Mapped[String] = mapped_column(primary_key=True)
    value: Mapped[Credits]

    __table_args__ = (
        CheckConstraint(f"value BETWEEN 0 AND {CREDITS_MAX}", name="catalog_term_in_range"),
        REFERENCE,
    )
