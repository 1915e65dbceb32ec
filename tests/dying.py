"""Connections that die at a chosen moment, as those of a killed process do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event

from models.database import Database


@dataclass
class Death:
    """What happened: how many steps there were, and whether the connection died at one."""

    steps: int = 0
    has_come: bool = False


@contextmanager
def at_step(database: Database, number: int) -> Iterator[Death]:
    """Cut the connection just before the step of that number: a statement, or a commit.

    Whatever was not committed by then is gone.
    """
    death = Death()
    engine = database.engine.sync_engine

    def step(connection: Connection, *_: Any) -> None:
        death.steps += 1
        if death.steps == number:
            death.has_come = True
            driver: Any = connection.connection.driver_connection
            driver.terminate()

    event.listen(engine, "before_cursor_execute", step)
    event.listen(engine, "commit", step)
    try:
        yield death
    finally:
        event.remove(engine, "before_cursor_execute", step)
        event.remove(engine, "commit", step)
