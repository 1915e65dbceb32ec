"""What was paid, according to the sandbox, against what the ledger has made of it.

The rules are written here once more, from what a customer is promised, and share nothing with the
gateway's: a package for each paid period, packs for each paid checkout, the difference for each
switch, and what was refunded or is disputed taken away in proportion: of a year, whose packages
come one by one, from the last ones.
"""

from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any
from uuid import UUID

from sqlalchemy import text

from models.database import Database
from tests.lifecycle import catalogue

RENEWAL = "SUBSCRIPTION_RENEWAL"
PURCHASE = "CREDIT_PACKAGE_PURCHASE"
COMPENSATION = "SUBSCRIPTION_SWITCH_COMPENSATION"
REFUND = "CREDIT_REFUND"
EXPIRED = "CREDIT_EXPIRATION"


@dataclass(frozen=True)
class Source:
    """Something paid that brings credits once, and the part of the money that went back.

    What `may_be_refused` was paid for something that cannot be had: it brings credits and loses
    them again, or never brings any. A payment for a year brings more in each later month.
    """

    name: str
    type: str
    credits: int
    reversed: Fraction
    may_be_refused: bool = False
    later: "Later | None" = None

    def taken(self, resets: list["Reset"]) -> int:
        """Return the credits that go with the money, of those that have come by now."""
        total, to_come = max(self.credits, 0), 0
        if self.later is not None:
            came = sum(map(self.later.has, resets))
            to_come = self.later.credits * (self.later.months - came)
            total += self.later.credits * self.later.months
        return max(0, floor(total * min(self.reversed, Fraction(1))) - to_come)


@dataclass(frozen=True)
class Later:
    """The credits that a payment brings in each of the `months` to come of a subscription.

    They are part of packages of these `sizes`, between two times.
    """

    subscription: str
    credits: int
    months: int
    sizes: frozenset[int]
    after: datetime
    before: datetime

    def has(self, reset: "Reset") -> bool:
        """Tell whether a package has brought them."""
        return (
            reset.subscription == self.subscription
            and reset.credits in self.sizes
            and self.after < reset.at < self.before
        )


@dataclass(frozen=True)
class Reset:
    """A package that our clock has granted to a subscription."""

    subscription: str
    credits: int
    at: datetime


async def differences(database: Database, truth: Any) -> list[str]:
    """Return, in words, what is booked and was not paid, and the other way round."""
    async with database.snapshot() as snapshot:
        rows = await snapshot.all(_BOOKED)
        granted = await snapshot.all(_RESETS)
    resets: dict[UUID, list[Reset]] = defaultdict(list)
    for row in granted:
        reset = Reset(row.stripe_subscription_id, row.amount, row.created_at)
        resets[row.workspace_id].append(reset)
    booked: dict[UUID, Counter[tuple[str, int]]] = defaultdict(Counter)
    for row in rows:
        booked[row.workspace_id][row.type, row.amount] += 1
    paid = sources(truth)
    return [
        f"{workspace_id}: {difference}"
        for workspace_id in {*booked, *paid}
        for difference in _compare(
            paid.get(workspace_id, []), booked[workspace_id], resets[workspace_id]
        )
    ]


def sources(truth: Any) -> dict[UUID, list[Source]]:
    """Return what was paid for each workspace."""
    found: dict[UUID, list[Source]] = defaultdict(list)
    for customer in truth["customers"].values():
        for checkout in customer["checkouts"]:
            if checkout["payment_status"] == "paid":
                found[_workspace(checkout)] += _of_checkout(checkout, found[_workspace(checkout)])
        starts = {
            (invoice["subscription"], item["period"]["end"]): item["period"]["start"]
            for invoice in customer["invoices"]
            for item in invoice["items"]
            if not item["proration"]
        }
        for invoice in customer["invoices"]:
            found[_workspace(invoice)] += _of_invoice(invoice, starts)
    return found


def compensation(*, old: str, new: str, at: datetime, period: tuple[datetime, datetime]) -> int:
    """Return the credits of a switch at a moment of a paid period, by lookup keys."""
    (old_plan, old_cycle), (new_plan, new_cycle) = (key.split("_", 1) for key in (old, new))
    months = 12 if old_cycle == "yearly" else 1
    starts = [*(add_months(period[0], month) for month in range(months)), period[1]]
    end = next(start for start in starts if start > at)
    start = starts[starts.index(end) - 1]
    left = Fraction(int((end - at).total_seconds()), int((end - start).total_seconds()))
    granted = Fraction(1) if old_cycle != new_cycle else left
    return ceil(granted * catalogue.PACKAGES[new_plan] - left * catalogue.PACKAGES[old_plan])


