"""Recording for many at once: who reports usage of one workspace shares a transaction.

A ledger is written by one transaction at a time, so whoever comes meanwhile has to wait. They wait
here and not for the lock, and then are recorded together: one lock, one write to the disk for all
of them. Nobody waits for company: whoever comes when nothing is under way is recorded at once.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from billing import reporting, usage
from billing.errors import UsageBatchTooLarge
from billing.reporting import Report
from billing.usage import Outcome
from models.database import Database, DatabaseFailure


class Recorder:
    """Records usage, one transaction a workspace at a time; `close` it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, deque[_Batch]] = {}
        self._recording: set[asyncio.Task[None]] = set()

    async def record(
        self, *, workspace_id: UUID, reports: Sequence[Report], now: datetime
    ) -> Outcome:
        """Record finished usage; return what became of it once that is committed.

        Who gives up before their turn is left out; after it, nobody knows.
        Raises UsageBatchTooLarge, WorkspaceNotFound and DatabaseFailure.
        """
        if len(reports) > usage.BATCH_MAX:
            raise UsageBatchTooLarge(len(reports), maximum=usage.BATCH_MAX)

        batch = _Batch(reports, now, asyncio.get_running_loop().create_future())
        if workspace_id in self._waiting:
            self._waiting[workspace_id].append(batch)
        else:
            self._waiting[workspace_id] = deque([batch])
            recording = asyncio.create_task(self._record_all(workspace_id))
            self._recording.add(recording)
            recording.add_done_callback(self._recording.discard)
        return await batch.outcome

    async def close(self) -> None:
        """Wait for what is being recorded, for whomever."""
        while self._recording:
            await asyncio.wait(self._recording)

    async def _record_all(self, workspace_id: UUID) -> None:
        """Record whatever waits, and what comes meanwhile."""
        waiting = self._waiting[workspace_id]
        try:
            while waiting:
                await self._record_together(workspace_id, _next(waiting))
        finally:
            del self._waiting[workspace_id]
            for batch in waiting:
                batch.outcome.cancel()

    async def _record_together(self, workspace_id: UUID, batches: Sequence["_Batch"]) -> None:
        """Record batches in one transaction; if one of them is at fault, each in its own."""
        if not batches:
            return
        try:
            async with self._database.write() as session:
                outcome = await reporting.record(
                    session,
                    workspace_id=workspace_id,
                    reports=[report for batch in batches for report in batch.reports],
                    now=max(batch.now for batch in batches),
                )
        except Exception as error:  # noqa: BLE001 - it is raised again, for whom it concerns
            if len(batches) == 1 or isinstance(error, DatabaseFailure):
                for batch in batches:
                    batch.fail(error)
            else:
                for batch in batches:
                    await self._record_together(workspace_id, [batch])
        else:
            answers = iter(outcome.answers)
            for batch in batches:
                ours = [next(answers) for _ in batch.reports]
                batch.succeed(replace(outcome, answers=ours))


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """What one caller reports, when, and whom they wait for."""

    reports: Sequence[Report]
    now: datetime
    outcome: asyncio.Future[Outcome]

    def succeed(self, outcome: Outcome) -> None:
        """Tell the caller, if they still wait."""
        with suppress(asyncio.InvalidStateError):
            self.outcome.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """Raise an error where the caller waits, if they still do."""
        with suppress(asyncio.InvalidStateError):
            self.outcome.set_exception(error)


def _next(waiting: deque[_Batch]) -> list[_Batch]:
    """Take the batches that are recorded together next: as many as make a large one."""
    batches: list[_Batch] = []
    reports = 0
    while waiting and reports + len(waiting[0].reports) <= usage.BATCH_MAX:
        batch = waiting.popleft()
        if not batch.outcome.cancelled():
            batches.append(batch)
            reports += len(batch.reports)
    return batches
