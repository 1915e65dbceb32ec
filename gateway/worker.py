"""What is done without being asked for: events, jobs, what time brings, comparing with Stripe.

Many workers may run, in as many processes: all work is claimed. Each kind has a loop of its own;
what fails is logged, and tried again after a pause. `stop` lets the work at hand end; what is cut
short is done again, by whichever worker.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from billing import events, handling, idempotency, jobs, reconciliation, referrals, refresh
from billing.clock import Clock
from billing.payments import PaymentHistory, Payments
from models.database import Database
from models.stripe import StripeEventStatus

HANDLERS: Final = {referrals.KIND: referrals.reward}
SETTLERS: Final = 2
"""How many objects one worker settles at once."""

CONNECTIONS_MAX: Final = SETTLERS + 4
"""Connections that one worker needs: each of its loops holds one at a time."""

CATCH_UP_INTERVAL: Final = timedelta(seconds=10)
COMPARE_INTERVAL: Final = timedelta(seconds=15)
"""How often it is looked whether a comparison is due."""

TIDY_INTERVAL: Final = timedelta(hours=1)
FAILURE_PAUSE_SECONDS_MAX: Final = 30.0

_settled = Counter("gateway_stripe_events", "Objects settled of what Stripe told.", ["status"])
_jobs_done = Counter("gateway_jobs", "Jobs done.", ["kind", "outcome"])
_caught_up = Counter("gateway_workspaces_caught_up", "Workspaces that time caught up with.")
_failures = Counter("gateway_worker_failures", "Failures of the worker itself.", ["loop"])
_inbox = Gauge(
    "gateway_stripe_events_waiting",
    "Events that wait, or have failed.",
    ["status"],
    multiprocess_mode="mostrecent",
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Stripe, as the worker sees it: what it asks, and whether its events are live ones."""

    payments: Payments
    history: PaymentHistory
    is_live: bool


