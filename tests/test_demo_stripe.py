"""The demo's Stripe: a past that is granted once, and owners who choose and buy."""

import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from billing import audit, catalog_file, reconciliation
from billing.demonstration import loading
from gateway import demo, demo_sandbox, demo_stripe, environment
from gateway.clock import OffsetClock
from gateway.demo import CannotDemonstrate
from gateway.demo_sandbox import SandboxFailed
from gateway.stripe_client import StripePayments
from gateway.stripe_history import StripeHistory
from gateway.stripe_transport import Stripe
from gateway.worker import Provider, Worker
from models.database import Database
from tests import contract, gateway_process
from tests.contract import Drift
from tests.demo_process import facts, serving
from tests.embedded import servers
from tests.gateway_process import Served
from tests.lifecycle.cards import PAID
from tests.lifecycle.graphql import Client
from tests.lifecycle.owner import Owner, of_type
from tests.lifecycle.sandbox import Sandbox
from tests.lifecycle.world import until

STUDIO, CAFE = "Northwind Studio", "Café Lumière"
ROWS = "200"
PACK_CREDITS = 1_000
EVENTS_FEWEST = 20
PRO_CREDITS = 2_500
TEAM_CREDITS = 6_000
RENEWAL = "SUBSCRIPTION_RENEWAL"
DAY_SECONDS = 86_400
CATALOGUE = catalog_file.parse(
    resources.files("gateway").joinpath("demo_catalog.toml").read_text(encoding="utf-8")
)
ENTRIES = """
SELECT w.name, entry_number, type, amount, source_key FROM credit_adjustments
JOIN workspaces w ON w.id = workspace_id WHERE w.name = ANY(:names) ORDER BY 1, 2
"""
TOLD = "SELECT status, count(*) AS events FROM stripe_events GROUP BY 1"
HELD = """
SELECT w.name, s.* FROM subscriptions s JOIN workspaces w ON w.id = workspace_id
WHERE s.ended_at IS NULL AND w.name = ANY(:names) ORDER BY 1
"""


@dataclass
class Selling:
    """A demo that runs, as its visitors see it."""

    directory: Path
    address: str
    workspaces: dict[str, str]
    token: str
    http: httpx.AsyncClient
    sandbox: Sandbox

    def owner(self, workspace: str) -> Owner:
        """Return the owner, in a workspace; they come back to the gateway's own page."""
        client = Client(self.http, self.token)
        page = f"{self.address}/?workspace={self.workspaces[workspace]}"
        return Owner(client, self.workspaces[workspace], success_url=page, cancel_url=page)

    async def schedules(self) -> list[str]:
        """Return the states of the schedules that there are at Stripe."""
        found = await self.sandbox.api("GET", "/v1/subscription_schedules")
        return [each["status"] for each in found["data"]]


