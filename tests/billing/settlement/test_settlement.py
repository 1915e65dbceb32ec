"""Settlement as a whole: whose an object is, every order, every crash, many workers."""

import asyncio
import itertools
from typing import Any
from uuid import UUID

import pytest

from billing.payments import (
    InvoiceReason,
)
from billing.settlement import Story
from billing.unsettled import (
    OwnersDiffer,
)
from models.base import new_id
from models.database import Database
from models.ledger import CreditAdjustment
from models.subscription import Subscription
from tests.billing import catalogue
from tests.billing.factories import Place, add_place, drifts, stored
from tests.billing.settlement import stories
from tests.billing.settlement.stories import (
    DAY,
    END,
    HALF,
    NEXT_END,
    TEAM,
    tell,
)


async def test_an_object_never_lands_in_two_workspaces(database: Database, place: Place) -> None:
    """Who heard of it first has it, whatever is written on it later."""
    stranger = await add_place(database)
    await tell(database, subscription=stories.subscription(place))

    with pytest.raises(OwnersDiffer, match="sub_1"):
        await tell(database, subscription=stories.subscription(stranger))

    assert await stored(database, stranger, Subscription) == []


async def test_an_object_of_another_installation_is_none_of_ours(
    database: Database, place: Place
) -> None:
    """Its workspace does not exist here."""
    elsewhere = Place(new_id(), new_id(), new_id())

    assert await tell(database, subscription=stories.subscription(elsewhere)) is None
    assert (await stories.live(database, place))["plan_id"] == "free"


# Orders, crashes, races


def _month(place: Place, checkout_id: UUID) -> list[Story]:
    """Return a month's stories: a plan, a switch, packs, a refund, a renewal."""
    switched = stories.invoice(
        place,
        *stories.pair(at=HALF),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_UPDATE,
    )
    renewed = stories.invoice(
        place,
        stories.line(TEAM, amount_minor=9_900, start=END, end=NEXT_END),
        invoice_id="in_3",
        reason=InvoiceReason.SUBSCRIPTION_CYCLE,
    )
    # Each is fetched when it is settled: the subscription is always told as it is by then.
    state = stories.subscription(place, price_id=TEAM, start=END, end=NEXT_END)
    page = stories.page(place, checkout_id=checkout_id)
    return [
        Story(invoice=stories.invoice(place), subscription=state),
        Story(invoice=switched, subscription=state),
        Story(invoice=renewed, subscription=state),
        Story(checkout=page),
        Story(
            payment=stories.payment(place, refunded_minor=500),
            checkout=page,
            object_id="pi_of_cs_1",
            asked_at=stories.fetch_time(),
        ),
    ]


async def _settled(database: Database, place: Place) -> tuple[int, dict[str, int]]:
    """Return the sum of all adjustments, and the amount of each source that was granted."""
    rows = await stored(database, place, CreditAdjustment)
    sources = {
        row["source_key"].partition(":")[0] + ":" + str(row["amount"]): row["amount"]
        for row in rows
        if not row["source_key"].startswith("expiration")
    }
    return sum(row["amount"] for row in rows), dict(sorted(sources.items()))


async def test_a_month_comes_to_the_same_in_every_order(database: Database, place: Place) -> None:
    """One hundred and twenty orders, each story told twice."""
    del place
    outcomes: list[Any] = []
    for order in itertools.permutations(range(5)):
        someone = await catalogue.add_workspace(database)
        told = _renamed(
            _month(someone, await stories.checkout(database, someone)), number=len(outcomes)
        )
        for index in (*order, *order):
            await stories.tell_all(database, [told[index]], now=END + DAY)
        outcomes.append(await _settled(database, someone))
        assert await drifts(database, someone) == []

    assert len(outcomes) == 120
    assert [outcome for outcome in outcomes if outcome != outcomes[0]] == []


async def test_a_crash_between_any_two_statements_leaves_what_can_be_done_again(
    database: Database, place: Place
) -> None:
    """The nth statement of each story fails, for every n; then it is told again."""
    del place
    outcomes: list[Any] = []
    for number in itertools.count():
        someone = await catalogue.add_workspace(database)
        told = _renamed(_month(someone, await stories.checkout(database, someone)), number=number)
        crashes = 0
        for story in told:
            crashes += await _crash(database, story, number)
            await stories.tell_all(database, [story], now=END + DAY)
        outcomes.append(await _settled(database, someone))
        assert await drifts(database, someone) == []
        if crashes == 0:
            break

    assert len(outcomes) > 10
    assert [outcome for outcome in outcomes if outcome != outcomes[0]] == []


async def test_workers_that_settle_side_by_side_grant_once(
    database: Database, place: Place
) -> None:
    """Each story by four at once, all of them mixed."""
    told = _month(place, await stories.checkout(database, place))

    await asyncio.gather(
        *(stories.tell_all(database, [story], now=END + DAY) for story in told * 4)
    )

    rows = await stored(database, place, CreditAdjustment)
    keys = [row["source_key"] for row in rows]
    assert len(keys) == len({*keys})
    assert await drifts(database, place) == []
    alone = await catalogue.add_workspace(database)
    again = _renamed(_month(alone, await stories.checkout(database, alone)), number=1)
    await stories.tell_all(database, again, now=END + DAY)
    assert (await _settled(database, place))[0] == (await _settled(database, alone))[0]


class _Killed(Exception):
    """The process died."""


async def _crash(database: Database, story: Story, number: int) -> bool:
    """Let the statement of that number fail; return whether the story had so many."""
    left = number

    def hear(_: str) -> None:
        nonlocal left
        if left == 0:
            raise _Killed
        left -= 1

    silence = database.on_statement(hear)
    try:
        await stories.tell_all(database, [story], now=END + DAY)
    except _Killed:
        return True
    finally:
        silence()
    return False


def _renamed(told: list[Story], *, number: int) -> list[Story]:
    """Return stories of other objects: one object is one workspace's."""
    return [stories.renamed(story, f"_{number}") for story in told]
