"""What a change of price in the middle of a period costs: by the second, in whole cents."""

from dataclasses import dataclass

from sandbox import periods
from sandbox.errors import Object


@dataclass(frozen=True)
class Charge:
    """A line that a change makes: an amount for a price between two times."""

    price: Object
    quantity: int
    amount: int
    start: int
    end: int
    proration: bool


@dataclass(frozen=True)
class Change:
    """A subscription after a change: what it is of, its period, and what the change costs."""

    price: Object
    quantity: int
    start: int
    end: int
    anchor: int
    begins_anew: bool
    charges: tuple[Charge, ...]


def share(amount: int, *, start: int, end: int, at: int) -> int:
    """Return the part of an amount that belongs to the time left, rounded half up."""
    return (2 * amount * (end - at) + (end - start)) // (2 * (end - start))


def change(
    subscription: Object,
    *,
    price: Object,
    quantity: int,
    at: int,
    now: int,
    prorated: bool,
    anew: bool = False,
) -> Change:
    """Return what a subscription becomes with another price, as if changed at `at`.

    With the same interval the period stays and both prices are prorated. With another interval,
    or `anew`, a new period starts now and is charged in full, less the time not used.
    """
    item = subscription["items"]["data"][0]
    old, start, end = item["price"], item["current_period_start"], item["current_period_end"]
    if (old["id"], item["quantity"]) == (price["id"], quantity) and not anew:
        anchor = subscription["billing_cycle_anchor"]
        return Change(price, quantity, start, end, anchor, begins_anew=False, charges=())

    unused = Charge(
        old,
        item["quantity"],
        -share(old["unit_amount"] * item["quantity"], start=start, end=end, at=at),
        at,
        end,
        proration=True,
    )
    amount = price["unit_amount"] * quantity
    if anew or not periods.same(old["recurring"], price["recurring"]):
        until = periods.add(now, price["recurring"])
        whole = Charge(price, quantity, amount, now, until, proration=False)
        both = (unused, whole) if prorated else (whole,)
        return Change(price, quantity, now, until, now, begins_anew=True, charges=both)

    rest = share(amount, start=start, end=end, at=at)
    remaining = Charge(price, quantity, rest, at, end, proration=True)
    charges = (unused, remaining) if prorated else ()
    anchor = subscription["billing_cycle_anchor"]
    return Change(price, quantity, start, end, anchor, begins_anew=False, charges=charges)
