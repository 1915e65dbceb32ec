"""The credit usage records: the statements of the four lists, their filters, orders and totals."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Row,
    Uuid,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)

from billing import batch, keyset, text
from billing.errors import SearchNotText, SearchTooLong
from models.database import Snapshot
from models.ledger import AdjustmentType, CreditAdjustment
from models.usage import BillingType, ConversationUsage, ImportType, ImportUsage, McpHttpCall
from models.workspace import Membership, User

SEARCH_LENGTH_MAX = 200
"""The longest search term, in characters."""


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open time range, `start <= t < end`; an end that is None is open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """A case-insensitive substring; `creators` also looks at who started a conversation."""

    term: str
    creators: bool

    def __post_init__(self) -> None:
        """Refuse what is too long or no text: SearchTooLong, SearchNotText."""
        if len(self.term) > SEARCH_LENGTH_MAX:
            raise SearchTooLong(maximum=SEARCH_LENGTH_MAX)
        if not text.is_text(self.term):
            raise SearchNotText


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations: None and empty filter nothing."""

    search: Search | None = None
    period: Period = Period()
    billing_types: frozenset[BillingType] = frozenset()


@dataclass(frozen=True, slots=True)
class McpHttpCallFilter:
    """Which MCP-HTTP calls: an empty filter filters nothing."""

    period: Period = Period()
    api_key_ids: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class ImportFilter:
    """Which imports: an empty filter filters nothing."""

    period: Period = Period()
    import_types: frozenset[ImportType] = frozenset()


@dataclass(frozen=True, slots=True)
class AdjustmentFilter:
    """Which adjustments: an empty filter filters nothing."""

    period: Period = Period()
    types: frozenset[AdjustmentType] = frozenset()


Filter = ConversationFilter | McpHttpCallFilter | ImportFilter | AdjustmentFilter


@dataclass(frozen=True, slots=True)
class Request:
    """A page of a list: `order_by` names one of the list's orders, `columns` are those asked for.

    Requests that are equal differ only in their workspace: they are read by one statement.
    """

    filter: Filter
    order_by: str
    descending: bool
    part: keyset.Slice
    columns: frozenset[str]


async def pages(
    snapshot: Snapshot, request: Request, *, workspace_ids: Sequence[UUID]
) -> list[keyset.Page]:
    """Return the page of each workspace, in their order.

    A row has the attributes that `request.columns` names.
    """
    listing = _LISTINGS[type(request.filter)]
    return await keyset.pages(
        snapshot,
        columns=[listing.columns[name] for name in sorted(request.columns)],
        parent=(listing.workspace_id,),
        parents=[(workspace_id,) for workspace_id in workspace_ids],
        where=await _where(snapshot, request.filter, workspace_ids),
        order=keyset.Order(
            (*listing.orders[request.order_by], listing.key), descending=request.descending
        ),
        part=request.part,
    )


async def rows(
    snapshot: Snapshot, list_: type[Filter], *, keys: Sequence[tuple[UUID, Any]]
) -> dict[tuple[UUID, Any], Row[Any]]:
    """Return rows of a list, with all its columns, by (workspace id, key)."""
    listing = _LISTINGS[list_]
    statement = select(*listing.columns.values()).where(
        listing.workspace_id.in_({key[0] for key in keys}),
        listing.key.in_({key[1] for key in keys}),
    )
    found = await snapshot.all(statement)
    return {(row.workspace_id, row._mapping[listing.key]): row for row in found}  # noqa: SLF001 - SQLAlchemy documents it


async def totals(
    snapshot: Snapshot, filter_: Filter, *, workspace_ids: Sequence[UUID]
) -> list[Row[Any]]:
    """Return the exact totals of the filtered rows of each workspace, in their order.

    Rows of every list have `row_count`; conversations `messages` and `credits`, MCP-HTTP calls
    and imports `credits`, adjustments `granted`, `removed` (not negative) and `net`.
    """
    listing = _LISTINGS[type(filter_)]
    where = await _where(snapshot, filter_, workspace_ids)
    each = await batch.rows_of_each(
        snapshot,
        select(*listing.totals).where(where),
        parent=(listing.workspace_id,),
        parents=[(workspace_id,) for workspace_id in workspace_ids],
    )
    return [rows[0] for rows in each]


_CONVERSATIONS = ConversationUsage.__table__.c
_CALLS = McpHttpCall.__table__.c
_IMPORTS = ImportUsage.__table__.c
_ADJUSTMENTS = CreditAdjustment.__table__.c


def _total(value: ColumnElement[int], name: str) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(value), 0), BigInteger).label(name)


@dataclass(frozen=True, slots=True)
class _Listing:
    """What the statements of a list are made of."""

    workspace_id: ColumnElement[UUID]
    key: ColumnElement[Any]
    orders: Mapping[str, Sequence[ColumnElement[Any]]]
    columns: Mapping[str, ColumnElement[Any]]
    totals: Sequence[ColumnElement[int]]


_ROW_COUNT = func.count().label("row_count")

