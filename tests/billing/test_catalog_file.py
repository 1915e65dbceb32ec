"""The operator's catalogue: what its file may say, and what becomes of it."""

from datetime import UTC, datetime
from importlib import resources

import pytest
from pydantic import ValidationError

from billing import catalog, catalog_file
from billing.catalog import Money, PackOffer, PriceOffer
from models.database import Database
from models.plan import BillingCycle, PlanKind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = resources.files("gateway").joinpath("demo_catalog.toml").read_text(encoding="utf-8")


async def test_what_the_file_sells_is_what_is_offered(database: Database) -> None:
    """Plans in rank order with their prices, and the one pack."""
    async with database.write() as session:
        await catalog_file.store(session, catalog_file.parse(TEXT), now=NOW)

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


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("credits_per_refresh = 200", "credits_per_refesh = 200"),
        ("credits_per_refresh = 200", "credits_per_refresh = -1"),
        ("credits_per_refresh = 200", "credits_per_refresh = 9007199254740992"),
        ("credits_per_refresh = 200", "credits_per_refresh = 1.5"),
        ("monthly = 2900", "weekly = 2900"),
        ('currency = "USD"', 'currency = "usd"'),
        ('kind = "FREE"', 'kind = "GRATIS"'),
        ("price = 1000", "price = 0"),
    ],
)
def test_a_mistake_in_the_file_is_refused(right: str, wrong: str) -> None:
    """A misspelt word is no default, and a number out of range is no number."""
    assert right in TEXT
    with pytest.raises(ValidationError):
        catalog_file.parse(TEXT.replace(right, wrong, 1))
