"""The operator's catalogue: what a file says is sold, and bringing it into the database."""

import tomllib
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.base import CREDITS_MAX
from models.plan import BillingCycle, CreditPack, Plan, PlanKind, PlanPrice

Whole = Annotated[int, Field(strict=True, ge=0, le=CREDITS_MAX)]
AtLeastOne = Annotated[int, Field(strict=True, ge=1, le=CREDITS_MAX)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlanEntry(_Entry):
    """A plan; `prices` are minor units by billing cycle."""

    id: Word
    name: str
    description: str
    rank: Whole
    kind: PlanKind
    features: tuple[str, ...] = ()
    credits_per_refresh: Whole
    refreshes: bool = True
    period_months: AtLeastOne | None = None
    prices: dict[BillingCycle, Whole] = Field(default_factory=dict)

    @field_validator("prices", mode="before")
    @classmethod
    def _in_capitals(cls, prices: Any) -> Any:
        if not isinstance(prices, dict):
            return prices
        return {cycle.upper(): price for cycle, price in prices.items()}


class PackEntry(_Entry):
    """The credit pack that is sold; credits and price are of one pack."""

    id: Word
    name: str
    credits: AtLeastOne
    price: AtLeastOne
    quantity_max: AtLeastOne


class Referrals(_Entry):
    """What a workspace is rewarded with for one that it referred; 0 is nothing."""

    signup: Whole = 0
    first_paid_plan: Whole = 0


class Catalogue(_Entry):
    """All that is sold, in one currency (ISO 4217)."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    renewal_grace_hours: Whole = 24
    plans: tuple[PlanEntry, ...]
    credit_pack: PackEntry | None = None
    referrals: Referrals = Referrals()

    @property
    def renewal_grace(self) -> timedelta:
        """How long a package outlives its period, so that a renewal may come late."""
        return timedelta(hours=self.renewal_grace_hours)

    def plan(self, plan_id: str) -> PlanEntry:
        """Return the plan of that id."""
        return next(plan for plan in self.plans if plan.id == plan_id)


def parse(text: str) -> Catalogue:
    """Return the catalogue that a TOML text says.

    Raises ValueError: `tomllib.TOMLDecodeError` and `pydantic.ValidationError` are some.
    """
    return Catalogue.model_validate(tomllib.loads(text))


async def store(session: AsyncSession, catalogue: Catalogue, *, now: datetime) -> None:
    """Write the catalogue into a database that has none."""
    plans = [plan.model_dump(exclude={"prices"}) | {"created_at": now} for plan in catalogue.plans]
    prices = [
        {
            "plan_id": plan.id,
            "billing_cycle": cycle,
            "amount_minor": amount_minor,
            "currency": catalogue.currency,
            "lookup_key": f"{plan.id}_{cycle.lower()}",
        }
        for plan in catalogue.plans
        for cycle, amount_minor in plan.prices.items()
    ]
    await session.execute(insert(Plan), plans)
    if prices:
        await session.execute(insert(PlanPrice), prices)
    pack = catalogue.credit_pack
    if pack is not None:
        values = pack.model_dump(exclude={"price"}) | {
            "amount_minor": pack.price,
            "currency": catalogue.currency,
            "lookup_key": pack.id,
            "created_at": now,
        }
        await session.execute(insert(CreditPack), [values])