def add_months(anchor: datetime, months: int) -> datetime:
    """Return the same day so many months later, or the last of a shorter month."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return anchor.replace(
        year=year, month=month + 1, day=min(anchor.day, monthrange(year, month + 1)[1])
    )


def _compare(
    paid: list[Source], booked: Counter[tuple[str, int]], resets: list[Reset]
) -> Iterator[str]:
    left = booked.copy()
    refunded = sum(amount * number for (type_, amount), number in booked.items() if type_ == REFUND)
    taken = 0
    for source in sorted(paid, key=lambda source: source.reversed >= 1 or source.may_be_refused):
        entry = source.type, source.credits
        if left[entry]:
            left[entry] -= 1
            taken += source.taken(resets)
        elif source.credits and source.reversed < 1 and not source.may_be_refused:
            yield f"{source.name} was paid, and {entry} is not booked"
    for (type_, amount), number in left.items():
        if number and type_ not in {REFUND, EXPIRED}:
            yield f"{type_} {amount} is booked {number} times more than it was paid"
    # What expired before the money went back is gone already, and is not taken twice.
    expired = -sum(
        amount * number for (type_, amount), number in booked.items() if type_ == EXPIRED
    )
    if not taken - expired <= -refunded <= taken:
        yield f"{taken} credits go with what was refunded or disputed, booked are {refunded}"


def _of_checkout(checkout: Any, before: list[Source]) -> list[Source]:
    [item] = checkout["items"]
    reversed_ = _reversed(checkout)
    name = checkout["session"]
    if item["lookup_key"] == "pack":
        return [Source(name, PURCHASE, catalogue.PACK_CREDITS * item["quantity"], reversed_)]
    plan = item["lookup_key"].removesuffix("_one_time")
    # What is bought again prolongs: its packages come one by one, by the clock.
    prolongs = any(source.type == RENEWAL for source in before)
    return [Source(name, RENEWAL, catalogue.PACKAGES[plan], reversed_, may_be_refused=prolongs)]


def _of_invoice(invoice: Any, starts: Mapping[tuple[str, int], int]) -> list[Source]:
    """Return what an invoice brings; `starts` are those of the paid periods, by their ends."""
    reversed_, name = _reversed(invoice), invoice["invoice"]
    given_back = [item for item in invoice["items"] if item["proration"] and item["amount"] < 0]
    bought = [item for item in invoice["items"] if item["amount"] > 0]
    if not bought:
        return []
    [new] = bought
    if not given_back:
        plan = (new["lookup_key"] or "unknown").split("_")[0]
        if plan not in catalogue.PACKAGES:
            return []
        credits_ = catalogue.PACKAGES[plan]
        return [Source(name, RENEWAL, credits_, reversed_, later=_year(invoice, new, credits_))]
    [old] = given_back
    at, end = old["period"]["start"], old["period"]["end"]
    amount = compensation(
        old=old["lookup_key"],
        new=new["lookup_key"],
        at=datetime.fromtimestamp(at, UTC),
        period=(
            datetime.fromtimestamp(starts[invoice["subscription"], end], UTC),
            datetime.fromtimestamp(end, UTC),
        ),
    )
    later = (
        _rest_of_year(invoice, old, new, at=datetime.fromtimestamp(at, UTC))
        if new["proration"]
        else _year(invoice, new, catalogue.PACKAGES[new["lookup_key"].split("_")[0]])
    )
    return [Source(name, COMPENSATION, amount, reversed_, later=later)]


def _year(invoice: Any, item: Any, credits_: int) -> Later | None:
    """Return the packages of a paid year after the first."""
    if not item["lookup_key"].endswith("_yearly"):
        return None
    return Later(
        subscription=invoice["subscription"],
        credits=credits_,
        months=11,
        sizes=frozenset(size for size in catalogue.PACKAGES.values() if size >= credits_),
        after=datetime.fromtimestamp(item["period"]["start"], UTC),
        before=datetime.fromtimestamp(item["period"]["end"], UTC),
    )


def _rest_of_year(invoice: Any, old: Any, new: Any, *, at: datetime) -> Later | None:
    """Return what a larger plan adds to the packages of a year that is paid already."""
    packages = [catalogue.PACKAGES[each["lookup_key"].split("_")[0]] for each in (old, new)]
    more = packages[1] - packages[0]
    if not new["lookup_key"].endswith("_yearly") or more <= 0:
        return None
    end = datetime.fromtimestamp(new["period"]["end"], UTC)
    months = sum(add_months(end, -month) > at for month in range(1, 12))
    return Later(
        subscription=invoice["subscription"],
        credits=more,
        months=months,
        sizes=frozenset(
            {more, *(size for size in catalogue.PACKAGES.values() if size >= packages[1])}
        ),
        after=at,
        before=end,
    )


def _workspace(paid: Any) -> UUID:
    return UUID(paid["metadata"]["workspace_id"])


def _reversed(paid: Any) -> Fraction:
    if not paid["amount"]:
        return Fraction(0)
    return Fraction(paid["refunded"] + paid["disputed"], paid["amount"])


_RESETS = text("""
    SELECT adjustment.workspace_id, subscription.stripe_subscription_id,
        adjustment.amount, adjustment.created_at
    FROM credit_adjustments AS adjustment
    JOIN subscriptions AS subscription
        ON subscription.workspace_id = adjustment.workspace_id
        AND subscription.id::text = split_part(adjustment.source_key, ':', 2)
    WHERE adjustment.type = 'PACKAGE_RESET' AND subscription.stripe_subscription_id IS NOT NULL
""")
_BOOKED = text("""
    SELECT workspace_id, type, amount FROM credit_adjustments
    WHERE type IN (
        'SUBSCRIPTION_RENEWAL', 'CREDIT_PACKAGE_PURCHASE',
        'SUBSCRIPTION_SWITCH_COMPENSATION', 'CREDIT_REFUND', 'CREDIT_EXPIRATION'
    )
""")
