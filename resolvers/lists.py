"""How a page of one of the four lists is read: only what the document asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

from billing.access import WorkspaceAccess
from billing.keyset import EMPTY
from billing.records import Request
from resolvers import connection, cursors, selections
from resolvers.connection import Place
from resolvers.context import Info
from resolvers.types import record
from resolvers.types.adjustment import CreditAdjustment
from resolvers.types.enums import OrderDirection
from resolvers.types.filters import (
    ConversationUsageFilter,
    ConversationUsageOrder,
    CreditAdjustmentFilter,
    CreditAdjustmentOrder,
    ImportUsageFilter,
    ImportUsageOrder,
    McpHttpCallFilter,
    McpHttpCallOrder,
)
from resolvers.types.lists import (
    ConversationUsageConnection,
    CreditAdjustmentConnection,
    ImportUsageConnection,
    McpHttpCallConnection,
    RecordConnection,
)
from resolvers.types.node import Node
from resolvers.types.usage import ConversationUsage, ImportUsage, McpHttpCall

C = TypeVar("C", bound=RecordConnection[Any])

Filter = ConversationUsageFilter | McpHttpCallFilter | ImportUsageFilter | CreditAdjustmentFilter
Order = ConversationUsageOrder | McpHttpCallOrder | ImportUsageOrder | CreditAdjustmentOrder


@dataclass(frozen=True, slots=True)
class RecordList(Generic[C]):
    """A list: its types, the type of its key in a workspace, what its resolved fields read."""

    connection: type[C]
    node: type[Node]
    everything: Filter
    by_time: Order
    key_type: type = UUID
    behind: Mapping[str, tuple[str, ...]] = dataclass_field(default_factory=dict)


CONVERSATIONS = RecordList(
    ConversationUsageConnection,
    ConversationUsage,
    ConversationUsageFilter(),
    ConversationUsageOrder(),
    behind={"user": ("user_id",)},
)
MCP_HTTP_CALLS = RecordList(
    McpHttpCallConnection,
    McpHttpCall,
    McpHttpCallFilter(),
    McpHttpCallOrder(),
    behind={"user": ("user_id",), "apiKey": ("api_key_id",)},
)
IMPORTS = RecordList(
    ImportUsageConnection,
    ImportUsage,
    ImportUsageFilter(),
    ImportUsageOrder(),
    behind={"user": ("user_id",)},
)
ADJUSTMENTS = RecordList(
    CreditAdjustmentConnection,
    CreditAdjustment,
    CreditAdjustmentFilter(),
    CreditAdjustmentOrder(),
    key_type=int,
    behind={"detail": ("type", "detail")},
)


async def page(
    list_: RecordList[C],
    info: Info,
    access: WorkspaceAccess,
    *,
    filter_by: Filter | None,
    order_by: Order | None,
    **arguments: Any,
) -> C:
    """Return the page that the arguments ask for.

    `arguments` are `first`, `after`, `last` and `before`. A page that nobody looks at (only its
    totals are asked for) is not read.
    """
    filter_by, order_by = filter_by or list_.everything, order_by or list_.by_time
    place = Place(
        cursors.fingerprint(
            list_.node.__name__, access.workspace_id, _canonical(filter_by), _canonical(order_by)
        ),
        types=(datetime, list_.key_type)
        if order_by.field.endswith("_AT")
        else (int, datetime, list_.key_type),
    )
    asked = connection.paging(place, **arguments)
    start = asked.cursor.start if asked.cursor else None
    meant = filter_by.meant(access, now=info.context.now, resolved=start)
    request = Request(
        filter=meant,
        order_by=order_by.field.value,
        descending=order_by.direction is OrderDirection.DESC,
        part=asked.part,
        columns=_columns(list_, info),
    )
    seen = selections.under(info) & {"edges", "nodes", "pageInfo"}
    workspace_id = access.workspace_id
    found = await info.context.loaders.record_page.load((request, workspace_id)) if seen else EMPTY
    return list_.connection.of(
        found,
        lambda row: record.node(list_.node, row, row.row_key, access=access),
        place=place,
        start=meant.period.start if _is_quick(filter_by) else None,
        question=(meant, workspace_id),
    )


def _columns(list_: RecordList[C], info: Info) -> frozenset[str]:
    asked = selections.under(info, "nodes") | selections.under(info, "edges", "node")
    return record.columns(list_.node, asked, behind=list_.behind)


def _is_quick(filter_by: Filter) -> bool:
    dates = filter_by.dates
    return bool(dates and dates.quick_pick)


def _canonical(value: Any) -> Any:
    """Return what tells two inputs apart: the same for inputs that mean the same."""
    if isinstance(value, ConversationUsageFilter):
        value = value.folded
    if is_dataclass(value):
        parts = tuple(_canonical(getattr(value, field.name)) for field in fields(value))
        return parts if any(part is not None for part in parts) else None
    if isinstance(value, list):
        return tuple(sorted({_canonical(item) for item in value})) or None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return None if value is strawberry.UNSET or value == "" else value
