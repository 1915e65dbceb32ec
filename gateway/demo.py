"""The demo: a gateway with data to look at, a Stripe to pay at, and a query to paste.

    DIRECTORY/
    ├── demo.json      while it runs: where it answers, a token for each role, the workspaces
    ├── demo.secret    signs the tokens; its being there makes the directory a demo's
    ├── sandbox.*      the Stripe sandbox
    └── ...            the embedded PostgreSQL, unless DATABASE_URL names a server

A second start goes on with the same data, `fresh` makes it anew.
"""

import asyncio
import gc
import os
import secrets
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fcntl import LOCK_EX, flock
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import typer
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from starlette.applications import Starlette

from billing import catalog_file
from billing.access import Person, Scope, Service, Viewer
from billing.demonstration import cast, loading
from billing.demonstration.loading import DatabaseNotEmpty, DemoWorkspace
from gateway import (
    app,
    auth,
    demo_people,
    demo_sandbox,
    demo_stripe,
    postgres,
    postgres_cluster,
    server,
    static,
)
from gateway.demo_sandbox import Sandbox
from gateway.settings import Settings
from gateway.stripe_transport import Stripe
from models.database import Database
from resolvers import ids

DIRECTORY: Final = Path(".gateway/demo")
"""Where the demo lives unless it is told."""

ROWS: Final = 5_000
ROWS_MINIMUM: Final = 100
ROWS_MAXIMUM: Final = 10_000_000
TOKEN_LIFETIME: Final = timedelta(days=30)

_SECRET: Final = "demo.secret"  # noqa: S105 - the name of a file
_FACTS: Final = "demo.json"
_CLUSTERS: Final = ("cluster", "cluster.unfinished")
_QUERY: Final = (
    "{ viewer { name workspaces(first: 5) { nodes { name subscription { plan { name } } "
    "creditBalance { remaining } } } } }"
)


class CannotDemonstrate(Exception):
    """The demo cannot be given; the message is a line for who asked for it."""


@dataclass(frozen=True, slots=True)
class _Demo:
    """Where the demo lives, and how many usage events were asked for."""

    directory: Path
    rows: int | None

    @property
    def facts(self) -> Path:
        """The file that tells of it, for as long as it answers."""
        return self.directory / _FACTS


def run(settings: Settings, *, rows: int | None = None, fresh: bool = False) -> None:
    """Serve the demo until SIGTERM or SIGINT; make its data if there is none, or if `fresh`.

    `rows` is how many usage events new data has. Raises CannotDemonstrate, SandboxFailed, and
    what `server.run` raises.
    """
    assert rows is None or ROWS_MINIMUM <= rows <= ROWS_MAXIMUM, "the command line has asked"
    is_embedded = settings.database_url is None
    if fresh and not is_embedded:
        raise CannotDemonstrate(
            "--fresh deletes the demo's own PostgreSQL, never what is in DATABASE_URL. "
            "Unset one of them."
        )
    chosen = "data_directory" in settings.model_fields_set
    directory = (settings.data_directory if chosen else DIRECTORY).expanduser().resolve()

    secret = _prepare_directory(directory, is_embedded=is_embedded, fresh=fresh)
    ours = settings.model_copy(
        update={
            "data_directory": directory,
            "auth_shared_secret": SecretStr(secret),
            "auth_jwks_url": None,
        }
    )
    if not is_embedded:
        asyncio.run(_migrate_if_blank(ours))
    server.run(ours, prepare=partial(_prepared, _Demo(directory, rows)), create=create_app)


def create_app(settings: Settings) -> Starlette:
    """Return the application of one process: the gateway's, and who the page signs in as."""
    more = [static.page(is_demo=True), demo_people.route(settings)]
    return app.create_app(settings, more=more)


