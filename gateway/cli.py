"""The command line. A failure is a line on standard error and an exit status: 1, or 2 for usage.

Commands import what they run when they run: the schema alone takes longer to load than `--help`
or `gateway token` should take.
"""

import asyncio
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from rich.console import Console
from rich.progress import track

from billing import audit as auditing
from billing.access import Person, Service, Viewer
from gateway import (
    auth,
    catalog_commands,
    environment,
    job_commands,
    options,
    postgres,
    schema_check,
    stripe_commands,
)
from gateway.options import DataDirectory
from gateway.settings import Settings

_DEBUG: Final = "--debug"
_DURATION: Final = re.compile(r"([1-9]\d{0,3})([smhd])", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AUDIT_STATEMENT_TIMEOUT_SECONDS: Final = 3_600
_console: Final = Console(stderr=True, highlight=False, soft_wrap=True)

commands = typer.Typer(
    help="A GraphQL billing gateway. Settings come from the environment: see `gateway settings`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
schema_commands = typer.Typer(help="The GraphQL schema.", no_args_is_help=True)
commands.add_typer(schema_commands, name="schema")
schema_commands.command("check")(schema_check.command)
commands.add_typer(catalog_commands.commands, name="catalog")
commands.add_typer(stripe_commands.events_commands, name="events")
commands.add_typer(job_commands.commands, name="jobs")
commands.add_typer(stripe_commands.stripe_commands, name="stripe")

Item = TypeVar("Item")
Port = Annotated[
    int | None, typer.Option(help="The port; 0 takes a free one (GATEWAY_PORT).", max=65_535)
]


def main() -> None:
    """Run the command that was asked for."""
    try:
        commands(prog_name="gateway")
    except Exception as error:
        if _DEBUG in sys.argv:
            raise
        _console.print(f"gateway: {error or type(error).__name__}", style="red", markup=False)
        sys.exit(1)


@commands.callback(invoke_without_command=True)
def before(
    *,
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show a failure's traceback.")] = False,  # noqa: ARG001 - main looks for it
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Take what comes before a command."""
    if version:
        typer.echo(metadata.version("billing-gateway"))
        raise typer.Exit


@commands.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address (GATEWAY_HOST).")] = None,
    port: Port = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that serve (GATEWAY_WORKERS).")
    ] = None,
    data: DataDirectory = None,
) -> None:
    """Serve GraphQL; without DATABASE_URL on an embedded PostgreSQL."""
    from gateway import server  # noqa: PLC0415 - takes a while to load

    server.run(options.chosen(host=host, port=port, workers=workers, data_directory=data))


@commands.command()
def worker(
    data: DataDirectory = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, then end.")] = False,
) -> None:
    """Refresh packages, expire lots, settle Stripe's events; beside `serve`, or for cron."""
    from gateway import worker_commands  # noqa: PLC0415 - takes a while to load

    worker_commands.run(options.chosen(data_directory=data), once=once)


@commands.command()
def demo(
    port: Port = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Where the demo lives (.gateway/demo).")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(help="How many usage events new data has (5000).")
    ] = None,
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make the data anew.")] = False,
) -> None:
    """Serve demo data with a PostgreSQL and a Stripe of its own; print a query to paste."""
    from gateway import demo as demonstration  # noqa: PLC0415 - takes a while to load

    least, most = demonstration.ROWS_MINIMUM, demonstration.ROWS_MAXIMUM
    if rows is not None and not least <= rows <= most:
        message = f"takes {least:,} to {most:,} usage events, not {rows:,}"
        raise typer.BadParameter(message, param_hint="--rows")
    demonstration.run(options.chosen(port=port, data_directory=data), rows=rows, fresh=fresh)


@commands.command()
def migrate(data: DataDirectory = None) -> None:
    """Bring the database up to this version, whether it is empty or filled."""
    applied = asyncio.run(_migrate(options.chosen(data_directory=data)))
    for revision in applied:
        typer.echo(f"Applied {revision}.")
    typer.echo("The database is up to date.")


@commands.command()
def token(
    subject: Annotated[str | None, typer.Option(help="The person's `sub`.")] = None,
    service: Annotated[str | None, typer.Option(help="The service's name.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What the service may do, repeatable: {', '.join(sorted(auth.SCOPES))}."
        ),
    ] = None,
    expires_in: Annotated[str, typer.Option(help="Such as 90s, 15m, 12h or 30d.")] = "12h",
) -> None:
    """Print a token for development, signed with GATEWAY_AUTH_SHARED_SECRET."""
    if scope and service is None:
        raise typer.BadParameter("only a service has scopes", param_hint="--scope")
    unknown = sorted(set(scope or ()) - auth.SCOPES)
    if unknown:
        raise typer.BadParameter(f"no such scope: {', '.join(unknown)}", param_hint="--scope")

    viewer: Viewer
    if subject is not None and service is None:
        viewer = Person(subject)
    elif service is not None and subject is None:
        viewer = Service(service, frozenset(scope or ()))
    else:
        raise typer.BadParameter("give one of them", param_hint="--subject, --service")
    lifetime = _duration(expires_in)
    now = datetime.now(UTC)
    chosen = options.chosen()
    try:
        issued = auth.issue_development_token(chosen, viewer=viewer, lifetime=lifetime, now=now)
    except auth.InvalidToken as error:
        raise typer.BadParameter(str(error), param_hint="--subject, --service") from None
    typer.echo(issued)


@commands.command("settings")
def show_settings() -> None:
    """Print every setting as a Markdown table: variable, default, meaning."""
    typer.echo(environment.table(), nl=False)


@commands.command()
def audit(data: DataDirectory = None) -> None:
    """Recompute every balance and total from first principles; fail when any has drifted."""
    drifts = asyncio.run(_audit(options.chosen(data_directory=data)))
    if drifts:
        raise typer.Exit(1)


@schema_commands.command("print")
def print_schema() -> None:
    """Print the schema in GraphQL's schema language."""
    from resolvers import schema  # noqa: PLC0415 - takes a while to load

    typer.echo(schema.printed(), nl=False)


async def _migrate(chosen: Settings) -> list[str]:
    async with postgres.to_command(chosen, creates=True) as reachable:
        with _busy("Applying migrations"):
            return await postgres.migrate(postgres.url(reachable))


async def _audit(chosen: Settings) -> int:
    """Print what has drifted, workspace by workspace; return how much."""
    async with postgres.connected(
        chosen, statement_timeout_seconds=_AUDIT_STATEMENT_TIMEOUT_SECONDS
    ) as database:
        async with database.snapshot() as snapshot:
            workspace_ids = await auditing.workspace_ids(snapshot)
        found = 0
        for workspace_id in _followed(workspace_ids, "Auditing"):
            # A view each: none is held for as long as the whole audit takes.
            async with database.snapshot() as snapshot:
                drifts = await auditing.audit(snapshot, workspace_id=workspace_id)
            for drift in drifts:
                typer.echo(
                    f"{drift.workspace_id} {drift.invariant} {drift.subject}: "
                    f"expected {drift.expected}, found {drift.found}"
                )
            found += len(drifts)
    typer.echo(f"Workspaces audited: {len(workspace_ids)}. Drifts: {found}.")
    return found


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter(
            "a whole number up to 9999 and s, m, h or d, such as 12h", param_hint="--expires-in"
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _followed(items: list[Item], what: str) -> Iterable[Item]:
    """Yield the items, with a bar of progress where somebody watches."""
    return track(items, description=what, console=_console, disable=not _console.is_terminal)


@contextmanager
def _busy(what: str) -> Iterator[None]:
    """Show that work is being done, where somebody watches."""
    if not _console.is_terminal:
        yield
        return
    with _console.status(what):
        yield
