"""The catalogue in the database: what the file says is sold, and nothing is forgotten."""

from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from sqlalchemy import select

from billing import catalog, catalog_file, catalog_sync
from billing.catalog import Money, PackOffer, PriceOffer
from billing.catalog_sync import Change, Deed, PlanKindFixed
from models.base import Base
from models.database import Database
from models.plan import (
    BillingCycle,
    CatalogTerm,
    Plan,
    PlanKind,
    PlanPrice,
    ReferralReward,
    StripePrice,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
TEXT = resources.files("gateway").joinpath("demo_catalog.toml").read_text(encoding="utf-8")
PRICE_IDS = {
    "launch-pass_one_time": "price_pass",
    "pro_monthly": "price_pro_m",
    "pro_yearly": "price_pro_y",
    "team_monthly": "price_team_m",
    "team_yearly": "price_team_y",
    "credits-1000": "price_pack",
}


async def write(
    database: Database,
    text: str = TEXT,
    *,
    price_ids: dict[str, str] | None = None,
    now: datetime = NOW,
) -> list[Change]:
    """Write the catalogue of a text."""
    async with database.write() as session:
        return await catalog_sync.write(
            session, catalog_file.parse(text), price_ids=price_ids, now=now
        )


async def rows(database: Database, model: type[Base]) -> list[dict[str, Any]]:
    """Return every row of a table, in the order of its key."""
    table = model.__table__
    async with database.snapshot() as snapshot:
        found = await snapshot.all(select(table).order_by(*table.primary_key))
    return [row._asdict() for row in found]


async def test_what_the_file_sells_is_what_is_offered(database: Database) -> None:
    """Plans in rank order with their prices, and the one pack."""
    await write(database)

    async with database.snapshot() as snapshot:
        plans = await catalog.plans(snapshot)
        pack = await catalog.pack(snapshot)
    assert [(plan.id, plan.kind) for plan in plans] == [
        ("free", PlanKind.FREE),
        ("launch-pass", PlanKind.ONE_TIME),
        ("pro", PlanKind.RECURRING),
        ("team", PlanKind.RECURRING),
    ]
    assert list(plans[2].prices) == [
        PriceOffer(BillingCycle.MONTHLY, Money(2900, "USD")),
        PriceOffer(BillingCycle.YEARLY, Money(29000, "USD")),
    ]
    assert plans[0].prices == []
    assert pack == PackOffer("credits-1000", "1,000 credits", 1_000, Money(1_000, "USD"), 500)


async def test_doing_it_again_changes_nothing(database: Database) -> None:
    """Not even the times."""
    first = await write(database, price_ids=PRICE_IDS)
    before = [await rows(database, model) for model in (Plan, PlanPrice, StripePrice)]

    again = await write(database, now=LATER)

    assert {change.deed for change in first} == {Deed.ADDED}
    assert again == []
    assert [await rows(database, model) for model in (Plan, PlanPrice, StripePrice)] == before


async def test_a_plan_that_the_file_names_no_more_is_archived_with_its_prices(
    database: Database,
) -> None:
    """Workspaces may hold it. Named again, it is sold again."""
    await write(database)
    without = TEXT[: TEXT.index('[[plans]]\nid = "team"')] + TEXT[TEXT.index("[credit_pack]") :]

    assert await write(database, without, now=LATER) == [Change(Deed.ARCHIVED, "plan team")]

    async with database.snapshot() as snapshot:
        team = (await catalog.plans(snapshot))[-1]
    assert (team.id, team.archived, len(team.prices)) == ("team", True, 2)
    assert await write(database, without, now=LATER) == []
    assert await write(database, now=LATER) == [Change(Deed.CHANGED, "plan team")]


async def test_plans_may_change_places(database: Database) -> None:
    """No two have one rank, not even in between."""
    await write(database)
    swapped = TEXT.replace("rank = 2", "rank = X").replace("rank = 3", "rank = 2")

    changes = await write(database, swapped.replace("rank = X", "rank = 3"))

    assert changes == [Change(Deed.CHANGED, "plan pro"), Change(Deed.CHANGED, "plan team")]


async def test_another_price_is_another_price_of_the_provider_and_the_old_one_is_remembered(
    database: Database,
) -> None:
    """Who bought the old one keeps paying it."""
    await write(database, price_ids=PRICE_IDS)
    dearer = TEXT.replace("monthly = 2900", "monthly = 3900")

    changes = await write(database, dearer, price_ids=PRICE_IDS | {"pro_monthly": "price_new"})

    assert changes == [Change(Deed.CHANGED, "price pro_monthly")]
    known = {
        row["stripe_price_id"]: (row["plan_id"], row["billing_cycle"], row["amount_minor"])
        for row in await rows(database, StripePrice)
    }
    assert known["price_pro_m"] == ("pro", BillingCycle.MONTHLY, 2_900)
    assert known["price_new"] == ("pro", BillingCycle.MONTHLY, 3_900)
    assert len(known) == len(PRICE_IDS) + 1


async def test_a_price_that_changed_without_the_provider_cannot_be_bought(
    database: Database,
) -> None:
    """The others can: their ids are kept."""
    await write(database, price_ids=PRICE_IDS)

    await write(database, TEXT.replace("monthly = 2900", "monthly = 3900"))

    ids = {row["lookup_key"]: row["stripe_price_id"] for row in await rows(database, PlanPrice)}
    assert ids["pro_monthly"] is None
    assert ids["pro_yearly"] == "price_pro_y"


async def test_a_cycle_that_is_sold_no_more_is_gone_and_its_price_is_remembered(
    database: Database,
) -> None:
    """Its subscribers go on."""
    await write(database, price_ids=PRICE_IDS)

    changes = await write(
        database, TEXT.replace("{ monthly = 2900, yearly = 29000 }", "{ yearly = 29000 }")
    )

    assert changes == [Change(Deed.REMOVED, "price pro_monthly")]
    assert "price_pro_m" in {row["stripe_price_id"] for row in await rows(database, StripePrice)}


async def test_a_plan_keeps_its_kind(database: Database) -> None:
    """Nothing of the file is written."""
    await write(database)
    other = TEXT.replace('kind = "RECURRING"', 'kind = "ONE_TIME"\nperiod_months = 1', 1)
    other = other.replace("{ monthly = 2900, yearly = 29000 }", "{ one_time = 5 }")

    with pytest.raises(PlanKindFixed, match="The plan pro is RECURRING and stays so"):
        await write(database, other.replace("rank = 0", "rank = 7"))

    assert (await rows(database, Plan))[0]["rank"] == 0


async def test_rewards_and_terms_are_written(database: Database) -> None:
    """As the file has them, whatever was there."""
    await write(database)
    await write(database, TEXT.replace("signup = 250", "signup = 5\nnewcomer_signup = 7"))

    rewards = {row.pop("stage"): row for row in await rows(database, ReferralReward)}
    assert rewards["SIGNUP"] == {"referrer_credits": 5, "newcomer_credits": 7}
    assert rewards["FIRST_PAID_PLAN"] == {"referrer_credits": 1_000, "newcomer_credits": 0}
    assert await rows(database, CatalogTerm) == [{"name": "RENEWAL_GRACE_HOURS", "value": 24}]
