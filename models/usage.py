"""The credit usage records: conversations, MCP-HTTP calls and imports.

Each row's totals are the sums of its charges. Each list has an index for every order, one for
every filter in time order, and the conversations one for substring search.
"""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import CREDITS_MAX, TENANT, Base, Credits, Key, String, Timestamp, one_of
from models.workspace import creator_of


class BillingType(StrEnum):
    """What a conversation is billed as: the kind of its first charge."""

    MESSAGE = "MESSAGE"
    IMAGE_GENERATION = "IMAGE_GENERATION"
    VIDEO_GENERATION = "VIDEO_GENERATION"


class ImportType(StrEnum):
    """What an import job brought in."""

    BRAND = "BRAND"
    PRODUCT = "PRODUCT"


class ConversationUsage(Base):
    """What a conversation has cost. `updated_at` is the time of its latest event."""

    __tablename__ = "conversation_usage"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[Key] = mapped_column(primary_key=True)
    conversation_id: Mapped[String]
    title: Mapped[String]
    user_id: Mapped[Key]
    billing_type: Mapped[BillingType] = mapped_column(
        one_of(BillingType, name="conversation_billing_type_known")
    )
    message_count: Mapped[Credits]
    credits: Mapped[Credits]
    created_at: Mapped[Timestamp]
    updated_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint(f"credits BETWEEN 0 AND {CREDITS_MAX}", name="conversation_in_range"),
        CheckConstraint("message_count >= 0", name="conversation_messages_counted"),
        creator_of(),
        UniqueConstraint("workspace_id", "conversation_id"),
        Index("conversation_usage_by_time_idx", "workspace_id", "updated_at", "id"),
        Index("conversation_usage_by_credits_idx", "workspace_id", "credits", "updated_at", "id"),
        Index(
            "conversation_usage_by_messages_idx",
            "workspace_id",
            "message_count",
            "updated_at",
            "id",
        ),
        Index("conversation_usage_by_type_idx", "workspace_id", "billing_type", "updated_at", "id"),
        Index("conversation_usage_by_user_idx", "workspace_id", "user_id", "updated_at", "id"),
        Index(
            "conversation_usage_search_idx",
            "workspace_id",
            "title",
            "conversation_id",
            postgresql_using="gin",
            postgresql_ops={"title": "gin_trgm_ops", "conversation_id": "gin_trgm_ops"},
        ),
        TENANT,
    )


class McpHttpCall(Base):
    """A call of the MCP-HTTP interface with an API key."""

    __tablename__ = "mcp_http_calls"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[Key] = mapped_column(primary_key=True)
    call_id: Mapped[String]
    api_key_id: Mapped[Key]
    user_id: Mapped[Key]
    credits: Mapped[Credits]
    created_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint(f"credits BETWEEN 0 AND {CREDITS_MAX}", name="mcp_http_call_in_range"),
        creator_of(),
        ForeignKeyConstraint(
            ["workspace_id", "api_key_id"], ["api_keys.workspace_id", "api_keys.id"]
        ),
        UniqueConstraint("workspace_id", "call_id"),
        Index("mcp_http_calls_by_time_idx", "workspace_id", "created_at", "id"),
        Index("mcp_http_calls_by_credits_idx", "workspace_id", "credits", "created_at", "id"),
        Index("mcp_http_calls_by_key_idx", "workspace_id", "api_key_id", "created_at", "id"),
        TENANT,
    )


class ImportUsage(Base):
    """An import job of a brand or of products."""

    __tablename__ = "import_usage"

    workspace_id: Mapped[Key] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[Key] = mapped_column(primary_key=True)
    task_id: Mapped[String]
    import_type: Mapped[ImportType] = mapped_column(one_of(ImportType, name="import_type_known"))
    import_url: Mapped[String]
    user_id: Mapped[Key]
    credits: Mapped[Credits]
    created_at: Mapped[Timestamp]

    __table_args__ = (
        CheckConstraint(f"credits BETWEEN 0 AND {CREDITS_MAX}", name="import_in_range"),
        creator_of(),
        UniqueConstraint("workspace_id", "task_id"),
        Index("import_usage_by_time_idx", "workspace_id", "created_at", "id"),
        Index("import_usage_by_credits_idx", "workspace_id", "credits", "created_at", "id"),
        Index("import_usage_by_type_idx", "workspace_id", "import_type", "created_at", "id"),
        TENANT,
    )
