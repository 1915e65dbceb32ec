"""Workspaces and the people, roles and API keys in them."""

from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import LOCAL, REFERENCE, TENANT, Base, Key, String, Timestamp, one_of


class Role(StrEnum):
    """What a person may do in a workspace."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"


class User(Base):
    """A person. `subject` is who the token says they are (its `sub`)."""

    __tablename__ = "users"

    id: Mapped[Key] = mapped_column(primary_key=True)
    subject: Mapped[String] = mapped_column(unique=True)
    name: Mapped[String]
    email: Mapped[String]
    created_at: Mapped[Timestamp]

    __table_args__ = (REFERENCE,)


class Workspace(Base):
    """A tenant: it holds a plan and spends credits."""

    __tablename__ = "workspaces"

    id: Mapped[Key] = mapped_column(primary_key=True)
    name: Mapped[String]
    referred_by_workspace_id: Mapped[Key | None]
    stripe_customer_id: Mapped[String | None]
    created_at: Mapped[Timestamp]

    __table_args__ = (TENANT,)


class WorkspaceKey(Base):
    """What the host product knows a workspace by: each of its ids is one workspace."""

    __tablename__ = "workspace_keys"

    external_id: Mapped[String] = mapped_column(primary_key=True)
    workspace_id: Mapped[Key] = mapped_column(unique=True)
    created_at: Mapped[Timestamp]

    __table_args__ = (LOCAL,)


class Membership(Base):
    """A person's role in a workspace.

    Who leaves keeps the row with `left_at`: the usage records of a former member still name them.
    """

    __tablename__ = "memberships"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    user_id: Mapped[Key] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(one_of(Role, name="membership_role_known"))
    created_at: Mapped[Timestamp]
    left_at: Mapped[Timestamp | None]

    __table_args__ = (
        # The one index that workspace_id does not lead: "which workspaces am I in" has no tenant.
        Index("memberships_of_user_idx", "user_id", "created_at", "workspace_id"),
        TENANT,
    )


class ApiKey(Base):
    """The name of an API key of the host product; never its secret."""

    __tablename__ = "api_keys"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[Key] = mapped_column(primary_key=True)
    external_id: Mapped[String]
    name: Mapped[String]
    created_at: Mapped[Timestamp]
    revoked_at: Mapped[Timestamp | None]

    __table_args__ = (
        UniqueConstraint("workspace_id", "external_id"),
        Index("api_keys_by_time_idx", "workspace_id", "created_at", "id"),
        TENANT,
    )


def creator_of() -> ForeignKeyConstraint:
    """Return the constraint that a usage record's person is, or was, a member."""
    return ForeignKeyConstraint(
        ["workspace_id", "user_id"], ["memberships.workspace_id", "memberships.user_id"]
    )