def _prepare_directory(directory: Path, *, is_embedded: bool, fresh: bool) -> str:
    """Make the directory ours, and empty if `fresh`; return the secret that signs its tokens."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_ours = (directory / _SECRET).exists()
        has_cluster = (directory / _CLUSTERS[0]).exists()
        if not is_ours and (has_cluster or (fresh and any(directory.iterdir()))):
            raise CannotDemonstrate(
                f"{directory} is not a demo's: it stays as it is. Choose another with --data."
            )
        if not is_embedded:
            return _secret(directory)
        with postgres_cluster.owned(directory):
            (directory / _FACTS).unlink(missing_ok=True)
            if fresh:
                _erase(directory)
            return _secret(directory)
    except OSError as error:
        raise CannotDemonstrate(f"The demo cannot use {directory}: {error.strerror}.") from error


def _erase(directory: Path) -> None:
    """Delete the demo's PostgreSQL and Stripe once nothing of an earlier process is left."""
    demo_sandbox.forget(directory)
    with (directory / "server.lock").open("a", encoding="ascii") as lock:
        flock(lock, LOCK_EX)
        for name in _CLUSTERS:
            if (directory / name).exists():
                shutil.rmtree(directory / name)


def _secret(directory: Path) -> str:
    path = directory / _SECRET
    if not path.exists():
        _write(path, secrets.token_urlsafe(32).encode())
    return path.read_text(encoding="ascii")


async def _migrate_if_blank(settings: Settings) -> None:
    """Bring the tables into a database without any; the migrations of others are theirs."""
    async with _database(settings) as database, database.snapshot() as snapshot:
        is_blank = await loading.is_blank(snapshot)
    if is_blank:
        await postgres.migrate(postgres.url(postgres.past_pooler(settings)))


@asynccontextmanager
async def _prepared(demo: _Demo, settings: Settings, address: str) -> AsyncIterator[Settings]:
    """Give the settings to serve with; meanwhile there is a Stripe, and a file that tells all."""
    async with AsyncExitStack() as stack:
        async with _database(settings) as database:
            workspaces = await _workspaces(database)
            if not workspaces:
                await asyncio.to_thread(demo_sandbox.forget, demo.directory)
            sandbox = await stack.enter_async_context(demo_sandbox.serve(demo.directory))
            async with _stripe(sandbox) as stripe:
                if workspaces:
                    await _compare(demo, database, stripe)
                else:
                    await _load(database, sandbox, stripe, rows=demo.rows or ROWS)
                    workspaces = await _workspaces(database)
                webhook_secret = await demo_stripe.set_up(stripe, address=address)
        ours = _served(settings, sandbox, address=address, webhook_secret=webhook_secret)
        stack.callback(demo.facts.unlink, missing_ok=True)
        _tell(demo, ours, address, workspaces)
        yield ours


def _tell(demo: _Demo, settings: Settings, address: str, workspaces: list[DemoWorkspace]) -> None:
    """Write down where everything is, and say so."""
    assert settings.stripe_api_base is not None
    tokens = _tokens(settings, datetime.now(UTC))
    facts = _facts(address, settings.stripe_api_base, tokens, workspaces)
    _write(demo.facts, orjson.dumps(facts, option=orjson.OPT_INDENT_2) + b"\n")
    typer.echo(_welcome(demo.facts, address, facts))


def _served(settings: Settings, sandbox: Sandbox, *, address: str, webhook_secret: str) -> Settings:
    """Return the settings with which the gateway pays at the sandbox, and in its time."""
    return settings.model_copy(
        update={
            "stripe_secret_key": SecretStr(demo_stripe.SECRET_KEY),
            "stripe_webhook_secret": SecretStr(webhook_secret),
            "stripe_api_base": sandbox.url,
            "clock_offset_file": sandbox.clock_file,
            "return_origins": _origins(address),
            "worker": True,
        }
    )


def _origins(address: str) -> tuple[str, ...]:
    """Return where people may come back to: the gateway, by any name that it has here."""
    port = urlsplit(address).port
    return tuple(dict.fromkeys((address, f"http://127.0.0.1:{port}", f"http://localhost:{port}")))


