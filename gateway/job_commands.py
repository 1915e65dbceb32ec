"""`gateway jobs`: the work that waits, and what of it fails."""

import asyncio
from typing import Annotated, Final

import typer

from billing import jobs
from gateway import options, postgres
from gateway.options import DataDirectory
from gateway.settings import Settings

commands: Final = typer.Typer(help="What is done later, such as rewards.", no_args_is_help=True)


@commands.callback()
def before() -> None:
    """Let the one command that there is have its name."""


@commands.command("list")
def list_jobs(
    data: DataDirectory = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100,
) -> None:
    """Show the jobs that failed, the longest waiting first, with the reason."""
    found = asyncio.run(_failing(options.chosen(data_directory=data), limit=limit))
    for job in found:
        typer.echo(
            f"{job.created_at:%Y-%m-%d %H:%M:%S}  {job.kind}  {job.key}  attempts {job.attempts}  "
            f"next {job.run_at:%Y-%m-%d %H:%M:%S}"
        )
        typer.echo(f"    {job.last_error}")
    typer.echo(f"Jobs: {len(found)}.")


async def _failing(chosen: Settings, *, limit: int) -> list[jobs.Failing]:
    async with postgres.connected(chosen) as database, database.snapshot() as snapshot:
        return await jobs.failing(snapshot, limit=limit)
