"""The balance: what can be spent at a moment, swept or not, now and then and to come."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

from billing import details, ledger
from billing.entries import Deduction, Grant
from models.base import CREDITS_MAX, Base, new_id
from models.database import Database
from models.ledger import AdjustmentType, CreditAdjustment, CreditCharge, LotKind
from models.plan import BillingCycle, Plan
from models.subscription import Subscription
from models.workspace import Membership, Role, Workspace
from tests.resolvers import busy
from tests.resolvers import world as worlds
from tests.resolvers.world import (
    ACME,
    CREATED,
    EMPTY,
    NOW,
    OLGA,
    PACKAGE_EXPIRY,
    PERIOD_END,
    World,
    workspace_id,
)

BALANCE = """
query($id: ID!, $at: DateTime! = "2026-11-15T12:00:00Z") {
  workspace(id: $id) {
    creditBalance {
      remaining overdraft recurring purchased granted
      refreshesAt nextRefreshAmount projectedDepletionAt
      nextExpiry { amount expiresAt }
      asOf(at: $at)
      lots { nodes { kind granted remaining createdAt expiresAt adjustment { type } } }
    }
  }
}
"""

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)


async def balance(world: World, key: UUID = EMPTY, at: datetime = NOW) -> Any:
    """Return the balance of a workspace, the empty one's unless another is named."""
    data = await world.answer(BALANCE, id=workspace_id(key), at=at.isoformat())
    return data["workspace"]["creditBalance"]


def written(time: datetime) -> str:
    """Return a moment as the gateway writes it."""
    return time.isoformat().replace("+00:00", "Z")


async def grant(
    database: Database,
    amount: int,
    *,
    key: UUID = EMPTY,
    kind: LotKind = LotKind.GRANTED,
    expires_at: datetime | None = None,
    period_end: datetime | None = None,
    now: datetime = NOW - DAY,
) -> None:
    """Add a lot."""
    async with database.write() as session:
        await ledger.grant(
            session,
            workspace_id=key,
            grant=Grant(
                source_key=str(new_id()),
                type=AdjustmentType.ADMIN_ADJUSTMENT,
                credits=amount,
                kind=kind,
                expires_at=expires_at,
                period_end=period_end,
                detail=details.Administration(""),
            ),
            now=now,
        )


async def remove(
    database: Database, amount: int, *, key: UUID = EMPTY, now: datetime = NOW - DAY
) -> None:
    """Remove credits."""
    async with database.write() as session:
        await ledger.remove(
            session,
            workspace_id=key,
            deduction=Deduction(
                source_key=str(new_id()),
                type=AdjustmentType.ADMIN_ADJUSTMENT,
                credits=amount,
                detail=details.Administration(""),
            ),
            now=now,
        )


async def sweep(database: Database, key: UUID, now: datetime) -> None:
    """Book what has expired."""
    async with database.write() as session:
        await ledger.expire(session, workspace_id=key, now=now)


async def test_the_kinds_add_up_to_what_remains(world: World) -> None:
    """Packages, purchases and gifts; each lot counts in its kind."""
    found = await balance(world, ACME)

    kinds = {"recurring": 256, "purchased": 885, "granted": 100}
    assert {kind: found[kind] for kind in kinds} == kinds
    assert found["remaining"] == found["asOf"] == sum(kinds.values())
    assert found["overdraft"] == 0


async def test_an_empty_workspace_has_nothing_to_spend(world: World) -> None:
    """And nothing that would expire, refresh or run out."""
    assert await balance(world) == {
        "remaining": 0,
        "overdraft": 0,
        "recurring": 0,
        "purchased": 0,
        "granted": 0,
        "refreshesAt": None,
        "nextRefreshAmount": None,
        "projectedDepletionAt": None,
        "nextExpiry": None,
        "asOf": 0,
        "lots": {"nodes": []},
    }