class Worker:
    """The work of one process; without a `provider` nothing is settled nor compared."""

    def __init__(
        self,
        database: Database,
        *,
        provider: Provider | None,
        clock: Clock,
        poll_seconds: float,
    ) -> None:
        self._database = database
        self._provider = provider
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._stopping = asyncio.Event()
        self._told = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work."""
        loops: list[tuple[str, Callable[[], Awaitable[bool]]]] = [
            ("jobs", self.do_job),
            ("clock", self._every(CATCH_UP_INTERVAL, self.catch_up)),
            ("tidy", self._every(TIDY_INTERVAL, self.tidy)),
        ]
        if self._provider is not None:
            loops += [("events", self.settle)] * SETTLERS
            compare = self._every(COMPARE_INTERVAL, self.reconcile)
            loops.append(("reconciliation", compare))
        self._tasks = [asyncio.create_task(self._loop(name, work)) for name, work in loops]

    def wake(self) -> None:
        """Let the worker know that there is something in the inbox."""
        self._told.set()

    async def stop(self, *, timeout_seconds: float) -> None:
        """Let the work at hand end, for so long, and then end."""
        self._stopping.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=timeout_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def once(self) -> None:
        """Do everything that is due now, and nothing that falls due meanwhile twice.

        What fails is logged and holds up nothing else: it is raised when all else is done, the
        first of it. What needs nobody else comes first.
        """
        jobs_of_a_round = ("jobs", self._until_none(self.do_job))
        rounds: list[tuple[str, Callable[[], Awaitable[bool]]]] = [
            ("clock", self.catch_up),
            jobs_of_a_round,
            ("tidy", self.tidy),
        ]
        if self._provider is not None:
            settle = ("events", self._until_none(self.settle))
            rounds += [settle, ("reconciliation", self.reconcile), settle, jobs_of_a_round]
        failures = []
        for name, work in rounds:
            try:
                await work()
            except Exception as error:
                log.exception("worker_failed", loop=name)
                _failures.labels(name).inc()
                failures.append(error)
        if failures:
            raise failures[0]

    async def settle(self) -> bool:
        """Settle an object of the inbox; False when nothing is due."""
        assert self._provider is not None
        self._told.clear()
        outcome = await handling.run_next(
            self._database, self._provider.payments, clock=self._clock
        )
        if outcome is None:
            return False
        lease = outcome.lease
        _settled.labels(outcome.status.lower()).inc()
        facts = {
            "object_id": lease.object_id,
            "events": sorted(lease.event_ids),
            "status": outcome.status,
        }
        if outcome.error is None:
            log.info("object_settled", **facts)
        else:
            reason = f"{type(outcome.error).__name__}: {outcome.error}"
            log.warning("object_unsettled", **facts, attempts=lease.attempts, reason=reason)
        self._told.set()
        return True

    async def do_job(self) -> bool:
        """Do a job; False when none is due."""
        outcome = await jobs.run_next(self._database, handlers=HANDLERS, now=self._clock.now())
        if outcome is None:
            return False
        kind = outcome.job.kind
        _jobs_done.labels(kind, "done" if outcome.error is None else "failed").inc()
        if outcome.error is None:
            log.info("job_done", kind=kind, key=outcome.job.key)
        else:
            reason = f"{type(outcome.error).__name__}: {outcome.error}"
            log.warning("job_failed", kind=kind, key=outcome.job.key, reason=reason)
        return True

    async def catch_up(self) -> bool:
        """Let time catch up with every workspace where something is due."""
        now, after = self._clock.now(), None
        while True:
            async with self._database.snapshot() as snapshot:
                due = await refresh.due(snapshot, after=after, now=now)
            for workspace_id in due:
                if self._stopping.is_set():
                    return False
                try:
                    async with self._database.write() as session:
                        done = await refresh.catch_up(session, workspace_id=workspace_id, now=now)
                except Exception:
                    # It stays due; the others must not wait for it.
                    log.exception("catch_up_failed", workspace_id=str(workspace_id))
                    _failures.labels("clock").inc()
                else:
                    _caught_up.inc(done)
            if len(due) < refresh.PAGE:
                return False
            after = due[-1]

    async def reconcile(self) -> bool:
        """Compare with Stripe what is due to be compared."""
        assert self._provider is not None
        compared = await reconciliation.run_due(
            self._database,
            self._provider.history,
            expects_live=self._provider.is_live,
            clock=self._clock,
        )
        for each in compared:
            log.info("reconciled", what=each.comparison.lower(), found=each.found)
            if each.found:
                self._told.set()
        async with self._database.snapshot() as snapshot:
            counts = await events.counts(snapshot)
        for status in (StripeEventStatus.PENDING, StripeEventStatus.FAILED):
            _inbox.labels(status.lower()).set(counts[status])
        return False

    async def tidy(self) -> bool:
        """Delete what need not be kept any more."""
        async with self._database.write() as session:
            await idempotency.forget(session, now=self._clock.now())
        async with self._database.write() as session:
            await events.forget(session, at=self._clock.real())
        return False

    def _until_none(self, work: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
        """Return work that is done until nothing of it is due."""

        async def done() -> bool:
            while await work():
                pass
            return False

        return done

    def _every(
        self, interval: timedelta, work: Callable[[], Awaitable[bool]]
    ) -> Callable[[], Awaitable[bool]]:
        """Return work that is done again when so much time has passed; a moved clock counts."""
        due_at: datetime | None = None

        async def done_if_due() -> bool:
            nonlocal due_at
            now = self._clock.now()
            if due_at is None or not due_at - interval <= now < due_at:
                due_at = now + interval
                await work()
            return False

        return done_if_due

    async def _loop(self, name: str, work: Callable[[], Awaitable[bool]]) -> None:
        """Work until stopped; pause when there is nothing to do, and longer when it fails."""
        failed = 0
        while not self._stopping.is_set():
            try:
                is_more = await work()
                failed = 0
            except Exception:
                log.exception("worker_failed", loop=name)
                _failures.labels(name).inc()
                failed += 1
                is_more = False
            if not is_more:
                pause = min(self._poll_seconds * 2**failed, FAILURE_PAUSE_SECONDS_MAX)
                await self._pause(pause, for_events=name == "events" and not failed)

    async def _pause(self, seconds: float, *, for_events: bool) -> None:
        """Wait until that time has passed, it is to stop, or an event has come."""
        waiting = [asyncio.create_task(self._stopping.wait())]
        if for_events:
            waiting.append(asyncio.create_task(self._told.wait()))
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*waiting, return_exceptions=True)
