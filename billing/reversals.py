"""What a payment that goes back takes with it: credits, in proportion, and never more than came.

The sums are what counts, not the events: of what a payment brings, as much is taken away as of the
payment has gone back by now, by refunds and by disputes. A year's payment brings twelve packages:
the last of them go first, and one that has not come yet is taken as soon as it comes. What is
missing is taken from the lots that the payment brought and then as unpaid. What has expired of
these before it was taken is gone already, and not taken twice. What is too much is given again:
first what later lots have paid in its place, for as long as those would have lasted, then of the
payment's own lots, the last ones first, each for as long as it would have lasted.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from uuid import UUID

from billing import brought, ledger
from billing.brought import Brings, Lot, Term
from billing.details import PaymentReversal, ReversalKind
from billing.entries import Deduction, Grant
from billing.payments import PaymentState
from models.database import Session
from models.ledger import AdjustmentType


async def settle(
    session: Session,
    *,
    workspace_id: UUID,
    payment: PaymentState,
    brings: Brings,
    now: datetime,
) -> None:
    """Take, or give again, what the reversals of a payment come to by now.

    The caller holds the workspace's lock.
    """
    if payment.paid_minor == 0 or not brings:
        return
    if len(brings) > 1:
        await brought.keep(session, workspace_id=workspace_id, payment=payment, brings=brings)
    await _settle(session, workspace_id, payment, brings, now=now)


async def settle_coming(
    session: Session, *, workspace_id: UUID, source_key: str, now: datetime
) -> None:
    """Take what has gone back already of a package that has just come.

    The caller holds the workspace's lock.
    """
    found = await brought.reversed_of(session, workspace_id=workspace_id, source_key=source_key)
    for payment, brings in found:
        await _settle(session, workspace_id, payment, brings, now=now)


async def _settle(
    session: Session, workspace_id: UUID, payment: PaymentState, brings: Brings, *, now: datetime
) -> None:
    lots = await brought.lots(session, workspace_id=workspace_id, brings=brings)
    if not lots:
        return
    await ledger.expire(session, workspace_id=workspace_id, now=now)
    taken = await brought.taken(session, workspace_id=workspace_id, payment_id=payment.payment_id)
    given = taken.given_again
    own_lots = [lot.number for lot in (*lots, *given)]
    removed = await brought.removed(session, workspace_id=workspace_id, entries=taken.entries)
    expired = await brought.expired(session, workspace_id=workspace_id, lots=own_lots)
    wanted = _wanted(payment, lots, to_come=_to_come(brings, lots))
    parts = _parts(lots, sum(wanted.values()))
    gone_already = _gone(parts, expired, _at_once(removed, given, own_lots), own=[*lots, *given])
    source_keys = (f"reversal:{payment.payment_id}:{n}" for n in count(len(taken.entries) + 1))
    # What is taken first is repaid by what is given again: nothing is owed beside credits.
    entries = list(taken.entries)
    for kind in wanted:
        missing = max(0, wanted[kind] - taken.credits[kind])
        gone = min(missing, gone_already)
        gone_already -= gone
        if missing > gone:
            deduction = Deduction(
                source_key=next(source_keys),
                type=AdjustmentType.CREDIT_REFUND,
                credits=missing - gone,
                own_lots=own_lots,
                detail=PaymentReversal(kind, lots[-1].number),
            )
            entry = await ledger.remove(
                session, workspace_id=workspace_id, deduction=deduction, now=now
            )
            entries.append(entry.number)

    again = {kind: max(0, taken.credits[kind] - wanted[kind]) for kind in wanted}
    removed = await brought.removed(session, workspace_id=workspace_id, entries=entries)
    shares = _shared(sum(again.values()), lots, parts, _from(removed, given))
    for grant in _grants(again, shares, source_keys, of_lot=lots[-1].number):
        await ledger.grant(session, workspace_id=workspace_id, grant=grant, now=now)


def share(granted: int, *, reversed_minor: int, paid_minor: int) -> int:
    """Return the part of the credits that a part of the payment stands for, rounded down."""
    return granted * min(reversed_minor, paid_minor) // paid_minor


_Shares = list[tuple[Term, int]]


def _parts(lots: Sequence[Lot], wanted: int) -> Counter[Term]:
    """Return how many credits are to be taken of the lots of each term: the last ones go first."""
    parts: Counter[Term] = Counter()
    for lot in reversed(lots):
        part = min(lot.credits, wanted)
        parts[lot.term] += part
        wanted -= part
    return parts


def _gone(
    parts: Mapping[Term, int],
    expired: Mapping[int, int],
    at_once: Mapping[Term, int],
    *,
    own: Sequence[Lot],
) -> int:
    """Return how many of the credits that are to be taken have expired before they were taken.

    What was left of a lot of which its part was taken has expired as well: that stands for nothing.
    """
    over: Counter[Term] = Counter()
    for lot in own:
        over[lot.term] += expired.get(lot.number, 0)
    return sum(
        min(over[term], max(0, part - max(0, at_once[term]))) for term, part in parts.items()
    )


def _at_once(
    removed: Iterable[Lot], given: Sequence[Lot], own_lots: Collection[int]
) -> Counter[Term]:
    """Return what was taken of a payment's own lots of each term, less what was given again."""
    again = {lot.number for lot in given}
    net: Counter[Term] = Counter()
    for lot in removed:
        if lot.number in own_lots:
            net[lot.term] += lot.credits if lot.number in again else lot.at_once
    for lot in given:
        net[lot.term] -= lot.credits
    return net