@pytest.mark.parametrize("swept", [False, True], ids=["unswept", "swept"])
async def test_from_its_expiry_on_a_lot_does_not_count(world: World, swept: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The moment before, all of it does; whether somebody has booked that makes no difference."""
    await grant(world.database, 40, expires_at=NOW)
    await grant(world.database, 2)

    before = await balance(world.at(NOW - MOMENT))
    if swept:
        await sweep(world.database, EMPTY, NOW)
    after = await balance(world)

    assert before["remaining"] == before["granted"] == 42
    assert before["nextExpiry"] == {"amount": 40, "expiresAt": written(NOW)}
    assert [lot["remaining"] for lot in before["lots"]["nodes"]] == [40, 2]
    assert after["remaining"] == after["granted"] == after["asOf"] == 2
    assert after["nextExpiry"] is None
    assert [lot["remaining"] for lot in after["lots"]["nodes"]] == [2]


@pytest.mark.parametrize("swept", [False, True], ids=["unswept", "swept"])
async def test_nothing_is_left_of_an_expired_lot_wherever_it_is_met(
    world: World,
    swept: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """As a node, and as what paid for a charge."""
    await grant(world.database, 40, expires_at=NOW)
    used = worlds.conversation("paid", by=OLGA, amount=15, at=NOW - DAY)
    await worlds.record(world.database, EMPTY, [used], now=NOW - DAY)
    listed = await world.at(NOW - MOMENT).answer(
        """query($id: ID!) { workspace(id: $id) {
            creditBalance { lots { nodes { id remaining } } }
            conversationUsage { nodes { id } }
        } }""",
        id=workspace_id(EMPTY),
    )
    [lot] = listed["workspace"]["creditBalance"]["lots"]["nodes"]
    if swept:
        await sweep(world.database, EMPTY, NOW)

    found = await world.answer(
        """query($lot: ID!, $usage: ID!) {
            lot: node(id: $lot) { ... on CreditLot { granted remaining } }
            usage: node(id: $usage) { ... on ConversationUsage { charges { nodes {
                payments { credits lot { remaining } }
            } } } }
        }""",
        lot=lot["id"],
        usage=listed["workspace"]["conversationUsage"]["nodes"][0]["id"],
    )

    assert lot["remaining"] == 25
    assert found["lot"] == {"granted": 40, "remaining": 0}
    [charge] = found["usage"]["charges"]["nodes"]
    assert charge["payments"] == [{"credits": 15, "lot": {"remaining": 0}}]


async def test_an_overdraft_is_no_negative_remainder(world: World) -> None:
    """What was used beyond the credits is a number of its own; the next credits repay it first."""
    used = worlds.conversation("beyond", by=OLGA, amount=30, at=NOW - 2 * DAY)
    await worlds.record(world.database, EMPTY, [used], now=NOW - 2 * DAY)
    indebted = await balance(world)
    await grant(world.database, 20)
    less = await balance(world)
    await grant(world.database, 20)
    repaid = await balance(world)

    assert (indebted["remaining"], indebted["overdraft"], indebted["asOf"]) == (0, 30, -30)
    assert (less["remaining"], less["overdraft"], less["asOf"]) == (0, 10, -10)
    assert (repaid["remaining"], repaid["overdraft"], repaid["asOf"]) == (10, 0, 10)
    assert less["lots"]["nodes"] == []


async def test_the_next_expiry_sums_what_expires_at_once(world: World) -> None:
    """Whatever its kind; people are told the period's end, not that of the grace after it."""
    later, soon = NOW + 9 * DAY, NOW + 3 * DAY
    await grant(world.database, 1, expires_at=later)
    await grant(world.database, 10, expires_at=soon)
    await grant(world.database, 200, kind=LotKind.PURCHASED, expires_at=soon)
    await grant(
        world.database,
        3_000,
        kind=LotKind.RECURRING,
        period_end=soon,
        expires_at=soon + DAY,
    )

    found = await balance(world)

    assert found["nextExpiry"] == {"amount": 3_210, "expiresAt": written(soon)}
    package = found["lots"]["nodes"][-1]
    assert package["expiresAt"] == written(soon)


async def test_a_package_counts_until_its_grace_is_over(world: World) -> None:
    """Its renewal may take a day: until then nobody loses credits."""
    in_grace = await balance(world.at(PACKAGE_EXPIRY - MOMENT), ACME)
    over = await balance(world.at(PACKAGE_EXPIRY), ACME)

    assert in_grace["recurring"] == 256
    assert in_grace["nextExpiry"] is None, "the time that was told has passed"
    assert over["recurring"] == 0
    assert over["remaining"] == in_grace["remaining"] - 256


async def test_lots_come_oldest_first_with_what_brought_them(world: World) -> None:
    """Only those that can be spent."""
    lots = (await balance(world, ACME))["lots"]["nodes"]

    assert [(lot["kind"], lot["granted"], lot["adjustment"]["type"]) for lot in lots] == [
        ("GRANTED", 50, "FREE_WORKSPACE_GRANT"),
        ("GRANTED", 20, "REFERRAL_SIGNUP_REWARD"),
        ("PURCHASED", 1_000, "CREDIT_PACKAGE_PURCHASE"),
        ("GRANTED", 30, "SUBSCRIPTION_SWITCH_COMPENSATION"),
        ("RECURRING", 500, "SUBSCRIPTION_RENEWAL"),
    ]


async def test_lots_are_paged(world: World) -> None:
    """Forwards and backwards, lots of one moment by their number."""
    for amount in (1, 2, 3, 4, 5):
        await grant(world.database, amount)
    document = """query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
        workspace(id: $id) { creditBalance {
            lots(first: $first, after: $after, last: $last, before: $before) {
                edges { cursor node { granted } }
                pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            }
        } }
    }"""

    async def page(**arguments: Any) -> Any:
        data = await world.answer(document, id=workspace_id(EMPTY), **arguments)
        return data["workspace"]["creditBalance"]["lots"]

    def amounts(page: Any) -> list[int]:
        return [edge["node"]["granted"] for edge in page["edges"]]

    start = await page(first=2)
    rest = await page(first=9, after=start["pageInfo"]["endCursor"])
    end = await page(last=2)
    middle = await page(last=2, before=end["pageInfo"]["startCursor"])

    assert [amounts(each) for each in (start, rest)] == [[1, 2], [3, 4, 5]]
    assert [amounts(each) for each in (middle, end)] == [[2, 3], [4, 5]]


async def refresh(world: World, **columns: Any) -> tuple[str | None, int | None]:
    """Return when Acme's credits refresh and how many come, with its subscription changed."""
    if columns:
        async with world.database.write() as session:
            await session.execute(
                update(Subscription).where(Subscription.workspace_id == ACME).values(**columns)
            )
    found = await balance(world, ACME)
    return found["refreshesAt"], found["nextRefreshAmount"]


async def test_a_package_comes_when_the_refresh_period_ends(world: World) -> None:
    """The held plan's; on a yearly plan each month."""
    yearly = {"billing_cycle": BillingCycle.YEARLY, "period_end": PERIOD_END + 200 * DAY}

    assert await refresh(world) == (written(PERIOD_END), 500)
    assert await refresh(world, **yearly) == (written(PERIOD_END), 500)


async def test_a_package_that_is_late_has_no_time(world: World) -> None:
    """Its renewal is not paid: nobody knows when it will be."""
    before = await balance(world.at(PERIOD_END - MOMENT), ACME)
    late = await balance(world.at(PERIOD_END), ACME)

    assert (before["refreshesAt"], before["nextRefreshAmount"]) == (written(PERIOD_END), 500)
    assert (late["refreshesAt"], late["nextRefreshAmount"]) == (None, None)


async def test_a_pending_change_brings_the_package_of_its_plan(world: World) -> None:
    """If it takes effect by then; a later one does not yet."""
    team = {
        "pending_plan_id": "team",
        "pending_billing_cycle": BillingCycle.MONTHLY,
        "pending_at": PERIOD_END,
    }

    assert await refresh(world, **team) == (written(PERIOD_END), 2_000)
    assert await refresh(world, pending_at=PERIOD_END + MOMENT) == (written(PERIOD_END), 500)


async def test_a_cancelled_plan_brings_no_package(world: World) -> None:
    """Free has none here; where the catalogue gives it one, that comes."""
    cancelled = {"pending_plan_id": "free", "pending_at": PERIOD_END}

    assert await refresh(world, **cancelled) == (None, None)
    async with world.database.write() as session:
        free = {"refreshes": True, "credits_per_refresh": 25}
        await session.execute(update(Plan).where(Plan.id == "free").values(**free))
    assert await refresh(world) == (written(PERIOD_END), 25)


async def test_a_one_time_plan_brings_packages_until_it_lapses(world: World) -> None:
    """The one at its end would be Free's, which has none."""
    sprint = {"plan_id": "sprint", "billing_cycle": BillingCycle.ONE_TIME}

    assert await refresh(world, **sprint, period_end=PERIOD_END + 40 * DAY) == (
        written(PERIOD_END),
        900,
    )
    assert await refresh(world, period_end=PERIOD_END) == (None, None)


async def test_a_one_time_plan_that_was_bought_again_brings_its_next_package(world: World) -> None:
    """Also where the catalogue lets it refresh never."""
    async with world.database.write() as session:
        await session.execute(update(Plan).where(Plan.id == "sprint").values(refreshes=False))
    sprint = {"plan_id": "sprint", "billing_cycle": BillingCycle.ONE_TIME}

    assert await refresh(world, **sprint, period_end=PERIOD_END + 90 * DAY) == (
        written(PERIOD_END),
        900,
    )


async def test_credits_run_out_at_the_mean_use_of_thirty_days(world: World) -> None:
    """Use of before that does not count, nor does what was granted or removed."""
    await grant(world.database, 130, now=NOW - 40 * DAY)
    await remove(world.database, 10, now=NOW - 39 * DAY)
    for name, at, amount in [
        ("before", NOW - 30 * DAY - MOMENT, 50),
        ("at the start", NOW - 30 * DAY, 20),
        ("yesterday", NOW - DAY, 40),
    ]:
        used = worlds.conversation(name, by=OLGA, amount=amount, at=at)
        await worlds.record(world.database, EMPTY, [used], now=at)

    found = await balance(world)

    assert found["remaining"] == 10
    assert found["projectedDepletionAt"] == written(NOW + 30 * DAY * 10 / 60)


async def test_an_empty_balance_has_run_out_now(world: World) -> None:
    """Also in overdraft."""
    used = worlds.conversation("beyond", by=OLGA, amount=30, at=NOW - DAY)
    await worlds.record(world.database, EMPTY, [used], now=NOW - DAY)

    assert (await balance(world))["projectedDepletionAt"] == written(NOW)


@pytest.mark.parametrize("amount", [1_000_000, CREDITS_MAX])
@pytest.mark.usefixtures("quiet")
async def test_credits_that_last_for_ages_have_no_projection(world: World, amount: int) -> None:
    """A few uses say nothing of the next century, and no calendar reaches further."""
    await grant(world.database, amount, now=NOW - 2 * DAY)
    used = worlds.conversation("little", by=OLGA, amount=1, at=NOW - DAY)
    await worlds.record(world.database, EMPTY, [used], now=NOW - DAY)

    found = await balance(world)

    assert found["remaining"] == amount - 1
    assert found["projectedDepletionAt"] is None


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grant", "remove", "use", "sweep"]),
        st.integers(1, 30),
        st.integers(0, 4),
        st.none() | st.integers(1, 12),
    ),
    max_size=12,
)
"""What happens in a ledger: what, how many credits, hours since the last, hours to an expiry."""

