"""Bringing the catalogue into the database and to the payment provider.

Doing it again changes nothing. What the file does not name any more is archived: workspaces may
still hold it. The provider comes first, outside of any transaction: a run that dies has made
prices that the next one finds by their lookup keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import rows
from billing.catalog import MONTHS_A_YEAR, Money
from billing.catalog_file import Catalogue, PlanEntry
from billing.details import ReferralStage
from billing.payments import Payments, PriceRequest
from models.database import Database
from models.plan import (
    BillingCycle,
    CatalogTerm,
    CreditPack,
    Plan,
    PlanPrice,
    ReferralReward,
    StripePrice,
)


class PlanKindFixed(ValueError):
    """A plan that workspaces may hold would be paid in another way: it needs another id."""


class Deed(StrEnum):
    """What became of an entry."""

    ADDED = "added"
    CHANGED = "changed"
    ARCHIVED = "archived"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a plan, a price (by its lookup key) or the pack."""

    deed: Deed
    what: str


async def sync(
    database: Database, catalogue: Catalogue, *, payments: Payments | None, now: datetime
) -> list[Change]:
    """Sell what the catalogue says, and nothing else; return what that changed.

    Without `payments` the provider is not asked, and a price that is new or has changed can't be
    bought until it is. Raises PlanKindFixed, PaymentsUnavailable and PaymentsRefused.
    """
    price_ids = {} if payments is None else await offer(catalogue, payments=payments)
    async with database.write() as session:
        return await write(session, catalogue, price_ids=price_ids, now=now)


async def offer(catalogue: Catalogue, *, payments: Payments) -> dict[str, str]:
    """Have the provider offer what the catalogue sells; return its prices by lookup key.

    Raises PaymentsUnavailable and PaymentsRefused.
    """
    return {
        request.lookup_key: await payments.offer_price(request) for request in _requests(catalogue)
    }


async def write(
    session: AsyncSession,
    catalogue: Catalogue,
    *,
    price_ids: Mapping[str, str] | None = None,
    now: datetime,
) -> list[Change]:
    """Write the catalogue; `price_ids` are the provider's prices by lookup key.

    Raises PlanKindFixed.
    """
    await session.execute(_LOCK)
    before = await _sold(session)
    price_ids = before.price_ids(catalogue) | dict(price_ids or {})
    _refuse_other_kinds(before, catalogue)

    await _write_plans(session, catalogue.plans, now=now)
    await _write_prices(session, catalogue, price_ids)
    await _write_pack(session, catalogue, price_ids, now=now)
    await _remember(session, catalogue, price_ids, now=now)
    await _write_terms(session, catalogue)
    return _changes(before, await _sold(session))


def lookup_key(plan_id: str, billing_cycle: BillingCycle) -> str:
    """Return the provider's lookup key of a plan's price; that of a pack is its id."""
    return f"{plan_id}_{billing_cycle.lower()}"


_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('catalog'))")

_MONTHS: Mapping[BillingCycle, int | None] = {
    BillingCycle.MONTHLY: 1,
    BillingCycle.YEARLY: MONTHS_A_YEAR,
    BillingCycle.ONE_TIME: None,
}


@dataclass(frozen=True, slots=True)
class _Sold:
    """The rows of what is sold, without the times: plans and packs by id, prices by lookup key."""

    plans: Mapping[str, Mapping[str, Any]]
    prices: Mapping[str, Mapping[str, Any]]
    packs: Mapping[str, Mapping[str, Any]]

    def price_ids(self, catalogue: Catalogue) -> dict[str, str]:
        """Return the provider's prices that are still those of the catalogue, by lookup key."""
        known = {}
        for request in _requests(catalogue):
            row = self.prices.get(request.lookup_key) or self.packs.get(request.lookup_key)
            if row is None or row["stripe_price_id"] is None:
                continue
            if Money(row["amount_minor"], row["currency"]) == request.price:
                known[request.lookup_key] = row["stripe_price_id"]
        return known


def _requests(catalogue: Catalogue) -> list[PriceRequest]:
    """Return the prices that the provider is to have."""
    requests = [
        PriceRequest(
            lookup_key=lookup_key(plan.id, cycle),
            product_id=f"plan_{plan.id}",
            product_name=plan.name,
            product_description=plan.description,
            price=Money(amount_minor, catalogue.currency),
            months=_MONTHS[cycle],
        )
        for plan in catalogue.plans
        for cycle, amount_minor in plan.prices.items()
    ]
    if pack := catalogue.credit_pack:
        requests.append(
            PriceRequest(
                lookup_key=pack.id,
                product_id=f"pack_{pack.id}",
                product_name=pack.name,
                product_description="",
                price=Money(pack.price, catalogue.currency),
                months=None,
            )
        )
    return requests


async def _sold(session: AsyncSession) -> _Sold:
    async def read(model: type[Any], key: str) -> dict[str, dict[str, Any]]:
        table = rows.table(model)
        found = await session.execute(select(*(c for c in table.c if c.name != "created_at")))
        return {row[key]: dict(row) for row in found.mappings()}

    return _Sold(
        plans=await read(Plan, "id"),
        prices=await read(PlanPrice, "lookup_key"),
        packs=await read(CreditPack, "id"),
    )


def _refuse_other_kinds(before: _Sold, catalogue: Catalogue) -> None:
    for plan in catalogue.plans:
        row = before.plans.get(plan.id)
        if row is not None and row["kind"] != plan.kind:
            raise PlanKindFixed(
                f"The plan {plan.id} is {row['kind']} and stays so: workspaces may hold it. Give "
                f"the {plan.kind} plan an id of its own."
            )


