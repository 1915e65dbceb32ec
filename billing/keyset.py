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
    func,
    literal,
    select,
    tuple_,
)

from billing import batch
from models.database import Snapshot


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a list: by columns, all in one direction; the last one is the row's key.

    An order by a number goes on by time: equal numbers stand newest to oldest, and a date filter
    is part of what the order's index answers.
    """

    columns: Sequence[ColumnElement[Any]]
    descending: bool = True


Position = tuple[Any, ...]
"""Where a row stands in its order: its value in each of the order's columns."""


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
    A row has the `columns`, and its own key in the list as `row_key`.
    """
    assert part.beside is None or len(parents) == 1
    statement = _page(columns, where=where, order=order, part=part)
    read = await batch.rows_of_each(snapshot, statement, parent=parent, parents=parents)
    return [_cut(rows, len(order.columns), part) for rows in read]


async def counts(
    snapshot: Snapshot,
    *,
    parent: Sequence[ColumnElement[Any]],
    parents: Sequence[tuple[Any, ...]],
    where: ColumnElement[bool],
) -> list[int]:
    """Return how many rows the list of each parent has, in the order of `parents`."""
    statement = select(func.count().label("number")).where(where)
    read = await batch.rows_of_each(snapshot, statement, parent=parent, parents=parents)
    return [rows[0].number for rows in read]


def _page(
    columns: Sequence[ColumnElement[Any]],
    *,
    where: ColumnElement[bool],
    order: Order,
    part: Slice,
) -> Select[*tuple[Any, ...]]:
    """Return the statement of a page, one row more than its size; the position comes first."""
    descending = order.descending != part.backwards
    *through, key = order.columns
    position = [each.label(f"position_{i}") for i, each in enumerate(through)]
    statement = select(*position, key.label("row_key"), *columns)
    if part.beside is not None:
        where = and_(where, _beyond(order, part.beside, descending=descending))
    along = [each.desc() for each in order.columns] if descending else order.columns
    return statement.where(where).order_by(*along).limit(part.size + 1)


def _beyond(order: Order, position: Position, *, descending: bool) -> ColumnElement[bool]:
    """Return the condition of rows further on than `position`: a row comparison an index reads."""
    here = tuple_(*order.columns)
    there = tuple_(
        *(literal(value, each.type) for value, each in zip(position, order.columns, strict=True))
    )
    return here < there if descending else here > there


def _cut(read: Sequence[Row[Any]], width: int, part: Slice) -> Page:
    """Return the page of the rows read, which may be one too many.

    The first `width` columns of a row are its position.
    """
    more = len(read) > part.size
    rows = read[: part.size]
    if part.backwards:
        rows = rows[::-1]
    beside = part.beside is not None
    return Page(
        rows=rows,
        positions=[tuple(row[:width]) for row in rows],
        has_next=beside if part.backwards else more,
        has_previous=more if part.backwards else beside,
    )