@asynccontextmanager
async def _stripe(sandbox: Sandbox) -> AsyncIterator[Stripe]:
    """Give the account that the gateway has at the sandbox."""
    account = Stripe(demo_stripe.SECRET_KEY, api_base=sandbox.url)
    try:
        yield account
    finally:
        await account.close()


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    """Give a connection that may take its time: COPY and indexes have no deadline."""
    database = postgres.connect(
        postgres.past_pooler(settings), pool_size=1, statement_timeout_seconds=0
    )
    try:
        yield database
    finally:
        await database.close()


async def _workspaces(database: Database) -> list[DemoWorkspace]:
    async with database.snapshot() as snapshot:
        return await loading.workspaces(snapshot)


async def _compare(demo: _Demo, database: Database, stripe: Stripe) -> None:
    """Say so when the data is not as it was asked for. Raises CannotDemonstrate."""
    async with database.snapshot() as snapshot:
        customer_ids = await loading.customer_ids(snapshot)
        events = demo.rows and await loading.events(snapshot)
    if not await demo_stripe.is_known(stripe, customer_ids):
        raise CannotDemonstrate(
            f"The Stripe at which the demo's workspaces pay is not in {demo.directory}. Make both "
            "anew, with --fresh or with an empty database."
        )
    if events != demo.rows:
        typer.echo(
            f"The demo has {events:,} usage events already; --fresh makes it anew.", err=True
        )


async def _load(database: Database, sandbox: Sandbox, stripe: Stripe, *, rows: int) -> None:
    now = datetime.now(UTC)
    catalogue = catalog_file.parse(
        resources.files("gateway").joinpath("demo_catalog.toml").read_text(encoding="utf-8")
    )
    live = partial(demo_stripe.live, stripe, sandbox, catalogue, now=now)
    with _progress(rows) as advance, _without_collector():
        try:
            await loading.load(database, catalogue, rows=rows, live=live, advance=advance, now=now)
        except DatabaseNotEmpty:
            raise CannotDemonstrate(
                "The database holds other workspaces than the demo's. Give the demo a database "
                "of its own."
            ) from None


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let rows come and go without looking for cycles among them, which takes half the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[int], None]]:
    """Give a function that moves a bar, where somebody watches."""
    console = Console(stderr=True)
    bar = Progress(
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar as progress:
        task = progress.add_task("Usage events", total=rows)

        def advance(events: int) -> None:
            progress.advance(task, events)
            if progress.finished:
                progress.update(task, description="Indexes")

        yield advance


def _tokens(settings: Settings, now: datetime) -> dict[str, str]:
    viewers: dict[str, Viewer] = {
        role.lower(): Person(subject) for role, subject in cast.SUBJECTS.items()
    }
    viewers["service"] = Service("demo-service", frozenset(Scope))
    return {
        name: auth.issue_development_token(
            settings, viewer=viewer, lifetime=TOKEN_LIFETIME, now=now
        )
        for name, viewer in viewers.items()
    }


def _facts(
    address: str, stripe_url: str, tokens: dict[str, str], workspaces: list[DemoWorkspace]
) -> dict[str, Any]:
    return {
        "pageUrl": f"{address}/",
        "graphqlUrl": f"{address}/graphql",
        "stripeUrl": stripe_url,
        "tokens": tokens,
        "workspaces": [
            {"id": ids.encode("Workspace", each.id), "name": each.name, "plan": each.plan_id}
            for each in workspaces
        ],
    }


def _welcome(file: Path, address: str, facts: dict[str, Any]) -> str:
    body = orjson.dumps({"query": _QUERY}).decode()
    curl = shlex.join(
        [
            *("curl", "-s", facts["graphqlUrl"]),
            *("-H", "Content-Type: application/json"),
            *("-H", f"Authorization: Bearer {facts['tokens']['owner']}"),
            *("-d", body),
        ]
    )
    return (
        f"\nPage       {facts['pageUrl']}\n"
        f"GraphQL    {facts['graphqlUrl']}\n"
        f"GraphiQL   {address}{app.EXPLORER_PATH}\n"
        f"Stripe     {facts['stripeUrl']}, a sandbox: pay with 4242 4242 4242 4242\n"
        f"Tokens     {file}\n\n"
        f"Ask as the owner of every workspace:\n\n{curl}\n"
    )


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, all of it or nothing."""
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