def _from(removed: Iterable[Lot], given: Iterable[Lot]) -> Counter[Term]:
    """Return what was taken, or repaid later, of all lots of each term, less what came again."""
    net: Counter[Term] = Counter()
    for lot in removed:
        net[lot.term] += lot.credits
    for lot in given:
        net[lot.term] -= lot.credits
    return net


def _shared(
    wanted: int, own: Sequence[Lot], parts: Mapping[Term, int], taken: Mapping[Term, int]
) -> _Shares:
    """Return the terms of what is given again, in the order in which it repays what is owed.

    Lots that paid in place of the payment's own come first, then its own, the last for the most:
    as they were taken. The rest was never paid: it only repays.
    """
    terms = list(dict.fromkeys(lot.term for lot in own))
    others: _Shares = []
    ours: _Shares = []
    for term in (*(term for term in taken if term not in terms), *reversed(terms)):
        part = min(wanted, max(0, taken.get(term, 0) - parts.get(term, 0)))
        wanted -= part
        if part:
            (ours if term in terms else others).append((term, part))
    if wanted:
        ours.append((terms[0], wanted))
    return [*reversed(ours), *others]


def _wanted(payment: PaymentState, lots: Sequence[Lot], *, to_come: int) -> dict[ReversalKind, int]:
    """Return what is to be taken for refunds, and for disputes: in all never more than came."""
    total = sum(lot.credits for lot in lots) + to_come

    def lost(reversed_minor: int) -> int:
        gone = share(total, reversed_minor=reversed_minor, paid_minor=payment.paid_minor)
        return max(0, gone - to_come)

    refunded = lost(payment.refunded_minor)
    both = lost(payment.refunded_minor + payment.disputed_minor)
    return {ReversalKind.REFUND: refunded, ReversalKind.DISPUTE: both - refunded}


def _to_come(brings: Brings, lots: Sequence[Lot]) -> int:
    """Return the credits that a payment has not brought yet."""
    here = {lot.source_key for lot in lots}
    return sum(credits_ or 0 for source_key, credits_ in brings.items() if source_key not in here)


def _grants(
    again: Mapping[ReversalKind, int], shares: _Shares, source_keys: Iterator[str], *, of_lot: int
) -> Iterator[Grant]:
    """Yield what is given again of each kind, by the shares in their order."""
    for kind, credits_ in again.items():
        part, shares = _split(shares, credits_)
        for term, number in part:
            yield Grant(
                source_key=next(source_keys),
                type=AdjustmentType.CREDIT_REFUND,
                credits=number,
                kind=term.kind,
                period_end=term.period_end,
                expires_at=term.expires_at,
                detail=PaymentReversal(kind, of_lot),
            )


def _split(shares: _Shares, credits_: int) -> tuple[_Shares, _Shares]:
    """Return the first of the shares, which come to so many credits, and the rest."""
    first: _Shares = []
    rest: _Shares = []
    for term, number in shares:
        part = min(number, credits_)
        credits_ -= part
        if part:
            first.append((term, part))
        if number > part:
            rest.append((term, number - part))
    return first, rest
