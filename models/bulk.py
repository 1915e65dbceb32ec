"""Very many rows at once, by COPY, and the tables tidied after them."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from models.base import Base
from models.database import Database

_BUILD_MEMORY = "256MB"


async def copy(
    session: AsyncSession,
    model: type[Base],
    names: Sequence[str],
    records: Iterable[Sequence[Any]],
) -> None:
    """Append rows to the model's table; `names` are the columns of each record, in its order.

    The session has begun its transaction: the driver's COPY does not begin it.
    """
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    assert driver is not None
    assert driver.is_in_transaction()
    places = [
        place for place, name in enumerate(names) if isinstance(model.__table__.c[name].type, JSONB)
    ]
    await driver.copy_records_to_table(
        model.__tablename__,
        columns=names,
        records=_with_json(records, places) if places else records,
    )


@asynccontextmanager
async def unindexed(session: AsyncSession, models: Sequence[type[Base]]) -> AsyncGenerator[None]:
    """Give tables without their indexes and foreign keys; in the end make those, as they were.

    Keys and CHECKs stay. Building an index over many rows, and looking each reference up once,
    takes a fraction of what keeping them up takes row by row. Nobody else reads the tables until
    the transaction ends.
    """
    tables = [model.metadata.tables[model.__tablename__] for model in models]
    indexes = [
        each for table in tables for each in sorted(table.indexes, key=lambda i: str(i.name))
    ]
    keys = [each for table in tables for each in table.foreign_key_constraints]
    for key in keys:
        await session.execute(DropConstraint(key))
    for index in indexes:
        await session.execute(DropIndex(index))
    yield
    await session.execute(text(f"SET LOCAL maintenance_work_mem = '{_BUILD_MEMORY}'"))
    for index in indexes:
        await session.execute(CreateIndex(index))
    for key in keys:
        await session.execute(AddConstraint(key, isolate_from_table=False))


async def tidy(database: Database) -> None:
    """Gather the planner's statistics and mark what every transaction sees, as autovacuum will.

    Until then, pages of new rows are planned badly, and no index answers alone.
    """
    async with database.engine.connect() as connection:
        at_once = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for table in Base.metadata.sorted_tables:
            await at_once.execute(text(f"VACUUM (ANALYZE) {table.name}"))


def _with_json(records: Iterable[Sequence[Any]], places: Sequence[int]) -> Iterable[Sequence[Any]]:
    """Yield the records, those of their values that are JSON as text."""
    for record in records:
        values = list(record)
        for place in places:
            values[place] = orjson.dumps(values[place]).decode()
        yield values