async def test_the_past_at_stripe_told_again_grants_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every event since the first day is settled, and changes no credit and no plan."""
    monkeypatch.setattr(reconciliation, "FIRST", timedelta(days=300))
    async with lived(database_url, tmp_path) as (database, stripe):
        entries, held = await found(database, ENTRIES), await found(database, HELD)
        provider = Provider(
            payments=StripePayments(stripe), history=StripeHistory(stripe), is_live=False
        )
        clock = OffsetClock(tmp_path / "sandbox.clock")
        await Worker(database, provider=provider, clock=clock, poll_seconds=1).once()

        async with database.snapshot() as snapshot:
            told = {row.status: row.events for row in await snapshot.all(text(TOLD))}
            drifts = [
                drift
                for workspace_id in await audit.workspace_ids(snapshot)
                for drift in await audit.audit(snapshot, workspace_id=workspace_id)
            ]
        assert await found(database, ENTRIES) == entries
        assert await found(database, HELD) == held
    assert set(told) == {"DONE"}
    assert told["DONE"] >= EVENTS_FEWEST
    assert drifts == []


async def test_the_objects_at_stripe_are_held_as_they_are(
    database_url: str, tmp_path: Path
) -> None:
    """The daily comparison of everything that is live and paid finds nothing to settle."""
    async with lived(database_url, tmp_path) as (database, stripe):
        compared = await reconciliation.run_due(
            database,
            StripeHistory(stripe),
            expects_live=False,
            clock=OffsetClock(tmp_path / "sandbox.clock"),
        )
        subscriptions = [each async for each in StripeHistory(stripe).live_subscriptions()]
    differing = {each.comparison: each.found for each in compared}
    assert differing[reconciliation.Comparison.OBJECTS] == 0
    assert len(subscriptions) == 2
    assert sum(each.schedule_id is not None for each in subscriptions) == 1


async def test_a_demo_whose_stripe_is_lost_is_refused(database_url: str, tmp_path: Path) -> None:
    """Its owners could buy nothing: the line says what to do."""
    asked = demo._Demo(tmp_path, rows=None)
    async with lived(database_url, tmp_path) as (database, stripe):
        await demo._compare(asked, database, stripe)
    demo_sandbox.forget(tmp_path)
    async with opened(database_url, tmp_path) as (database, _, stripe):
        with pytest.raises(CannotDemonstrate, match="--fresh"):
            await demo._compare(asked, database, stripe)


async def test_an_owner_switches_buys_and_manages(selling: Selling) -> None:
    """The amount that is shown is charged, the credits arrive, and people come back to the page."""
    owner = selling.owner(STUDIO)
    before = await owner.state()

    outcome = await owner.confirmed("team", "YEARLY")
    assert outcome["__typename"] == "PlanSwitched"
    after = await owner.state()
    assert (before.plan, before.cycle) == ("team", "MONTHLY")
    assert (after.plan, after.cycle, after.pending) == ("team", "YEARLY", None)

    payload = await owner.top_up(3)
    assert payload["userErrors"] == []
    checkout = payload["topUpCheckout"]
    assert checkout["credits"] == 3 * PACK_CREDITS
    assert (await owner.state()).purchased == after.purchased
    paid = await selling.sandbox.pay(checkout["url"], PAID)
    assert paid.headers["location"].startswith(selling.address)

    async def has_arrived() -> bool:
        return await owner.checkout_status(checkout["id"]) == "COMPLETED"

    await until(has_arrived)
    assert (await owner.state()).purchased == after.purchased + 3 * PACK_CREDITS
    portal = await selling.sandbox.browser.get(await owner.portal())
    assert portal.status_code == 200


async def test_an_owner_undoes_a_downgrade_and_chooses_it_again(selling: Selling) -> None:
    """What was to come is a real schedule at Stripe: it is released, and another one is made."""
    owner = selling.owner(CAFE)
    schedules = await selling.schedules()
    assert (await owner.state()).pending == ("pro", "YEARLY")

    assert (await owner.undo())["userErrors"] == []
    assert (await owner.state()).pending is None
    released = await selling.schedules()
    outcome = await owner.confirmed("pro", "YEARLY")

    assert outcome["__typename"] == "PlanSwitchScheduled"
    assert (await owner.state()).pending == ("pro", "YEARLY")
    assert schedules == ["active"]
    assert released == ["released"]
    assert sorted(await selling.schedules()) == ["active", "released"]


async def test_the_people_can_sign_in_while_the_demo_runs(selling: Selling) -> None:
    """With tokens that the gateway takes."""
    answer = await selling.http.get("/demo/people", headers={"Sec-Fetch-Site": "same-origin"})
    people = answer.json()["people"]
    names = [
        (await Client(selling.http, each["token"]).ask("{ viewer { name } }"))["viewer"]["name"]
        for each in people
    ]
    assert (
        names
        == [each["name"] for each in people]
        == [
            *("Olivia Bennett", "Amir Haddad", "Mei Lindqvist"),
        ]
    )


async def test_a_free_workspace_buys_a_plan(selling: Selling) -> None:
    """It becomes a customer as it buys, and is granted the plan's package once it is paid."""
    owner = selling.owner("Untitled workspace")
    before = await owner.state()
    outcome = await owner.outcome("pro", "MONTHLY")
    await selling.sandbox.pay(outcome["url"], PAID)

    async def is_granted() -> bool:
        return (await owner.state()).remaining != before.remaining

    await until(is_granted)
    after = await owner.state()
    assert (before.plan, after.plan, after.cycle) == ("free", "pro", "MONTHLY")
    assert of_type(await owner.adjustments(), RENEWAL) == [PRO_CREDITS]


async def test_services_know_the_workspaces_by_ids_of_their_own(selling: Selling) -> None:
    """Telling of one again changes it, and makes no other."""
    host = Client(selling.http, facts(selling.directory)["tokens"]["service"])
    payload = await host.mutate(
        "upsertWorkspace", "workspace { id name }", externalId="demo-munk", name="Atelier Munk"
    )
    assert payload["userErrors"] == []
    atelier = selling.workspaces["Atelier Munk & Søn"]
    assert payload["workspace"] == {"id": atelier, "name": "Atelier Munk"}


async def test_the_demo_pays_at_its_own_stripe_whatever_the_environment_says(
    tmp_path: Path,
) -> None:
    """No call and no token of it reaches an account that moves real money."""
    chosen = environment.load({}, stripe_secret_key="sk_live_1", return_origins="https://a.example")
    async with httpx.AsyncClient() as browser:
        sandbox = demo_sandbox.Sandbox("http://127.0.0.1:1", tmp_path / "clock", browser)
        served = demo._served(
            chosen, sandbox, address="http://127.0.0.1:8000", webhook_secret="whsec_1"
        )
    assert chosen.is_live
    assert not served.is_live
    assert served.stripe_api_base == "http://127.0.0.1:1"
    assert served.return_origins == ("http://127.0.0.1:8000", "http://localhost:8000")


