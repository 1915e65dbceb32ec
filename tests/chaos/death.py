"""A process that is killed at a step of its work: before a statement, a commit or an answer.

Steps are counted where something can be left half done: from the first statement of a transaction
that writes, before and after its commit, before a call of Stripe and after its answer. Who looks
for work and finds none takes no step.
"""

import json
import os
import signal
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

import httpx
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import Pool

from gateway import stripe_account, stripe_transport

KILLED: Final = "killed"
"""The event of a line of a log, which says at which step that was."""

_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "WITH")
_LOOKS: Final = "WITH due AS"
_WRITING, _COMMITTED = "chaos_writing", "chaos_committed"


def comes(*, after_steps: int) -> None:
    """Let this process be killed at that step, counted from 1."""
    death = _Death(after_steps)
    event.listen(Engine, "before_cursor_execute", death.before_statement)
    event.listen(Engine, "commit", death.before_commit)
    event.listen(Engine, "rollback", death.before_rollback)
    event.listen(Pool, "checkin", death.after_transaction)

    class Account(stripe_transport.Stripe):
        """An account whose calls are steps."""

        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            hooks = {"request": [death.before_call], "response": [death.after_answer]}
            self.transport._client_async.event_hooks = hooks

    mock.patch.object(stripe_account, "Stripe", Account).start()


def note(log: int, step: str) -> None:
    """Write into a log that its process is killed, and where."""
    os.write(log, f"{json.dumps({'event': KILLED, 'step': step})}\n".encode())


@dataclass
class _Death:
    """Comes after so many more steps."""

    left: int

    def before_statement(self, connection: Connection, _: Any, statement: str, *__: Any) -> None:
        if statement.startswith(_WRITES) and not statement.startswith(_LOOKS):
            connection.info[_WRITING] = True
        if _WRITING in connection.info:
            self._step(f"before {' '.join(statement.split()[:3])}")

    def before_commit(self, connection: Connection) -> None:
        if connection.info.pop(_WRITING, False):
            connection.info[_COMMITTED] = True
            self._step("before a commit")

    def before_rollback(self, connection: Connection) -> None:
        if not connection.invalidated:
            connection.info.pop(_WRITING, None)

    def after_transaction(self, _: Any, record: Any) -> None:
        if record.info.pop(_COMMITTED, False):
            self._step("after a commit")

    async def before_call(self, request: httpx.Request) -> None:
        self._step(f"before {request.method} {_kind(request)}")

    async def after_answer(self, answer: httpx.Response) -> None:
        self._step(f"after {answer.request.method} {_kind(answer.request)}")

    def _step(self, place: str) -> None:
        self.left -= 1
        if self.left == 0:
            note(2, place)
            os.kill(os.getpid(), signal.SIGKILL)


def _kind(request: httpx.Request) -> str:
    """Return the path of a request without the ids in it."""
    return "/".join(
        "..." if "_" in part and len(part) > 24 else part for part in request.url.path.split("/")
    )