_LISTINGS: Mapping[type[Filter], _Listing] = {
    ConversationFilter: _Listing(
        workspace_id=_CONVERSATIONS.workspace_id,
        key=_CONVERSATIONS.id,
        orders={
            "UPDATED_AT": (_CONVERSATIONS.updated_at,),
            "CREDITS": (_CONVERSATIONS.credits, _CONVERSATIONS.updated_at),
            "MESSAGE_COUNT": (_CONVERSATIONS.message_count, _CONVERSATIONS.updated_at),
        },
        columns=dict(_CONVERSATIONS.items()),
        totals=(
            _ROW_COUNT,
            _total(_CONVERSATIONS.message_count, "messages"),
            _total(_CONVERSATIONS.credits, "credits"),
        ),
    ),
    McpHttpCallFilter: _Listing(
        workspace_id=_CALLS.workspace_id,
        key=_CALLS.id,
        orders={
            "CREATED_AT": (_CALLS.created_at,),
            "CREDITS": (_CALLS.credits, _CALLS.created_at),
        },
        columns=dict(_CALLS.items()),
        totals=(_ROW_COUNT, _total(_CALLS.credits, "credits")),
    ),
    ImportFilter: _Listing(
        workspace_id=_IMPORTS.workspace_id,
        key=_IMPORTS.id,
        orders={
            "CREATED_AT": (_IMPORTS.created_at,),
            "CREDITS": (_IMPORTS.credits, _IMPORTS.created_at),
        },
        columns=dict(_IMPORTS.items()),
        totals=(_ROW_COUNT, _total(_IMPORTS.credits, "credits")),
    ),
    AdjustmentFilter: _Listing(
        workspace_id=_ADJUSTMENTS.workspace_id,
        key=_ADJUSTMENTS.entry_number,
        orders={
            "CREATED_AT": (_ADJUSTMENTS.created_at,),
            "AMOUNT": (_ADJUSTMENTS.amount, _ADJUSTMENTS.created_at),
        },
        columns=dict(_ADJUSTMENTS.items()) | {"detail": _ADJUSTMENTS.detail.label("stored_detail")},
        totals=(
            _ROW_COUNT,
            _total(func.greatest(_ADJUSTMENTS.amount, 0), "granted"),
            _total(func.greatest(-_ADJUSTMENTS.amount, 0), "removed"),
            _total(_ADJUSTMENTS.amount, "net"),
        ),
    ),
}


async def _where(
    snapshot: Snapshot, filter_: Filter, workspace_ids: Sequence[UUID]
) -> ColumnElement[bool]:
    match filter_:
        case ConversationFilter():
            return and_(
                _within(_CONVERSATIONS.updated_at, filter_.period),
                _among(_CONVERSATIONS.billing_type, filter_.billing_types),
                await _found(snapshot, filter_.search, workspace_ids),
            )
        case McpHttpCallFilter():
            return and_(
                _within(_CALLS.created_at, filter_.period),
                _among(_CALLS.api_key_id, filter_.api_key_ids),
            )
        case ImportFilter():
            return and_(
                _within(_IMPORTS.created_at, filter_.period),
                _among(_IMPORTS.import_type, filter_.import_types),
            )
        case AdjustmentFilter():
            return and_(
                _within(_ADJUSTMENTS.created_at, filter_.period),
                _among(_ADJUSTMENTS.type, filter_.types),
            )


def _within(time: ColumnElement[datetime], period: Period) -> ColumnElement[bool]:
    return and_(
        true() if period.start is None else time >= period.start,
        true() if period.end is None else time < period.end,
    )


def _among(column: ColumnElement[Any], wanted: frozenset[Any]) -> ColumnElement[bool]:
    """Return the condition of one of `wanted`: a single one as an equality, which keeps order.

    Several are one array, so that the statement is the same however many they are.
    """
    if not wanted:
        return true()
    if len(wanted) == 1:
        only: ColumnElement[bool] = column == next(iter(wanted))
        return only
    among: ColumnElement[bool] = column == func.any(literal(sorted(wanted), ARRAY(column.type)))
    return among


async def _found(
    snapshot: Snapshot, search: Search | None, workspace_ids: Sequence[UUID]
) -> ColumnElement[bool]:
    """Return the condition of a search.

    Who matches is asked first: an index can answer "one of these people", not a subquery in an OR.
    """
    if search is None or not search.term:
        return true()
    patterns = [f"%{_literally(each)}%" for each in _spellings(search.term)]
    matches: list[ColumnElement[bool]] = [
        column.ilike(pattern)
        for column in (_CONVERSATIONS.title, _CONVERSATIONS.conversation_id)
        for pattern in patterns
    ]
    if search.creators:
        people = (
            select(Membership.user_id)
            .join(User, User.id == Membership.user_id)
            .where(
                Membership.workspace_id.in_(workspace_ids),
                or_(*(User.name.ilike(pattern) for pattern in patterns)),
            )
        )
        creators = [row.user_id for row in await snapshot.all(people)]
        if creators:
            matches.append(_CONVERSATIONS.user_id == func.any(literal(creators, ARRAY(Uuid))))
    return or_(*matches)


def _spellings(term: str) -> list[str]:
    """Return the ways to write `term` in Unicode: composed, and decomposed if that is another."""
    return sorted({unicodedata.normalize(form, term) for form in ("NFC", "NFD")})


def _literally(term: str) -> str:
    """Return `term` with the pattern characters of LIKE made ordinary."""
    return term.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