async def _write_plans(session: AsyncSession, plans: Sequence[PlanEntry], *, now: datetime) -> None:
    """Archive every plan, then take those of the file back: ranks may change places."""
    await _archive(session, Plan, now=now)
    for plan in plans:
        values = plan.model_dump(exclude={"prices"}) | {"features": list(plan.features)}
        await _upsert(session, Plan, ("id",), values | {"archived_at": None}, now=now)


async def _write_prices(
    session: AsyncSession, catalogue: Catalogue, price_ids: Mapping[str, str]
) -> None:
    """Write the prices of the plans in the file; those of archived plans stay as they were."""
    kept = [(plan.id, cycle) for plan in catalogue.plans for cycle in plan.prices]
    prices = rows.table(PlanPrice)
    await session.execute(
        delete(prices).where(
            prices.c.plan_id.in_([plan.id for plan in catalogue.plans]),
            tuple_(prices.c.plan_id, prices.c.billing_cycle).not_in(kept),
        )
    )
    for plan in catalogue.plans:
        for cycle, amount_minor in plan.prices.items():
            key = lookup_key(plan.id, cycle)
            values = {
                "plan_id": plan.id,
                "billing_cycle": cycle,
                "amount_minor": amount_minor,
                "currency": catalogue.currency,
                "lookup_key": key,
                "stripe_price_id": price_ids.get(key),
            }
            await _upsert(session, PlanPrice, ("plan_id", "billing_cycle"), values)


async def _write_pack(
    session: AsyncSession, catalogue: Catalogue, price_ids: Mapping[str, str], *, now: datetime
) -> None:
    await _archive(session, CreditPack, now=now)
    pack = catalogue.credit_pack
    if pack is not None:
        values = pack.model_dump(exclude={"price"}) | {
            "amount_minor": pack.price,
            "currency": catalogue.currency,
            "lookup_key": pack.id,
            "stripe_price_id": price_ids.get(pack.id),
            "archived_at": None,
        }
        await _upsert(session, CreditPack, ("id",), values, now=now)


async def _remember(
    session: AsyncSession, catalogue: Catalogue, price_ids: Mapping[str, str], *, now: datetime
) -> None:
    """Keep what each of the provider's prices sells, for as long as somebody may pay it."""
    sold: dict[str, dict[str, Any]] = {
        lookup_key(plan.id, cycle): {"plan_id": plan.id, "billing_cycle": cycle, "pack_id": None}
        for plan in catalogue.plans
        for cycle in plan.prices
    }
    if catalogue.credit_pack is not None:
        pack_id = catalogue.credit_pack.id
        sold[pack_id] = {"plan_id": None, "billing_cycle": None, "pack_id": pack_id}
    for request in _requests(catalogue):
        price_id = price_ids.get(request.lookup_key)
        if price_id is None:
            continue
        values = sold[request.lookup_key] | {
            "stripe_price_id": price_id,
            "amount_minor": request.price.amount_minor,
            "currency": request.price.currency,
        }
        await _upsert(session, StripePrice, ("stripe_price_id",), values, now=now)


async def _write_terms(session: AsyncSession, catalogue: Catalogue) -> None:
    given = catalogue.referrals
    rewards = {
        ReferralStage.SIGNUP: (given.signup, given.newcomer_signup),
        ReferralStage.FIRST_PAID_PLAN: (given.first_paid_plan, given.newcomer_first_paid_plan),
    }
    for stage, (referrer, newcomer) in rewards.items():
        values = {"stage": stage, "referrer_credits": referrer, "newcomer_credits": newcomer}
        await _upsert(session, ReferralReward, ("stage",), values)
    grace = {"name": "RENEWAL_GRACE_HOURS", "value": catalogue.renewal_grace_hours}
    await _upsert(session, CatalogTerm, ("name",), grace)


async def _archive(
    session: AsyncSession, model: type[Plan] | type[CreditPack], *, now: datetime
) -> None:
    table = rows.table(model)
    await session.execute(
        update(table).values(archived_at=now).where(table.c.archived_at.is_(None))
    )


async def _upsert(
    session: AsyncSession,
    model: type[Any],
    key: Sequence[str],
    values: Mapping[str, Any],
    *,
    now: datetime | None = None,
) -> None:
    """Insert a row, created `now` where its table says when, or set the values of the one there."""
    created = {} if now is None else {"created_at": now}
    adding = insert(rows.table(model)).values(dict(values) | created)
    changed = {name: adding.excluded[name] for name in values if name not in key}
    await session.execute(adding.on_conflict_do_update(index_elements=list(key), set_=changed))


def _changes(before: _Sold, after: _Sold) -> list[Change]:
    return [
        *_compared("plan", before.plans, after.plans),
        *_compared("price", before.prices, after.prices),
        *_compared("pack", before.packs, after.packs),
    ]


def _compared(
    what: str, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[Change]:
    changes = [Change(Deed.REMOVED, f"{what} {key}") for key in before if key not in after]
    for key, row in after.items():
        old = before.get(key)
        if old is None:
            changes.append(Change(Deed.ADDED, f"{what} {key}"))
        elif row.get("archived_at") is not None:
            if old["archived_at"] is None:
                changes.append(Change(Deed.ARCHIVED, f"{what} {key}"))
        elif old != row:
            changes.append(Change(Deed.CHANGED, f"{what} {key}"))
    return changes
