"""What Stripe told us: the inbox of its events, whose its objects are, and what has gone back."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import LOCAL, TENANT, Base, Json, Key, MinorUnits, String, Timestamp, one_of


class StripeEventStatus(StrEnum):
    """How far an event has come; UNAPPLIED is kept but will not be handled."""

    PENDING = "PENDING"
    DONE = "DONE"
    FAILED = "FAILED"
    UNAPPLIED = "UNAPPLIED"


class StripeEvent(Base):
    """A webhook's event, stored once; a worker holds the lease while it applies it."""

    __tablename__ = "stripe_events"

    id: Mapped[String] = mapped_column(primary_key=True)
    type: Mapped[String]
    object_id: Mapped[String]
    api_version: Mapped[String | None]
    livemode: Mapped[bool]
    payload: Mapped[Json]
    status: Mapped[StripeEventStatus] = mapped_column(
        one_of(StripeEventStatus, name="stripe_event_status_known")
    )
    attempts: Mapped[int]
    next_attempt_at: Mapped[Timestamp]
    lease_token: Mapped[Key | None]
    leased_until: Mapped[Timestamp | None]
    last_error: Mapped[String | None]
    occurred_at: Mapped[Timestamp]
    received_at: Mapped[Timestamp]
    applied_at: Mapped[Timestamp | None]

    __table_args__ = (
        CheckConstraint("attempts >= 0", name="stripe_event_attempts_counted"),
        CheckConstraint(
            "(lease_token IS NULL) = (leased_until IS NULL)", name="stripe_event_lease_whole"
        ),
        Index(
            "stripe_events_due_idx",
            "next_attempt_at",
            postgresql_where=text("status IN ('PENDING', 'FAILED')"),
        ),
        Index("stripe_events_of_object_idx", "object_id"),
        LOCAL,
    )


class StripeObject(Base):
    """Whose a Stripe object is: it never lands in two workspaces.

    `fetched_at` is when the fetch began that last settled it, if it is settled on its own.
    """

    __tablename__ = "stripe_objects"

    stripe_id: Mapped[String] = mapped_column(primary_key=True)
    workspace_id: Mapped[Key]
    fetched_at: Mapped[Timestamp | None]
    created_at: Mapped[Timestamp]

    __table_args__ = (LOCAL,)


class ReversedPayment(Base):
    """A payment of which something has gone back, as it was told last, that brings many packages.

    `brings` has the source key of each and its credits: those to come are looked at when they come.
    """

    __tablename__ = "reversed_payments"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    stripe_payment_intent_id: Mapped[String] = mapped_column(primary_key=True)
    paid_minor: Mapped[MinorUnits]
    refunded_minor: Mapped[MinorUnits]
    disputed_minor: Mapped[MinorUnits]
    brings: Mapped[Json]

    __table_args__ = (
        CheckConstraint(
            "paid_minor > 0 AND refunded_minor >= 0 AND disputed_minor >= 0",
            name="reversed_payment_sums_in_range",
        ),
        TENANT,
    )


class Reconciliation(Base):
    """A comparison with Stripe that is made again and again: up to when, and when next.

    Both are times of the business; who makes it holds the lease by the machine's time.
    """

    __tablename__ = "reconciliations"

    name: Mapped[String] = mapped_column(primary_key=True)
    watermark: Mapped[Timestamp | None]
    next_at: Mapped[Timestamp]
    leased_until: Mapped[Timestamp | None]

    __table_args__ = (LOCAL,)
