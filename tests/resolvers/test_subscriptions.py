"""Following what changes: what is told and when, to whom, and until when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text, update
from strawberry.utils.aio import aclosing
from structlog.testing import capture_logs

from billing import holding, ledger, membership, notices
from billing.access import Viewer
from billing.details import Administration
from billing.entries import Grant
from billing.membership import MembersPatch
from gateway.listener import Listener
from models.base import new_id
from models.channel import LISTENER_NAME
from models.database import Database
from models.ledger import AdjustmentType, LotKind
from models.subscription import Checkout, CheckoutKind, CheckoutStatus
from resolvers import errors, ids
from resolvers.context import Context
from resolvers.errors import Code
from resolvers.schema import schema
from tests.resolvers.world import (
    ACME,
    ADMIN,
    EMPTY,
    MEMBER,
    MIA,
    NOW,
    OLGA,
    OWNER,
    POWERLESS_SERVICE,
    RIVAL,
    SERVICE,
    STRANGER,
    World,
    workspace_id,
)

BALANCE = """subscription($id: ID!) { creditBalanceChanged(workspaceId: $id) {
    remaining granted lots(last: 1) { nodes { granted } } asOf(at: "2026-12-01T00:00:00Z")
} }"""
REMAINING = "subscription($id: ID!) { creditBalanceChanged(workspaceId: $id) { remaining } }"
CHECKOUT = """subscription($id: ID!) {
    topUpCheckoutChanged(id: $id) { status credits url completedAt }
}"""
FIRST = 1_241
"""What Acme has left when nobody has changed anything."""


@dataclass
class Told:
    """What a subscription is told, value by value."""

    results: Any
    context: Context

    async def next(self) -> Any:
        """Return the value that is told next; it has no errors."""
        result = await self._next()
        assert result.errors is None, result.errors
        [value] = result.data.values()
        return value

    async def refusal(self) -> str:
        """Return the code of the error that is told next, and is the last thing told."""
        result = await self._next()
        assert result.data is None
        [error] = result.errors
        with pytest.raises(StopAsyncIteration):
            await self._next()
        return str(error.extensions["code"])

    async def _next(self) -> Any:
        async with asyncio.timeout(30):
            return await anext(self.results)


@dataclass
class Process:
    """A process that serves subscriptions: its pool, its listener."""

    database: Database
    listener: Listener

    @asynccontextmanager
    async def follow(
        self,
        document: str = REMAINING,
        viewer: Viewer | None = OWNER,
        *,
        again: Any = None,
        **variables: Any,
    ) -> AsyncIterator[Told]:
        """Run a subscription as its viewer; `$id` is Acme's unless it is given."""
        context = Context(
            viewer=viewer, database=self.database, now=NOW, notices=self.listener, again=again
        )
        results = await schema.stream(
            document,
            variable_values={"id": workspace_id()} | variables,
            context_value=context,
        )
        async with aclosing(results):
            yield Told(results, context)


@pytest.fixture
async def process(world: World) -> AsyncIterator[Process]:
    """Yield a process that serves subscriptions; the world's own database is another process."""
    url = world.database.engine.url.render_as_string(hide_password=False)
    database = Database(url, pool_size=2)
    listener = Listener(url, database=database, interval_seconds=0)
    yield Process(database, listener)
    assert listener.topics == 0
    assert database.connections_in_use == 0
    await listener.close()
    await database.close()


async def grant(world: World, amount: int, *, key: UUID = ACME) -> None:
    """Give credits to a workspace, in a transaction of its own."""
    async with world.database.write() as session:
        await ledger.grant(
            session,
            workspace_id=key,
            grant=Grant(
                source_key=str(new_id()),
                type=AdjustmentType.ADMIN_ADJUSTMENT,
                credits=amount,
                kind=LotKind.GRANTED,
                detail=Administration(""),
            ),
            now=NOW,
        )


