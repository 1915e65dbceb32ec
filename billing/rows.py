"""Many rows of one workspace by one statement, whose text does not change with their number."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Executable,
    Table,
    TableValuedAlias,
    Uuid,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import column

from models.base import Base


class Rows(NamedTuple):
    """Rows of a table: the names of their columns, all but `workspace_id`, and the values."""

    names: Sequence[str]
    values: Sequence[Sequence[Any]]


async def add(session: AsyncSession, model: type[Base], rows: Rows, *, workspace_id: UUID) -> None:
    """Insert rows, none of which is there yet."""
    await send(session, inserting(model, *rows.names), rows, workspace_id=workspace_id)


async def change(
    session: AsyncSession, model: type[Base], rows: Rows, *, workspace_id: UUID
) -> None:
    """Update rows: the first column finds a row of the workspace, the others are set on it."""
    await send(session, _updating(model, *rows.names), rows, workspace_id=workspace_id)


async def send(
    session: AsyncSession, statement: Executable, rows: Rows, *, workspace_id: UUID
) -> None:
    """Execute a statement that was built here; without rows, ask nothing."""
    if rows.values:
        columns = map(list, zip(*rows.values, strict=True))
        arrays = dict(zip(map(_array, rows.names), columns, strict=True))
        await session.execute(statement, arrays | {"of_workspace": workspace_id})


def table(model: type[Base]) -> Table:
    """Return the model's table: statements of it concern no object of the session."""
    found = model.__table__
    assert isinstance(found, Table)
    return found


@cache
def inserting(model: type[Base], *names: str) -> Insert:
    """Return the statement that inserts rows with these columns into the model's table."""
    rows = _unnested(model, names)
    return insert(table(model)).from_select(
        ["workspace_id", *names], select(_WORKSPACE_ID, *rows.c), include_defaults=False
    )


@cache
def _updating(model: type[Base], key: str, *names: str) -> Executable:
    target = table(model)
    rows = _unnested(model, (key, *names))
    return (
        update(target)
        .values({name: rows.c[name] for name in names})
        .where(target.c.workspace_id == _WORKSPACE_ID, target.c[key] == rows.c[key])
    )


def _unnested(model: type[Base], names: Iterable[str]) -> TableValuedAlias:
    """Return the relation of the rows that the parameters hold, one array a column."""
    types = {name: table(model).c[name].type for name in names}
    arrays = (bindparam(_array(name), type_=ARRAY(type_)) for name, type_ in types.items())
    columns = (column(name, type_) for name, type_ in types.items())
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived()


def _array(name: str) -> str:
    """Return the parameter of a column; its own name is taken by what an UPDATE sets."""
    return f"{name}_array"


_WORKSPACE_ID = bindparam("of_workspace", type_=Uuid())
