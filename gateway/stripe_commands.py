"""`gateway events` and `gateway stripe`: what Stripe has told us, and setting Stripe up."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from billing import events
from gateway import options, postgres
from gateway.options import DataDirectory
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.stripe_setup import Done

events_commands: Final = typer.Typer(help="The inbox of Stripe's events.", no_args_is_help=True)
stripe_commands: Final = typer.Typer(help="The account at Stripe.", no_args_is_help=True)

Url = Annotated[
    str, typer.Option("--url", help="The gateway's public address, such as https://x.example.")
]


@events_commands.command("list")
def list_events(
    data: DataDirectory = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what waits and what is done.")
    ] = False,
) -> None:
    """Show the events that failed or were not applied, the latest first, with the reason."""
    found = asyncio.run(
        _listed(options.chosen(data_directory=data), everything=everything, limit=limit)
    )
    for event in found:
        typer.echo(
            f"{event.received_at:%Y-%m-%d %H:%M:%S}  {event.status:9}  {event.id}  {event.type}  "
            f"{event.object_id}  attempts {event.attempts}"
        )
        if event.last_error:
            typer.echo(f"    {event.last_error}")
    typer.echo(f"Events: {len(found)}.")


@events_commands.command("retry")
def retry_events(
    event_ids: Annotated[
        list[str] | None, typer.Argument(help="Which; all that failed if none is named.")
    ] = None,
    data: DataDirectory = None,
) -> None:
    """Let a worker try events again now."""
    retried = asyncio.run(_retried(options.chosen(data_directory=data), event_ids or None))
    for event_id in retried:
        typer.echo(event_id)
    typer.echo(f"To be tried again: {len(retried)}.")
    missing = sorted({*(event_ids or ())} - {*retried})
    if missing:
        typer.echo(f"Unknown, or of a type that is not applied: {', '.join(missing)}", err=True)
        raise typer.Exit(1)


@stripe_commands.command()
def setup(url: Url) -> None:
    """Have Stripe send its events here, and let the portal change no plans; again is harmless."""
    chosen = options.chosen()
    if chosen.stripe_secret_key is None:
        typer.echo("gateway: GATEWAY_STRIPE_SECRET_KEY: needed", err=True)
        raise typer.Exit(2)
    done = asyncio.run(_set_up(chosen, url))
    typer.echo(f"Webhook endpoint: {done.endpoint_id} ({done.endpoint_url})")
    typer.echo(f"Portal configuration: {done.portal_configuration_id}")
    if done.secret is None:
        typer.echo("It was there: its signing secret is the one that it was made with.")
    else:
        typer.echo("Set this where the gateway runs; Stripe shows it only now:")
        typer.echo(f"GATEWAY_STRIPE_WEBHOOK_SECRET={done.secret}")


async def _listed(chosen: Settings, *, everything: bool, limit: int) -> list[events.Listed]:
    async with postgres.connected(chosen) as database, database.snapshot() as snapshot:
        return await events.listed(snapshot, everything=everything, limit=limit)


async def _retried(chosen: Settings, event_ids: list[str] | None) -> list[str]:
    async with postgres.connected(chosen) as database, database.write() as session:
        return await events.retry(session, event_ids=event_ids, at=datetime.now(UTC))


async def _set_up(chosen: Settings, url: str) -> "Done":
    from gateway import stripe_account, stripe_setup, webhooks  # noqa: PLC0415 - takes a while

    account = stripe_account.connect(chosen)
    assert account is not None, "there is a key"
    try:
        return await stripe_setup.set_up(account, endpoint_url=url.rstrip("/") + webhooks.PATH)
    finally:
        await account.close()