@pytest.mark.usefixtures("quiet")
async def test_the_balance_is_told_at_once_and_after_each_change(
    world: World, process: Process
) -> None:
    """By another process; each value is read anew, with all that hangs on it."""
    async with process.follow(BALANCE) as told:
        first = await told.next()
        await grant(world, 7)
        second = await told.next()
        await grant(world, 11)
        third = await told.next()

    assert first["remaining"] == FIRST
    assert [each["remaining"] - FIRST for each in (second, third)] == [7, 18]
    assert [each["granted"] - first["granted"] for each in (second, third)] == [7, 18]
    assert [each["asOf"] - first["asOf"] for each in (second, third)] == [7, 18]
    assert [each["lots"]["nodes"] for each in (second, third)] == [
        [{"granted": 7}],
        [{"granted": 11}],
    ]


@pytest.mark.usefixtures("quiet")
async def test_changes_that_a_client_was_too_slow_for_are_told_as_one(
    world: World, process: Process
) -> None:
    """The last state, once: nothing is queued."""
    async with process.follow() as told, process.follow(id=workspace_id(EMPTY)) as marker:
        first = await told.next()
        await marker.next()
        for _ in range(5):
            await grant(world, 1)
        # What is announced is heard in its order, so Acme's changes have been by now.
        await grant(world, 1, key=EMPTY)
        await marker.next()

        assert (await told.next())["remaining"] == first["remaining"] + 5
        await grant(world, 1)
        assert (await told.next())["remaining"] == first["remaining"] + 6


@pytest.mark.usefixtures("quiet")
async def test_what_does_not_happen_or_happens_elsewhere_is_not_told(
    world: World, process: Process
) -> None:
    """Neither a transaction that is rolled back nor another workspace's change wakes anybody."""
    rivals = process.follow(viewer=SERVICE, id=workspace_id(RIVAL))
    async with rivals as rival, process.follow() as told:
        first = await told.next()
        await rival.next()
        with suppress(ZeroDivisionError):
            async with world.database.write() as session:
                notices.announce(session, notices.balance(ACME))
                raise ZeroDivisionError
        await grant(world, 3, key=RIVAL)
        await rival.next()
        await grant(world, 2)

        assert (await told.next())["remaining"] == first["remaining"] + 2


@pytest.mark.usefixtures("quiet")
async def test_another_plan_is_a_change_of_the_balance(world: World, process: Process) -> None:
    """Not of what is left, but of what comes next and when."""
    document = """subscription($id: ID!) { creditBalanceChanged(workspaceId: $id) {
        remaining refreshesAt nextRefreshAmount
    } }"""
    async with process.follow(document) as told:
        before = await told.next()
        async with world.database.write() as session:
            held = await holding.locked(session, workspace_id=ACME)
            await holding.change(session, held, refresh=None)
        after = await told.next()

    assert before["refreshesAt"] is not None
    assert after == {"remaining": FIRST, "refreshesAt": None, "nextRefreshAmount": None}


async def test_a_balance_says_whose_it_is(world: World, process: Process) -> None:
    """So that a cache with ids merges it into the workspace that a page shows."""
    document = """subscription($id: ID!) { creditBalanceChanged(workspaceId: $id) {
        remaining workspace { id creditBalance { remaining } }
    } }"""
    async with process.follow(document) as told:
        await told.next()
        await grant(world, 2)
        after = await told.next()

    whole = {"id": workspace_id(ACME), "creditBalance": {"remaining": FIRST + 2}}
    assert after == {"remaining": FIRST + 2, "workspace": whole}


@pytest.mark.usefixtures("quiet")
async def test_nothing_is_held_while_nothing_changes(world: World, process: Process) -> None:
    """More subscriptions than connections; each value costs the same statements."""
    follows = [process.follow() for _ in range(10)]
    tolds = [await follow.__aenter__() for follow in follows]
    statements: list[list[int]] = []
    for amount in (1, 1, 1):
        for told in tolds:
            await told.next()
        statements.append([told.context.statements for told in tolds])
        assert process.database.connections_in_use == 0
        await grant(world, amount)
    for follow in follows:
        await follow.__aexit__(None, None, None)

    assert statements == [[2] * 10, [4] * 10, [6] * 10]


@pytest.mark.usefixtures("quiet")
async def test_changes_come_no_faster_than_they_are_wanted(world: World) -> None:
    """The first at once; the next only after the interval, however many there were."""
    url = world.database.engine.url.render_as_string(hide_password=False)
    listener = Listener(url, database=world.database, interval_seconds=0.3)
    loop = asyncio.get_running_loop()
    async with Process(world.database, listener).follow() as told:
        first = await told.next()
        began = loop.time()
        await grant(world, 1)
        await told.next()
        for _ in range(10):
            await grant(world, 1)
        last = await told.next()
        took_seconds = loop.time() - began
    await listener.close()

    assert last["remaining"] == first["remaining"] + 11
    assert took_seconds >= 0.3


