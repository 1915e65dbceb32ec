"""`gateway worker`: the work that nobody asks for, in a process of its own."""

import asyncio
import signal

import typer

from gateway import postgres, stripe_account
from gateway.clock import OffsetClock
from gateway.settings import Settings
from gateway.worker import Worker


def run(settings: Settings, *, once: bool) -> None:
    """Do what is due, once or until the process is told to end."""
    asyncio.run(_work(settings, once=once))


async def _work(settings: Settings, *, once: bool) -> None:
    async with postgres.to_command(settings) as reachable:
        await postgres.refuse_pending_migrations(postgres.url(reachable))
        database = postgres.connect(reachable, pool_size=settings.database_pool_size)
        stripe = stripe_account.connect(settings)
        works = Worker(
            database,
            provider=stripe_account.provider(settings, stripe, database),
            clock=OffsetClock(settings.clock_offset_file),
            poll_seconds=settings.worker_poll_seconds,
        )
        try:
            await (works.once() if once else _until_told(works, settings))
        finally:
            if stripe is not None:
                await stripe.close()
            await database.close()


async def _until_told(works: Worker, settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then let the work at hand end."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    works.start()
    typer.echo("Working.", err=True)
    await told.wait()
    await works.stop(timeout_seconds=settings.shutdown_timeout_seconds)
