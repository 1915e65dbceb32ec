"""The filters and orders of the four lists, as inputs."""

import unicodedata
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Self

import strawberry

from billing import records
from billing.access import WorkspaceAccess
from billing.records import Search
from resolvers import ids
from resolvers.types.enums import AdjustmentType, BillingType, ImportType, OrderDirection, described
from resolvers.types.inputs import DateTimeFilter, period


class ConversationUsageOrderField(StrEnum):
    """What conversations are ordered by."""

    UPDATED_AT = "UPDATED_AT"
    CREDITS = "CREDITS"
    MESSAGE_COUNT = "MESSAGE_COUNT"


class McpHttpCallOrderField(StrEnum):
    """What MCP-HTTP calls are ordered by."""

    CREATED_AT = "CREATED_AT"
    CREDITS = "CREDITS"


class ImportUsageOrderField(StrEnum):
    """What imports are ordered by."""

    CREATED_AT = "CREATED_AT"
    CREDITS = "CREDITS"


class CreditAdjustmentOrderField(StrEnum):
    """What adjustments are ordered by."""

    CREATED_AT = "CREATED_AT"
    AMOUNT = "AMOUNT"


_TIME_AND_CREDITS = {"CREATED_AT": "The time.", "CREDITS": "The credits charged."}
described(
    ConversationUsageOrderField,
    "What conversations are ordered by; equal ones by time, then by id.",
    {
        "UPDATED_AT": "The time of the last use.",
        "CREDITS": "The credits charged.",
        "MESSAGE_COUNT": "The messages counted.",
    },
)
described(
    McpHttpCallOrderField,
    "What calls are ordered by; equal ones by time, then by id.",
    _TIME_AND_CREDITS,
)
described(
    ImportUsageOrderField,
    "What imports are ordered by; equal ones by time, then by id.",
    _TIME_AND_CREDITS,
)
described(
    CreditAdjustmentOrderField,
    "What adjustments are ordered by; equal ones in the order of booking.",
    {"CREATED_AT": "The time of booking.", "AMOUNT": "The amount, with its sign."},
)


@strawberry.input(description="Which conversations; what is empty or null filters nothing.")
class ConversationUsageFilter:
    """Which conversations."""

    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Part of the conversation id or title, or for owners and admins of the creator's name;"
            f" in any case, at most {records.SEARCH_LENGTH_MAX} characters."
        ),
    )
    updated_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When it was last used."
    )
    billing_types: list[BillingType] | None = strawberry.field(
        default=strawberry.UNSET, description="What it is billed as: one of these."
    )

    @property
    def dates(self) -> DateTimeFilter | None:
        """The list's date filter."""
        return self.updated_at

    @property
    def term(self) -> str:
        """What is searched for, without the blanks around it; nothing when it is empty."""
        return (self.search or "").strip()

    @property
    def folded(self) -> Self:
        """The same filter, its term in the one form of all that find the same."""
        return replace(self, search=unicodedata.normalize("NFC", self.term).lower())

    def meant(
        self, access: WorkspaceAccess, *, now: datetime, resolved: datetime | None
    ) -> records.ConversationFilter:
        """Return what it filters for the viewer: a member's search looks at no creators."""
        return records.ConversationFilter(
            search=Search(self.term, creators=access.sees_people) if self.term else None,
            period=period(self.updated_at, now=now, resolved=resolved),
            billing_types=frozenset(self.billing_types or ()),
        )


@strawberry.input(description="Which calls; what is empty or null filters nothing.")
class McpHttpCallFilter:
    """Which calls."""

    created_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When it was made."
    )
    api_key_ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET,
        description=f"Made with one of these API keys; at most {ids.IDS_MAX}.",
    )

    @property
    def dates(self) -> DateTimeFilter | None:
        """The list's date filter."""
        return self.created_at

    def meant(
        self,
        access: WorkspaceAccess,  # noqa: ARG002 - all lists ask alike
        *,
        now: datetime,
        resolved: datetime | None,
    ) -> records.McpHttpCallFilter:
        """Return what it filters. Raises TooManyIds, and InvalidId for one of something else."""
        return records.McpHttpCallFilter(
            period=period(self.created_at, now=now, resolved=resolved),
            api_key_ids=frozenset(
                wanted.key for wanted in ids.decode_all(self.api_key_ids or (), "ApiKey")
            ),
        )


@strawberry.input(description="Which imports; what is empty or null filters nothing.")
class ImportUsageFilter:
    """Which imports."""

    created_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When it ran."
    )
    import_types: list[ImportType] | None = strawberry.field(
        default=strawberry.UNSET, description="What it brought in: one of these."
    )

    @property
    def dates(self) -> DateTimeFilter | None:
        """The list's date filter."""
        return self.created_at

    def meant(
        self,
        access: WorkspaceAccess,  # noqa: ARG002 - all lists ask alike
        *,
        now: datetime,
        resolved: datetime | None,
    ) -> records.ImportFilter:
        """Return what it filters."""
        return records.ImportFilter(
            period=period(self.created_at, now=now, resolved=resolved),
            import_types=frozenset(self.import_types or ()),
        )


@strawberry.input(description="Which adjustments; what is empty or null filters nothing.")
class CreditAdjustmentFilter:
    """Which adjustments."""

    created_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When it was booked."
    )
    types: list[AdjustmentType] | None = strawberry.field(
        default=strawberry.UNSET, description="Where it came from: one of these."
    )

    @property
    def dates(self) -> DateTimeFilter | None:
        """The list's date filter."""
        return self.created_at

    def meant(
        self,
        access: WorkspaceAccess,  # noqa: ARG002 - all lists ask alike
        *,
        now: datetime,
        resolved: datetime | None,
    ) -> records.AdjustmentFilter:
        """Return what it filters."""
        return records.AdjustmentFilter(
            period=period(self.created_at, now=now, resolved=resolved),
            types=frozenset(self.types or ()),
        )


@strawberry.input(description="An order of the conversations.")
class ConversationUsageOrder:
    """An order of the conversations."""

    field: ConversationUsageOrderField = strawberry.field(
        default=ConversationUsageOrderField.UPDATED_AT, description="What they are ordered by."
    )
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which end comes first."
    )


@strawberry.input(description="An order of the calls.")
class McpHttpCallOrder:
    """An order of the calls."""

    field: McpHttpCallOrderField = strawberry.field(
        default=McpHttpCallOrderField.CREATED_AT, description="What they are ordered by."
    )
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which end comes first."
    )


@strawberry.input(description="An order of the imports.")
class ImportUsageOrder:
    """An order of the imports."""

    field: ImportUsageOrderField = strawberry.field(
        default=ImportUsageOrderField.CREATED_AT, description="What they are ordered by."
    )
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which end comes first."
    )


@strawberry.input(description="An order of the adjustments.")
class CreditAdjustmentOrder:
    """An order of the adjustments."""

    field: CreditAdjustmentOrderField = strawberry.field(
        default=CreditAdjustmentOrderField.CREATED_AT, description="What they are ordered by."
    )
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which end comes first."
    )