@pytest.mark.usefixtures("quiet")
async def test_who_leaves_a_workspace_is_told_so_at_once(world: World, process: Process) -> None:
    """The end comes with the leaving, not with the next change; who stays is told on."""
    async with process.follow(viewer=MEMBER) as leaving, process.follow(viewer=ADMIN) as staying:
        await leaving.next()
        await staying.next()
        async with world.database.write() as session:
            patch = MembersPatch(leaving=["mia"])
            await membership.change(session, workspace_id=ACME, patch=patch, now=NOW)

        assert await leaving.refusal() == "WORKSPACE_NOT_FOUND"
        assert (await staying.next())["remaining"] == FIRST


@pytest.mark.usefixtures("quiet")
async def test_a_token_that_ends_is_found_out_before_the_next_value(
    world: World, process: Process
) -> None:
    """Nothing of the change is told; the code is that of a request with such a token."""

    async def again() -> Context:
        raise errors.coded("The token has expired.", Code.UNAUTHENTICATED, reason="EXPIRED")

    async with process.follow(again=again) as told:
        await told.next()
        await grant(world, 1)

        assert await told.refusal() == "UNAUTHENTICATED"


@pytest.mark.usefixtures("quiet")
async def test_each_value_is_of_its_own_moment(world: World, process: Process) -> None:
    """Credits that have expired meanwhile are not told."""
    later = NOW + timedelta(days=365)

    async def again() -> Context:
        return Context(viewer=OWNER, database=process.database, now=later)

    async with process.follow(again=again) as told:
        await told.next()
        await grant(world, 1)
        after = (await told.next())["remaining"]
        expected = await world.at(later).answer(
            "query($id: ID!) { workspace(id: $id) { creditBalance { remaining } } }"
        )

    assert after == expected["workspace"]["creditBalance"]["remaining"]
    assert after < FIRST


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("viewer", "code"),
    [
        (OWNER, None),
        (ADMIN, None),
        (MEMBER, None),
        (SERVICE, None),
        (STRANGER, "WORKSPACE_NOT_FOUND"),
        (None, "UNAUTHENTICATED"),
        (POWERLESS_SERVICE, "SCOPE_MISSING"),
    ],
)
async def test_who_may_follow_what(
    world: World, process: Process, viewer: Viewer | None, code: str | None
) -> None:
    """Those who may read it."""
    checkout = await add_checkout(world)
    for document, id_ in ((REMAINING, workspace_id()), (CHECKOUT, checkout)):
        async with process.follow(document, viewer, id=id_) as told:
            assert code is None or await told.refusal() == code
            assert code is not None or await told.next()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("document", "id_", "code"),
    [
        (REMAINING, "x", "INVALID_ID"),
        (REMAINING, ids.encode("Plan", "pro"), "INVALID_ID"),
        (CHECKOUT, workspace_id(), "INVALID_ID"),
        (REMAINING, workspace_id(UUID(int=0)), "WORKSPACE_NOT_FOUND"),
        (CHECKOUT, ids.encode("TopUpCheckout", MIA, workspace_id=RIVAL), "WORKSPACE_NOT_FOUND"),
    ],
)
async def test_what_is_not_there_is_refused(
    process: Process, document: str, id_: str, code: str
) -> None:
    """And what is another's looks like what is not there."""
    async with process.follow(document, id=id_) as told:
        assert await told.refusal() == code


@pytest.mark.usefixtures("quiet")
async def test_a_purchase_is_told_until_it_is_paid(world: World, process: Process) -> None:
    """Its page is the owner's; one that does not exist is null."""
    id_ = await add_checkout(world)
    unknown = ids.encode("TopUpCheckout", MIA, workspace_id=ACME)
    async with (
        process.follow(CHECKOUT, OWNER, id=id_) as owner,
        process.follow(CHECKOUT, MEMBER, id=id_) as member,
        process.follow(CHECKOUT, OWNER, id=unknown) as nothing,
    ):
        before = [await told.next() for told in (owner, member, nothing)]
        await grant(world, 1)  # of the workspace, but not of the purchase
        await pay(world, id_)
        after = [await told.next() for told in (owner, member)]

    page = "https://pay.example/1"
    opened = {"status": "OPEN", "credits": 1_000, "url": page, "completedAt": None}
    assert before == [opened, opened | {"url": None}, None]
    assert [(each["status"], each["url"]) for each in after] == [("COMPLETED", None)] * 2


