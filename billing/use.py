"""What can be used: a conversation, an MCP-HTTP call, an import; each says what is kept of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from billing import tally, text
from models.ledger import UsageKind
from models.usage import BillingType, ImportType

ID_LENGTH_MAX = 255
"""The most characters of what the host product knows a thing by."""

TITLE_LENGTH_MAX = 1_000
"""The most characters of a conversation's title."""

URL_LENGTH_MAX = 2_048
"""The most characters of an import's address."""

MESSAGES_MAX = 2**31 - 1
"""The most messages of one event."""


class RefusalReason(StrEnum):
    """Why an event is not recorded."""

    CREDITS_OUT_OF_RANGE = "CREDITS_OUT_OF_RANGE"
    EVENT_ID_REUSED = "EVENT_ID_REUSED"
    MESSAGE_COUNT_OUT_OF_RANGE = "MESSAGE_COUNT_OUT_OF_RANGE"
    OCCURRED_IN_THE_FUTURE = "OCCURRED_IN_THE_FUTURE"
    OCCURRED_TOO_LONG_AGO = "OCCURRED_TOO_LONG_AGO"
    TEXT_INVALID = "TEXT_INVALID"
    UNKNOWN_API_KEY = "UNKNOWN_API_KEY"
    UNKNOWN_USER = "UNKNOWN_USER"


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages or generations of a conversation; an empty title says nothing of its title."""

    conversation_id: str
    title: str
    billing_type: BillingType
    message_count: int

    @property
    def kind(self) -> UsageKind:
        """What a charge for it is for."""
        return UsageKind(self.billing_type.value)

    @property
    def key(self) -> tally.Key:
        """Its record."""
        return tally.Key(tally.CONVERSATION, self.conversation_id)

    @property
    def columns(self) -> dict[str, Any]:
        """What its record keeps of it."""
        return {
            "conversation_id": self.conversation_id,
            "title": self.title,
            "billing_type": self.billing_type,
            "message_count": self.message_count,
        }

    def flaw(self) -> RefusalReason | None:
        """Return what is wrong with it, whatever the workspace."""
        if not 0 <= self.message_count <= MESSAGES_MAX:
            return RefusalReason.MESSAGE_COUNT_OUT_OF_RANGE
        if not (is_id(self.conversation_id) and _is_text(self.title, TITLE_LENGTH_MAX)):
            return RefusalReason.TEXT_INVALID
        return None


@dataclass(frozen=True, slots=True)
class McpHttpCall:
    """A call of the MCP-HTTP interface with an API key of the workspace."""

    call_id: str
    api_key_id: UUID

    kind = UsageKind.MCP_HTTP_CALL
    message_count = 0

    @property
    def key(self) -> tally.Key:
        """Its record."""
        return tally.Key(tally.MCP_HTTP_CALL, self.call_id)

    @property
    def columns(self) -> dict[str, Any]:
        """What its record keeps of it."""
        return {"call_id": self.call_id, "api_key_id": self.api_key_id}

    def flaw(self) -> RefusalReason | None:
        """Return what is wrong with it, whatever the workspace."""
        return None if is_id(self.call_id) else RefusalReason.TEXT_INVALID


@dataclass(frozen=True, slots=True)
class Import:
    """An import job."""

    task_id: str
    import_type: ImportType
    import_url: str

    kind = UsageKind.IMPORT
    message_count = 0

    @property
    def key(self) -> tally.Key:
        """Its record."""
        return tally.Key(tally.IMPORT, self.task_id)

    @property
    def columns(self) -> dict[str, Any]:
        """What its record keeps of it."""
        return {
            "task_id": self.task_id,
            "import_type": self.import_type,
            "import_url": self.import_url,
        }

    def flaw(self) -> RefusalReason | None:
        """Return what is wrong with it, whatever the workspace."""
        if not (is_id(self.task_id) and _is_text(self.import_url, URL_LENGTH_MAX)):
            return RefusalReason.TEXT_INVALID
        return None


Use = Conversation | McpHttpCall | Import


def is_id(value: str) -> bool:
    """Return whether something can be known by `value`: it is not empty, and not too long."""
    return value != "" and _is_text(value, ID_LENGTH_MAX)


def _is_text(value: str, length_max: int) -> bool:
    return len(value) <= length_max and text.is_text(value)
