"""Connections: the arguments of a page, and the page as Relay wants it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

import strawberry
from strawberry.relay import PageInfo

from billing.keyset import Page, Slice
from models.database import Record
from resolvers import cursors
from resolvers.cursors import Cursor
from resolvers.refusals import PageDirectionUnclear, PageSizeOutOfRange
from resolvers.types.node import Node

PAGE_SIZE_DEFAULT = 25
PAGE_SIZE_MAX = 100

First = Annotated[
    int | None,
    strawberry.argument(description=f"The page size from the start, 1 to {PAGE_SIZE_MAX}."),
]
After = Annotated[
    str | None, strawberry.argument(description="Start after this cursor; goes with `first`.")
]
Last = Annotated[
    int | None,
    strawberry.argument(description=f"The page size from the end, 1 to {PAGE_SIZE_MAX}."),
]
Before = Annotated[
    str | None, strawberry.argument(description="End before this cursor; goes with `last`.")
]

N = TypeVar("N", bound=Node)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Place:
    """The list that a page is of: its fingerprint, and the Python types of a position in it."""

    fingerprint: str
    types: tuple[type, ...] = (datetime, UUID)


@dataclass(frozen=True, slots=True)
class Paging:
    """The page asked for, and the start that the cursor carries if it has one."""

    part: Slice
    cursor: Cursor | None


def paging(
    place: Place, *, first: int | None, after: str | None, last: int | None, before: str | None
) -> Paging:
    """Return the page that the arguments ask for: the first 25 rows without any.

    Raises PageDirectionUnclear, PageSizeOutOfRange, InvalidCursor and StaleCursor.
    """
    first, last, after, before = _given(first), _given(last), _given(after), _given(before)
    backwards = last is not None
    if (first is not None and backwards) or (after if backwards else before) is not None:
        raise PageDirectionUnclear
    argument, size = ("last", last) if backwards else ("first", first)
    if size is not None and not 1 <= size <= PAGE_SIZE_MAX:
        raise PageSizeOutOfRange(argument=argument, maximum=PAGE_SIZE_MAX)

    text = before if backwards else after
    cursor = None if text is None else cursors.decode(text, place.fingerprint, types=place.types)
    beside = None if cursor is None else cursor.position
    return Paging(Slice(size or PAGE_SIZE_DEFAULT, backwards=backwards, beside=beside), cursor)


def _given(value: V | None) -> V | None:
    """Return what a client gave: an argument that it left out is none."""
    return None if value is strawberry.UNSET else value


@strawberry.type(description="A row of a list, with its cursor.")
class Edge(Generic[N]):
    """A row and its cursor."""

    cursor: str = strawberry.field(description="Where the row stands in its list.")
    node: N = strawberry.field(description="The row.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[N]):
    """A page of a list, with edges for those who want a cursor a row."""

    edges: list[Edge[N]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[N] = strawberry.field(description="The rows.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in its list.")

    @classmethod
    def of(
        cls,
        page: Page,
        node: Callable[[Record], N],
        *,
        place: Place,
        start: datetime | None = None,
        **more: Any,
    ) -> Self:
        """Return the connection of `page`, a `node` for each of its rows.

        `start` is what a quick pick was resolved to: it rides in every cursor.
        """
        nodes = [node(row) for row in page.rows]
        marks = [
            cursors.encode(Cursor(position, start), place.fingerprint)
            for position in page.positions
        ]
        return cls(
            edges=[Edge(cursor=mark, node=node) for mark, node in zip(marks, nodes, strict=True)],
            nodes=nodes,
            page_info=page_info(page, marks),
            **more,
        )


def page_info(page: Page, marks: Sequence[str]) -> PageInfo:
    """Return where a page stands in its list, `marks` being the cursors of its rows."""
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=marks[0] if marks else None,
        end_cursor=marks[-1] if marks else None,
    )