async def test_a_listener_that_was_cut_off_comes_back_and_everybody_reads_again(
    world: World, process: Process
) -> None:
    """What was announced meanwhile is lost, and nobody misses it."""
    async with process.follow() as told, process.follow(id=workspace_id(EMPTY)) as other:
        first = await told.next()
        await other.next()
        with capture_logs() as logs:
            async with world.database.write() as session:
                await session.execute(_CUT_OFF, {"name": LISTENER_NAME})
                # Changed without a word, as if the word had been lost.
                await session.execute(_ADD_IN_SILENCE, {"workspace_id": ACME})
            assert (await told.next())["remaining"] == first["remaining"] + 1
            assert (await other.next())["remaining"] == 0
        await grant(world, 2)
        assert (await told.next())["remaining"] == first["remaining"] + 3

    [line] = logs
    assert (line["event"], line["log_level"]) == ("notices_interrupted", "warning")


async def test_a_subscription_begins_where_nobody_can_be_listened_to(
    world: World, process: Process
) -> None:
    """The value comes, and the changes when there is somebody again; a log tells the operator."""
    url = process.listener._url
    process.listener._url = "postgresql+asyncpg://gateway@127.0.0.1:1/gateway"
    with capture_logs() as logs:
        async with process.follow() as told:
            first = await told.next()
            await grant(world, 1)
            process.listener._url = url
            assert (await told.next())["remaining"] == first["remaining"] + 1

    assert {line["event"] for line in logs} == {"notices_interrupted"}


async def test_a_pooler_that_swallows_announcements_is_found_out(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener that does not hear what it announces itself says which setting it needs."""
    monkeypatch.setattr("gateway.listener.PROOF_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(process.database.announcer, "tell", lambda _: None)
    with capture_logs() as logs:
        async with process.follow() as told:
            assert (await told.next())["remaining"] == FIRST

    assert "DATABASE_LISTEN_URL" in logs[0]["reason"]


@pytest.mark.usefixtures("quiet")
async def test_a_process_that_ends_tells_what_it_has_to_tell(
    world: World, process: Process
) -> None:
    """Its last change arrives, although it went at once."""
    async with process.follow() as told:
        first = await told.next()
        await grant(world, 5)
        await world.database.close()

        assert (await told.next())["remaining"] == first["remaining"] + 5


async def add_checkout(world: World) -> str:
    """Add a purchase of Acme's whose page is open; return its global id."""
    key = new_id()
    async with world.database.write() as session:
        await session.execute(
            insert(Checkout).values(
                workspace_id=ACME,
                id=key,
                user_id=OLGA,
                kind=CheckoutKind.TOP_UP,
                status=CheckoutStatus.OPEN,
                pack_id="pack",
                packs=2,
                credits=1_000,
                amount_minor=3_998,
                currency="USD",
                success_url="https://app.example/",
                cancel_url="https://app.example/",
                stripe_price_id="price_1",
                stripe_session_id="cs_1",
                url="https://pay.example/1",
                created_at=NOW,
                expires_at=NOW + timedelta(days=1),
            )
        )
    return ids.encode("TopUpCheckout", key, workspace_id=ACME)


async def pay(world: World, id_: str) -> None:
    """Note that a purchase of Acme's was paid."""
    key = ids.decode(id_).key
    async with world.database.write() as session:
        await session.execute(
            update(Checkout)
            .where(Checkout.workspace_id == ACME, Checkout.id == key)
            .values(status=CheckoutStatus.COMPLETED, completed_at=NOW)
        )
        notices.announce(session, notices.checkout(ACME, key))


_CUT_OFF = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = :name AND datname = current_database()"
)
_ADD_IN_SILENCE = text(
    "UPDATE credit_lots SET granted = granted + 1, remaining = remaining + 1"
    " WHERE workspace_id = :workspace_id AND number = 1"
)
