"""Pages of a list by keyset: the rows after a row, never after a number of rows.

An order is a column and the tie that makes it total. A page reads one row more than it shows, to
know whether the list goes on. The pages of several parents are read by one statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    literal,
    select,
    tuple_,
)

from billing import batch
from models.database import Snapshot


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a list: by `key`, ties broken by `tie`, both in one direction."""

    key: ColumnElement[Any]
    tie: ColumnElement[Any]
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Position:
    """Where a row stands in its order: its key and its tie."""

    key: Any
    tie: Any


@dataclass(frozen=True, slots=True)
class Slice:
    """Which page: `size` rows from the start, or `backwards` from the end, or next to `beside`."""

    size: int
    backwards: bool = False
    beside: Position | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of the list, the position of each, and whether there are more."""

    rows: Sequence[Row[Any]]
    positions: Sequence[Position]
    has_next: bool
    has_previous: bool


EMPTY = Page((), (), has_next=False, has_previous=False)


async def pages(
    snapshot: Snapshot,
    *,
    columns: Sequence[ColumnElement[Any]],
    parent: Sequence[ColumnElement[Any]],
    parents: Sequence[tuple[Any, ...]],
    where: ColumnElement[bool],
    order: Order,
    part: Slice,
) -> list[Page]:
    """Return the page of each parent, in the order of `parents`, by one statement.

    `parent` are the columns that hold a parent's key. Only one parent can have a `beside`.
    """
    assert part.beside is None or len(parents) == 1
    statement = _page(columns, where=where, order=order, part=part)
    read = await batch.rows_of_each(snapshot, statement, parent=parent, parents=parents)
    return [_cut(rows, part) for rows in read]


def _page(
    columns: Sequence[ColumnElement[Any]],
    *,
    where: ColumnElement[bool],
    order: Order,
    part: Slice,
) -> Select[*tuple[Any, ...]]:
    """Return the statement of a page: key, tie, columns; one row more than the page's size."""
    descending = order.descending != part.backwards
    statement = select(order.key.label("page_key"), order.tie.label("page_tie"), *columns)
    if part.beside is not None:
        where = and_(where, _beyond(order, part.beside, descending=descending))
    ends = (order.key.desc(), order.tie.desc()) if descending else (order.key, order.tie)
    return statement.where(where).order_by(*ends).limit(part.size + 1)


def _beyond(order: Order, position: Position, *, descending: bool) -> ColumnElement[bool]:
    """Return the condition of rows further on than `position`: a row comparison an index reads."""
    here = tuple_(order.key, order.tie)
    there = tuple_(literal(position.key, order.key.type), literal(position.tie, order.tie.type))
    return here < there if descending else here > there


def _cut(read: Sequence[Row[Any]], part: Slice) -> Page:
    """Return the page of the rows read, which may be one too many."""
    more = len(read) > part.size
    rows = read[: part.size]
    if part.backwards:
        rows = rows[::-1]
    beside = part.beside is not None
    return Page(
        rows=rows,
        positions=[Position(row.page_key, row.page_tie) for row in rows],
        has_next=beside if part.backwards else more,
        has_previous=more if part.backwards else beside,
    )
