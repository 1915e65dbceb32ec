"""The work queue: what is to be done later, each in a transaction of its own."""

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import LOCAL, Base, Json, Key, String, Timestamp


class Job(Base):
    """Work that is due from `run_at` on; whoever claims it moves that to the end of the lease.

    `attempts` counts the claims. A job that is done is no more.
    """

    __tablename__ = "jobs"

    id: Mapped[Key] = mapped_column(primary_key=True)
    kind: Mapped[String]
    key: Mapped[String]
    payload: Mapped[Json]
    run_at: Mapped[Timestamp]
    attempts: Mapped[int]
    lease_token: Mapped[Key | None]
    last_error: Mapped[String | None]
    created_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint("attempts >= 0", name="job_attempts_counted"),
        UniqueConstraint("kind", "key"),
        Index("jobs_due_idx", "run_at"),
        LOCAL,
    )
