"""What refunds and disputes of a year do, whatever happens in it, and in whatever order.

The model is one of sums: of twelve packages, so many credits have gone back, the last ones first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import balance, calendar
from billing.payments import InvoiceReason, InvoiceState, SubscriptionState
from models.base import new_id
from models.database import Database
from models.ledger import CreditBalance
from tests.billing import catalogue
from tests.billing.catalogue import FREE_CREDITS, PRO_CREDITS
from tests.billing.factories import Place, drifts, message, stored
from tests.billing.settlement import stories
from tests.billing.settlement.stories import DAY, PRO_YEARLY, START, tell

pytestmark = pytest.mark.usefixtures("place")
"""The catalogue is there; each example has workspaces of its own."""

MONTHS = 12
PAID_MINOR = 29_000
OF_A_YEAR = MONTHS * PRO_CREDITS

Sums = tuple[int, int]
"""What is refunded, and what is disputed."""


@dataclass(frozen=True)
class Passed:
    """A month passes."""


@dataclass(frozen=True)
class Used:
    """Credits are used."""

    credits: int


@dataclass(frozen=True)
class Told:
    """Sums that have gone back by now are told, one after the other, in one moment."""

    sums: Sequence[Sums]


Step = Passed | Used | Told

_MINOR = st.sampled_from([0, 1, PAID_MINOR // 24, PAID_MINOR // 2, PAID_MINOR - 1, PAID_MINOR])
_AMOUNTS = _MINOR | st.integers(0, PAID_MINOR)
_SUMS = st.tuples(_AMOUNTS, _AMOUNTS)
_PASSED = st.builds(Passed)
_TOLD = st.builds(Told, st.lists(_SUMS, min_size=1, max_size=3))
_USED = st.builds(Used, st.sampled_from([1, 600, PRO_CREDITS, 2_500]))


@given(steps=st.lists(_PASSED | _TOLD, max_size=20))
async def test_what_is_left_is_what_the_sums_leave_of_the_month(
    database: Database, steps: Sequence[Step]
) -> None:
    """Where nothing is used: nobody owes anything, and what was given again is what was taken."""
    year = await Year.paid(database, "left")
    for step in steps:
        await year.take(step)
        assert await year.booked() == await year.live() == year.expected()
    assert await drifts(database, year.place) == []


@given(steps=st.lists(_PASSED | _TOLD | _USED, max_size=16))
async def test_what_has_gone_back_cannot_be_used(database: Database, steps: Sequence[Step]) -> None:
    """Whatever is used before, and meanwhile; what is told again changes nothing."""
    year = await Year.paid(database, "year")
    for step in steps:
        await year.take(step)
        assert await year.live() <= year.expected()
        entries = len(await stories.entries(database, year.place))
        await year.take(Told([year.sums]))
        assert len(await stories.entries(database, year.place)) == entries
    assert await drifts(database, year.place) == []


@given(
    before=st.lists(_PASSED | _USED, max_size=8),
    open_=st.lists(_PASSED | _TOLD, min_size=1, max_size=8),
    after=st.lists(_PASSED | _USED, max_size=4),
)
async def test_a_year_that_is_paid_after_all_is_as_if_nothing_had_gone_back(
    database: Database,
    before: Sequence[Step],
    open_: Sequence[Step],
    after: Sequence[Step],
) -> None:
    """Where nothing is used meanwhile."""
    year, twin = await Year.paid(database, "year"), await Year.paid(database, "twin")
    for step in (*before, *open_, Told([(0, 0)]), *after):
        await year.take(step)
        if not isinstance(step, Told):
            await twin.take(step)
        if step == Told([(0, 0)]) or not any(year.sums):
            assert (await year.live(), await year.booked()) == (
                await twin.live(),
                await twin.booked(),
            )
    assert await drifts(database, year.place) == []


class Year:
    """A workspace that has paid for a year, and what has happened to it."""

    def __init__(self, database: Database, place: Place, name: str) -> None:
        self.database = database
        self.place = place
        self.name = name
        self.months = 0
        self.sums: Sums = (0, 0)

    @classmethod
    async def paid(cls, database: Database, name: str) -> "Year":
        """Return a new one."""
        place = await catalogue.add_workspace(database)
        year = cls(database, place, f"{name}_{new_id().hex}")
        await tell(
            database, invoice=year._invoice(0), subscription=year._subscription(), now=year.now
        )
        return year

    @property
    def now(self) -> datetime:
        """The time that it is."""
        return calendar.add_months(START, self.months) + DAY

    def expected(self) -> int:
        """Return what there is when nothing is used: of the year that follows nothing goes back."""
        if self.months >= MONTHS:
            return PRO_CREDITS
        gone = OF_A_YEAR * min(sum(self.sums), PAID_MINOR) // PAID_MINOR
        later = (MONTHS - 1 - self.months) * PRO_CREDITS
        left = PRO_CREDITS - min(PRO_CREDITS, max(0, gone - later))
        return left + (FREE_CREDITS if self.months == 0 else 0)

    async def take(self, step: Step) -> None:
        """Let something happen; the year is followed by another one."""
        match step:
            case Passed():
                self.months += 1
                if self.months == MONTHS:
                    await tell(
                        self.database,
                        invoice=self._invoice(1),
                        subscription=self._subscription(),
                        now=calendar.add_months(START, MONTHS),
                    )
                await catalogue.catch_up(self.database, self.place, now=self.now)
            case Used(credits_):
                used = message(self.place, credits_, occurred_at=self.now)
                await catalogue.spend(self.database, self.place, used, now=self.now)
            case Told(told):
                for sums in told:
                    self.sums = sums
                    await self._tell(*sums)

    async def booked(self) -> int:
        """Return the balance: what the lots hold, less what is owed."""
        [row] = await stored(self.database, self.place, CreditBalance)
        booked: int = row["balance"]
        return booked

    async def live(self) -> int:
        """Return what can be used."""
        async with self.database.snapshot() as snapshot:
            found = await balance.current(
                snapshot, workspace_ids=[self.place.workspace_id], now=self.now
            )
        return found[self.place.workspace_id].remaining

    async def _tell(self, refunded_minor: int, disputed_minor: int) -> None:
        payment = stories.payment(
            self.place,
            payment_id=f"pi_{self.name}",
            invoice_id=self._invoice_id(0),
            paid_minor=PAID_MINOR,
            refunded_minor=refunded_minor,
            disputed_minor=disputed_minor,
        )
        await tell(
            self.database,
            payment=payment,
            invoice=self._invoice(0),
            subscription=self._subscription(),
            object_id=payment.payment_id,
            asked_at=stories.fetch_time(),
            now=self.now,
        )

    def _invoice(self, number: int) -> InvoiceState:
        start, end = (calendar.add_months(START, MONTHS * years) for years in (number, number + 1))
        return stories.invoice(
            self.place,
            stories.line(PRO_YEARLY, amount_minor=PAID_MINOR, start=start, end=end),
            invoice_id=self._invoice_id(number),
            subscription_id=f"sub_{self.name}",
            reason=InvoiceReason.SUBSCRIPTION_CYCLE
            if number
            else InvoiceReason.SUBSCRIPTION_CREATE,
            paid_minor=PAID_MINOR,
        )

    def _invoice_id(self, number: int) -> str:
        return f"in_{number}_{self.name}"

    def _subscription(self) -> SubscriptionState:
        number = self.months // MONTHS
        start, end = (calendar.add_months(START, MONTHS * years) for years in (number, number + 1))
        return stories.subscription(
            self.place,
            subscription_id=f"sub_{self.name}",
            price_id=PRO_YEARLY,
            start=start,
            end=end,
            latest_invoice_id=self._invoice_id(number),
        )
