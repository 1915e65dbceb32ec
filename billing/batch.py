"""One statement for many parents: read many, answer by key."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, Select, and_, column, select, true, values

from models.database import Snapshot


async def rows_of_each(
    snapshot: Snapshot,
    statement: Select[*tuple[Any, ...]],
    *,
    parent: Sequence[ColumnElement[Any]],
    parents: Sequence[tuple[Any, ...]],
) -> list[Sequence[Row[Any]]]:
    """Return the rows of `statement` for each parent, in the order of `parents`.

    `parent` are the columns that hold a parent's key. An ORDER BY and a LIMIT hold within each
    parent: the keys of several are joined laterally, the key of a single one is a plain condition.
    """
    if len(parents) == 1:
        alone = and_(*(have == key for have, key in zip(parent, parents[0], strict=True)))
        return [await snapshot.all(statement.where(alone))]

    keys = values(
        *(column(f"key_{i}", have.type) for i, have in enumerate(parent)),
        column("place", Integer),
        name="parents",
    ).data([(*key, place) for place, key in enumerate(parents)])
    of_parent = and_(*(have == keys.c[i] for i, have in enumerate(parent)))
    each = statement.where(of_parent).correlate(keys).lateral("each")
    found: list[list[Row[Any]]] = [[] for _ in parents]
    joined = select(keys.c.place.label("parent_place"), each).select_from(keys.join(each, true()))
    for row in await snapshot.all(joined):
        found[row.parent_place].append(row)
    return list(found)