async def test_a_second_demo_in_a_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first one knows stays: the second does not even forget it."""
    monkeypatch.setattr(demo_sandbox, "LOCK_TIMEOUT_SECONDS", 0)
    async with demo_sandbox.serve(tmp_path) as sandbox:
        kept = (tmp_path / "sandbox.lock").read_text()
        with pytest.raises(SandboxFailed, match="Another demo is running"):
            async with demo_sandbox.serve(tmp_path):
                pass
        with pytest.raises(SandboxFailed, match="Another demo is running"):
            demo_sandbox.forget(tmp_path)
        assert (await sandbox.browser.get("/_sandbox/clock")).status_code == 200
    assert (tmp_path / "sandbox.json").exists()
    assert (tmp_path / "sandbox.lock").read_text() == kept


async def test_the_sandbox_answers_where_it_did_unless_another_program_does(
    tmp_path: Path,
) -> None:
    """Pages that are open stay where they are, if that is possible."""
    async with demo_sandbox.serve(tmp_path) as sandbox:
        before = sandbox.url
    async with demo_sandbox.serve(tmp_path) as sandbox:
        assert sandbox.url == before
    with socket.create_server(("127.0.0.1", urlsplit(before).port or 0)):
        async with demo_sandbox.serve(tmp_path) as sandbox:
            assert sandbox.url != before
            assert (await sandbox.browser.get("/_sandbox/clock")).status_code == 200


async def test_a_killed_gateway_takes_its_stripe_along_and_both_go_on(tmp_path: Path) -> None:
    """A month passes there and here, and the renewal that it brings is granted once."""
    async with serving(tmp_path, "--rows", ROWS) as served:
        await served.stop(signal.SIGKILL)
    await servers.until(lambda: servers.is_unlocked(tmp_path / "sandbox.lock"))

    async with serving(tmp_path) as served, visited(served, tmp_path) as selling:
        owner = selling.owner(STUDIO)
        before = of_type(await owner.adjustments(), RENEWAL)
        await selling.sandbox.control("clock", seconds=32 * DAY_SECONDS)

        async def is_renewed() -> bool:
            return of_type(await owner.adjustments(), RENEWAL) != before

        await until(is_renewed)
        await selling.sandbox.control("idle")
        assert of_type(await owner.adjustments(), RENEWAL) == [*before, TEAM_CREDITS]
    ended = await gateway_process.run("audit", "--data", str(tmp_path))
    assert ended.status == 0, ended.output


async def test_the_stripe_of_a_demo_is_behind_the_gate(tmp_path: Path) -> None:
    """What is said to it while the demo is served fails the test that stops the demo."""
    async with serving(tmp_path, "--rows", ROWS) as served, visited(served, tmp_path) as selling:
        with pytest.raises(httpx.HTTPStatusError, match="400"):
            await selling.sandbox.api("GET", "/v1/products", limit="many")
        with pytest.raises(Drift, match="limit"):
            await served.stop()
    assert served.process.returncode == 0


# Helpers


@pytest.fixture(scope="module")
async def selling(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Selling]:
    """Yield a demo that runs."""
    directory = tmp_path_factory.mktemp("demo")
    async with serving(directory, "--rows", ROWS) as served, visited(served, directory) as selling:
        yield selling


@asynccontextmanager
async def visited(served: Served, directory: Path) -> AsyncIterator[Selling]:
    """Give a demo that runs, and a browser."""
    known = facts(directory)
    async with (
        httpx.AsyncClient(base_url=served.url, trust_env=False) as http,
        httpx.AsyncClient(base_url=known["stripeUrl"], trust_env=False) as browser,
    ):
        workspaces = {each["name"]: each["id"] for each in known["workspaces"]}
        sandbox = Sandbox(known["stripeUrl"], browser, directory / "sandbox.clock")
        yield Selling(directory, served.url, workspaces, known["tokens"]["owner"], http, sandbox)


@asynccontextmanager
async def lived(database_url: str, directory: Path) -> AsyncIterator[tuple[Database, Stripe]]:
    """Give an empty database with the demo in it, and the Stripe that knows its past."""
    now = datetime.now(UTC)
    async with opened(database_url, directory) as (database, sandbox, stripe):
        live = partial(demo_stripe.live, stripe, sandbox, CATALOGUE, now=now)
        await loading.load(
            database, CATALOGUE, rows=int(ROWS), live=live, advance=lambda _: None, now=now
        )
        yield database, stripe


@asynccontextmanager
async def opened(
    database_url: str, directory: Path
) -> AsyncIterator[tuple[Database, demo_sandbox.Sandbox, Stripe]]:
    """Give a database, the sandbox of a directory, and our account there."""
    async with (
        demo_sandbox.serve(directory) as sandbox,
        contract.checked_sandbox(sandbox.url),
    ):
        database = Database(database_url, pool_size=4)
        stripe = Stripe(demo_stripe.SECRET_KEY, api_base=sandbox.url)
        try:
            yield database, sandbox, stripe
        finally:
            await database.close()
            await stripe.close()


async def found(database: Database, statement: str) -> list[dict[str, Any]]:
    """Return what there is of the workspaces that pay at Stripe."""
    async with database.snapshot() as snapshot:
        rows = await snapshot.all(text(statement), {"names": [STUDIO, CAFE]})
    return [{**row._mapping, "mirrored_at": None} for row in rows]