HOUR = timedelta(hours=1)


@settings(max_examples=25)
@given(steps=STEPS, asked=st.lists(st.integers(-1, 60), min_size=1, max_size=4))
async def test_the_balance_at_any_moment_is_the_sum_of_the_entries_by_then(
    shared_world: World, steps: list[tuple[str, int, int, int | None]], asked: list[int]
) -> None:
    """Before the expiries are booked it is what it is after that, when the entries say it all."""
    database, key = shared_world.database, await _new_workspace(shared_world)
    now = CREATED
    for what, amount, hours, lifetime in steps:
        now += hours * HOUR
        match what:
            case "grant":
                expires_at = None if lifetime is None else now + lifetime * HOUR
                await grant(database, amount, key=key, expires_at=expires_at, now=now)
            case "remove":
                await remove(database, amount, key=key, now=now)
            case "use":
                used = worlds.conversation(str(new_id()), by=OLGA, amount=amount, at=now)
                await worlds.record(database, key, [used], now=now)
            case _:
                await sweep(database, key, now)
    moments = [CREATED + hours * HOUR for hours in asked] + [now]

    unswept = [(await balance(shared_world, key, at))["asOf"] for at in moments]
    current = await balance(shared_world.at(now), key, now)
    await sweep(database, key, CREATED + 100 * HOUR)
    entries = [
        *await _entries(database, CreditAdjustment, "amount", key),
        *await _entries(database, CreditCharge, "credits", key),
    ]

    naive = [sum(amount for time, amount in entries if time <= at) for at in moments]
    assert unswept == naive
    assert [(await balance(shared_world, key, at))["asOf"] for at in moments] == naive
    assert current["remaining"] - current["overdraft"] == naive[-1]
    assert current["remaining"] == sum(lot["remaining"] for lot in current["lots"]["nodes"])


