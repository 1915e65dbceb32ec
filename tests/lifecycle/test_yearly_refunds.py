"""What goes back of a year: paid at once, it brings a package each month until it ends."""

from datetime import datetime, timedelta
from typing import Any

from tests.lifecycle.cards import ALWAYS_AUTHENTICATED
from tests.lifecycle.catalogue import PACKAGES
from tests.lifecycle.owner import Owner, of_type
from tests.lifecycle.truth import add_months
from tests.lifecycle.world import World

REFUND = "CREDIT_REFUND"
STARTER, PRO = PACKAGES["starter"], PACKAGES["pro"]


async def test_a_year_that_is_paid_back_brings_nothing_more(world: World) -> None:
    """Though nobody has cancelled it: each package goes as it comes, and none of another year."""
    owner = await world.subscribed("starter", "YEARLY")
    await _month(world, owner, 2)

    await _paid_back(world, part=1)

    assert (await owner.state()).recurring == 0
    assert of_type(await owner.adjustments(), REFUND) == [-STARTER]
    await _month(world, owner, 3)
    assert (await owner.state()).recurring == 0
    assert of_type(await owner.adjustments(), REFUND) == [-STARTER, -STARTER]


async def test_half_a_year_that_is_paid_back_leaves_six_packages(world: World) -> None:
    """The refund takes nothing of what has come; the seventh package goes as it comes."""
    owner = await world.subscribed("starter", "YEARLY")
    await _month(world, owner, 1)

    await _paid_back(world, part=0.5)

    assert of_type(await owner.adjustments(), REFUND) == []
    for month in range(2, 8):
        await _month(world, owner, month)
        assert (await owner.state()).recurring == (STARTER if month < 6 else 0), month
    assert of_type(await owner.adjustments(), REFUND) == [-STARTER, -STARTER]


async def test_a_larger_plan_that_is_paid_back_leaves_the_smaller_ones_packages(
    world: World,
) -> None:
    """Also where its payment was so late that it has filled up a package of the smaller one."""
    owner = await world.subscribed("starter", "YEARLY", number=ALWAYS_AUTHENTICATED)
    begins = datetime.fromisoformat((await owner.state()).period_start)
    await world.move(add_months(begins, 1) - timedelta(hours=12))
    required = await owner.confirmed("pro", "YEARLY")
    await world.move(add_months(begins, 1) + timedelta(hours=2))
    await world.sandbox.click(required["url"], "authenticate", outcome="complete")
    await world.settled()
    assert (await owner.state()).recurring == PRO

    await _paid_back(world, part=1)

    assert (await owner.state()).recurring == STARTER
    await world.move(add_months(begins, 2) + timedelta(hours=2))
    assert (await owner.state()).recurring == STARTER


async def _month(world: World, owner: Owner, month: int) -> None:
    """Let that many months have passed since the year began, and two hours."""
    begins = datetime.fromisoformat((await owner.state()).period_start)
    await world.move(add_months(begins, month) + timedelta(hours=2))


async def _paid_back(world: World, *, part: float) -> None:
    """Refund a part of what was paid last."""
    _, truth = await world.sandbox.customer()
    paid: Any = max(truth["invoices"], key=lambda invoice: invoice["paid_at"])
    await world.sandbox.refund(paid["payment_intent"], int(paid["amount"] * part))
    await world.settled()
