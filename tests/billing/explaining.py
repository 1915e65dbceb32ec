"""What PostgreSQL does to answer a statement: the plan that it ran, and the rows it touched."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database

_LOOKED_AT = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
"""What a node did in each of its loops, on average."""


@dataclass(frozen=True)
class RunPlan:
    """A plan that was run."""

    nodes: list[dict[str, Any]]

    @property
    def indexes(self) -> set[str]:
        """The indexes that were read."""
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    @property
    def sorts(self) -> bool:
        """Whether rows were sorted, or gathered from parallel workers."""
        return any("Sort" in node["Node Type"] for node in self.nodes)

    @property
    def rows_touched(self) -> int:
        """How many rows of tables were looked at, shown or not."""
        return sum(
            round(node["Actual Loops"] * sum(node.get(name, 0) for name in _LOOKED_AT))
            for node in self.nodes
            if "Relation Name" in node
        )


class Explainer:
    """Hears the statements of a database, to run the latest once more and see its plan."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heard: list[tuple[str, Any]] = []
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._hear)

    async def plan(self) -> RunPlan:
        """Return the plan of the latest statement, as it runs with the same parameters."""
        statement, parameters = self._heard[-1]
        async with self._database.engine.connect() as connection:
            explained = await _driver(
                connection, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
            )
        return RunPlan(list(_flat(explained[0]["Plan"])))

    def _hear(self, _c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        self._heard.append((statement, parameters))


async def _driver(connection: AsyncConnection, statement: str, parameters: Any) -> Any:
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    return await raw.driver_connection.fetchval(statement, *parameters)


def _flat(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _flat(child)