async def test_the_balance_to_come_leaves_out_what_will_expire(world: World) -> None:
    """At the expiry itself it is gone; refreshes to come are not counted."""
    await grant(world.database, 40, expires_at=NOW + DAY)
    await grant(world.database, 2)
    eternity = datetime.max.replace(tzinfo=NOW.tzinfo)

    found = {
        at: (await balance(world, at=at))["asOf"]
        for at in (NOW, NOW + DAY - MOMENT, NOW + DAY, eternity)
    }

    assert list(found.values()) == [42, 42, 2, 2]


async def _entries(
    database: Database, model: type[Base], column: str, key: UUID
) -> list[tuple[datetime, int]]:
    """Return the time and the signed amount of each entry."""
    sign = -1 if model is CreditCharge else 1
    rows = await busy.rows_of(database, model, key)
    return [(row.created_at, sign * getattr(row, column)) for row in rows]


async def _new_workspace(world: World) -> UUID:
    """Add a workspace of Olga's with an empty ledger."""
    key = new_id()
    ours = {"workspace_id": key, "created_at": CREATED}
    free = ours | {"id": key, "plan_id": "free", "status": "ACTIVE", "period_start": CREATED}
    async with world.database.write() as session:
        for model, row in (
            (Workspace, {"id": key, "name": "Replayed", "created_at": CREATED}),
            (Membership, ours | {"user_id": OLGA, "role": Role.OWNER}),
            (Subscription, free),
        ):
            await session.execute(insert(model).values(**row))
        await ledger.create(session, workspace_id=key, now=CREATED)
    return key
