"""The rules of the ledger, one by one and against a model that handles each credit by hand."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from billing.book import Book
from billing.details import Expiration, ExpirationReason
from billing.entries import NEVER, Adjustment, Charge, Grant, Removal, Spend, Unpaid
from billing.errors import CreditsOutOfRange
from models.base import CREDITS_MAX
from models.ledger import AdjustmentType, LotKind
from tests.billing.factories import (
    DAY,
    MONTH_LATER,
    NOON,
    days,
    deduction,
    grant,
    hours,
    package,
    purchase,
    usage,
)


def _remaining(book: Book) -> dict[int, int]:
    """Return what each lot still holds, in burn order."""
    return {lot.number: lot.remaining for lot in book.lots}


def test_a_lot_that_expires_sooner_pays_first() -> None:
    """Whatever the order in which they came; the one that never expires is left alone."""
    book = Book(opened_at=NOON)
    never = book.grant(grant(10), now=NOON).number
    late = book.grant(grant(10, expires_at=NOON + days(9)), now=NOON).number
    soon = book.grant(grant(10, expires_at=NOON + days(1)), now=NOON).number

    charge = book.charge(usage(15), now=NOON)

    assert book.take_changes().spends == [
        Spend(charge.number, soon, 10),
        Spend(charge.number, late, 5),
    ]
    assert _remaining(book) == {late: 5, never: 10}


def test_of_two_lots_that_expire_together_the_older_pays_first() -> None:
    """Two that never expire do so in the same order."""
    book = Book(opened_at=NOON)
    older = book.grant(grant(10), now=NOON).number
    newer = book.grant(grant(10), now=NOON).number
    book.charge(usage(4), now=NOON)
    assert _remaining(book) == {older: 6, newer: 10}


def test_usage_is_charged_past_the_balance() -> None:
    """What no lot holds is unpaid, and the balance says so."""
    book = Book(opened_at=NOON)
    book.grant(grant(10), now=NOON)
    charge = book.charge(usage(25), now=NOON)
    assert (charge.unpaid, charge.balance_after) == (15, -15)
    assert (book.balance, book.overdraft, book.lots) == (-15, 15, ())


def test_a_new_lot_repays_the_oldest_unpaid_first() -> None:
    """Charges and removals stand in one queue; what is repaid last is repaid in part."""
    book = Book(opened_at=NOON)
    first = book.charge(usage(5), now=NOON).number
    removal = book.remove(deduction(5), now=NOON).number
    last = book.charge(usage(5), now=NOON).number

    lot = book.grant(grant(12), now=NOON).number

    changes = book.take_changes()
    assert changes.spends == [Spend(first, lot, 5), Spend(last, lot, 2)]
    assert changes.removals == [Removal(removal, lot, 5)]
    assert book.unpaid == (Unpaid(last, 3, is_charge=True),)
    assert (book.balance, book.overdraft, book.lots) == (-3, 3, ())


def test_an_entry_carries_what_is_unpaid_of_it_in_the_end() -> None:
    """A row that is not yet written needs no change; one that is gets one."""
    book = Book(opened_at=NOON)
    written = book.charge(usage(5), now=NOON).number
    book.take_changes()
    book.charge(usage(5), now=NOON)

    book.grant(grant(8), now=NOON)

    changes = book.take_changes()
    assert changes.charges_unpaid == {written: 0}
    assert [charge.unpaid for charge in changes.charges] == [2]
    assert changes.remaining == {}
    assert [lot.remaining for lot in changes.lots] == [0]


def test_entries_are_numbered_without_a_gap_over_charges_and_adjustments() -> None:
    """A refusal and a repeated source take no number."""
    book = Book(opened_at=NOON)
    once = grant(10)
    book.grant(once, now=NOON)
    book.charge(usage(3), now=NOON)
    with pytest.raises(CreditsOutOfRange):
        book.charge(usage(-1), now=NOON)
    book.grant(once, now=NOON)
    book.remove(deduction(3), now=NOON)
    changes = book.take_changes()
    assert [entry.number for entry in changes.adjustments] == [1, 3]
    assert [entry.number for entry in changes.charges] == [2]


def test_a_source_is_granted_once() -> None:
    """Doing it again answers the entry of the first time, and nothing changes, not even time."""
    book = Book(opened_at=NOON)
    once = grant(10, expires_at=NOON + hours(1))
    first = book.grant(once, now=NOON)
    book.take_changes()

    assert book.grant(once, now=NOON + days(1)) == first

    assert book.balance == 10
    assert book.last_entry_at == NOON
    assert book.take_changes().adjustments == []


def test_a_source_is_removed_once() -> None:
    """Doing it again takes nothing."""
    book = Book(opened_at=NOON)
    book.grant(grant(10), now=NOON)
    once = deduction(4)
    first = book.remove(once, now=NOON)
    assert book.remove(once, now=NOON) == first
    assert book.balance == 6


def test_a_lot_does_not_pay_from_its_expiry_on() -> None:
    """Its rest is booked before the charge, dated at the expiry and not at the charge."""
    book = Book(opened_at=NOON)
    lot = book.grant(grant(10, expires_at=NOON + hours(1)), now=NOON).number
    book.charge(usage(4), now=NOON + hours(0.5))

    charge = book.charge(usage(1), now=NOON + hours(1))

    assert charge.unpaid == 1
    expired = book.take_changes().adjustments[-1]
    assert expired == Adjustment(
        number=3,
        source_key=f"expiration:{lot}",
        type=AdjustmentType.CREDIT_EXPIRATION,
        amount=-6,
        unpaid=0,
        balance_after=0,
        detail=Expiration(ExpirationReason.PERIOD_ENDED, lot),
        description="",
        created_at=NOON + hours(1),
    )


def test_a_lot_pays_until_its_expiry() -> None:
    """A moment before it, nothing has expired."""
    book = Book(opened_at=NOON)
    book.grant(grant(10, expires_at=NOON + hours(1)), now=NOON)
    assert book.charge(usage(10), now=NOON + hours(0.99)).unpaid == 0
    assert len(book.take_changes().adjustments) == 1


def test_expiries_are_booked_in_the_order_of_their_dates() -> None:
    """Each in an entry of its own, with its own date."""
    book = Book(opened_at=NOON)
    later = book.grant(grant(10, expires_at=NOON + hours(2)), now=NOON).number
    sooner = book.grant(grant(20, expires_at=NOON + hours(1)), now=NOON).number
    expired = book.expire(now=NOON + days(1))
    assert [(entry.amount, entry.created_at, entry.source_key) for entry in expired] == [
        (-20, NOON + hours(1), f"expiration:{sooner}"),
        (-10, NOON + hours(2), f"expiration:{later}"),
    ]
    assert book.expire(now=NOON + days(1)) == []


def test_a_lot_that_is_used_up_does_not_expire() -> None:
    """No entry speaks of nothing."""
    book = Book(opened_at=NOON)
    book.grant(grant(10, expires_at=NOON + hours(1)), now=NOON)
    book.charge(usage(10), now=NOON)
    assert book.expire(now=NOON + days(1)) == []


def test_a_writer_whose_clock_is_behind_writes_at_the_time_of_the_last_entry() -> None:
    """Neither its entry nor what it finds expired is dated before that."""
    book = Book(opened_at=NOON)
    book.grant(grant(10, expires_at=NOON + hours(2)), now=NOON)
    book.charge(usage(1), now=NOON + hours(1))
    late = book.charge(usage(1), now=NOON)
    assert late.created_at == NOON + hours(1)
    assert book.balance == 8


def test_a_lot_that_comes_too_late_repays_and_its_rest_expires_at_once() -> None:
    """Both entries have the time of recording: the past is not rewritten."""
    book = Book(opened_at=NOON)
    charge = book.charge(usage(4), now=NOON).number
    now = NOON + days(2)

    late = book.grant(grant(10, expires_at=NOON + days(1)), now=now)

    changes = book.take_changes()
    assert changes.spends == [Spend(charge, late.number, 4)]
    assert [(entry.amount, entry.created_at) for entry in changes.adjustments] == [
        (10, now),
        (-6, now),
    ]
    assert (book.balance, book.overdraft, book.lots) == (0, 0, ())


def test_a_renewal_ends_the_old_package_and_nothing_else() -> None:
    """Bought and given credits stay, and so does a package whose period goes on."""
    book = Book(opened_at=NOON)
    over = book.grant(package(100), now=NOON).number
    going_on = book.grant(package(70, period_end=MONTH_LATER + DAY), now=NOON).number
    bought = book.grant(purchase(50), now=NOON).number
    given = book.grant(grant(30, period_end=MONTH_LATER), now=NOON).number
    book.charge(usage(40), now=NOON)
    book.take_changes()
    now = MONTH_LATER + hours(1)

    renewal = book.grant(
        package(100, period_end=MONTH_LATER + days(30), renews_at=MONTH_LATER), now=now
    )

    changes = book.take_changes()
    assert [(entry.amount, entry.detail) for entry in changes.adjustments[:-1]] == [
        (-60, Expiration(ExpirationReason.REPLACED_BY_RENEWAL, over))
    ]
    assert changes.remaining == {over: 0}
    assert _remaining(book) == {going_on: 70, renewal.number: 100, bought: 50, given: 30}


def test_a_renewal_recorded_twice_ends_nothing_twice() -> None:
    """The second is answered by the first, even when there is a newer package to end."""
    book = Book(opened_at=NOON)
    renewal = package(100, renews_at=NOON)
    book.grant(renewal, now=NOON)
    book.grant(package(60), now=NOON)
    book.grant(renewal, now=NOON)
    assert sorted(_remaining(book).values()) == [60, 100]


def test_a_deduction_takes_in_burn_order() -> None:
    """Like usage; what no lot holds is unpaid."""
    book = Book(opened_at=NOON)
    late = book.grant(purchase(10, expires_at=NOON + days(2)), now=NOON).number
    soon = book.grant(purchase(10, expires_at=NOON + days(1)), now=NOON).number
    removal = book.remove(deduction(25), now=NOON)
    assert book.take_changes().removals == [
        Removal(removal.number, soon, 10),
        Removal(removal.number, late, 10),
    ]
    assert (removal.amount, removal.unpaid, removal.balance_after) == (-25, 5, -5)


def test_a_deduction_can_take_recurring_credits_before_the_others() -> None:
    """Even when a bought lot expires sooner; among the recurring ones, the soonest first."""
    book = Book(opened_at=NOON)
    bought = book.grant(purchase(10, expires_at=NOON + hours(1)), now=NOON).number
    later = book.grant(package(10, period_end=NOON + days(60)), now=NOON).number
    sooner = book.grant(package(10), now=NOON).number
    removal = book.remove(deduction(24, recurring_first=True), now=NOON).number
    assert book.take_changes().removals == [
        Removal(removal, sooner, 10),
        Removal(removal, later, 10),
        Removal(removal, bought, 4),
    ]
    assert _remaining(book) == {bought: 6}


def test_a_deduction_from_its_own_lot_leaves_the_others_alone() -> None:
    """What is gone from the own lot is unpaid, and the next lot repays it."""
    book = Book(opened_at=NOON)
    refunded = book.grant(purchase(10), now=NOON).number
    other = book.grant(package(100), now=NOON).number
    book.charge(usage(103), now=NOON)
    book.grant(package(20), now=NOON)

    removal = book.remove(deduction(10, own_lots=[refunded]), now=NOON)

    assert other not in _remaining(book)
    assert removal.unpaid == 3
    assert (book.balance, book.overdraft) == (17, 3)
    next_lot = book.grant(purchase(10), now=NOON).number
    assert book.take_changes().removals[-1] == Removal(removal.number, next_lot, 3)
    assert (book.overdraft, _remaining(book)[next_lot]) == (0, 7)


def test_the_end_of_a_plan_ends_its_lots() -> None:
    """Those that are named and hold credits; doing it again does nothing."""
    book = Book(opened_at=NOON)
    plan = book.grant(package(100), now=NOON).number
    used_up = book.grant(package(10, period_end=NOON + DAY), now=NOON).number
    bought = book.grant(purchase(50), now=NOON).number
    book.charge(usage(10), now=NOON)

    ended = book.end({plan, used_up}, source_key="sub_end:sub_1", now=NOON)

    assert [(entry.source_key, entry.amount, entry.detail) for entry in ended] == [
        (f"sub_end:sub_1:{plan}", -100, Expiration(ExpirationReason.SUBSCRIPTION_ENDED, plan))
    ]
    assert book.end({plan, used_up}, source_key="sub_end:sub_1", now=NOON) == []
    assert _remaining(book) == {bought: 50}


def test_a_charge_of_nothing_is_an_entry_without_spends() -> None:
    """Free usage is recorded like any other."""
    book = Book(opened_at=NOON)
    book.grant(grant(10), now=NOON)
    charge = book.charge(usage(0), now=NOON)
    assert (charge.number, charge.balance_after) == (2, 10)
    assert book.take_changes().spends == []


def _grant_nothing(book: Book) -> object:
    return book.grant(grant(0), now=NOON)


def _grant_too_much(book: Book) -> object:
    return book.grant(grant(CREDITS_MAX), now=NOON)


def _remove_a_negative(book: Book) -> object:
    return book.remove(deduction(-1), now=NOON)


def _remove_too_much(book: Book) -> object:
    return book.remove(deduction(CREDITS_MAX + 1), now=NOON)


def _charge_a_negative(book: Book) -> object:
    return book.charge(usage(-1), now=NOON)


def _charge_too_much(book: Book) -> object:
    return book.charge(usage(CREDITS_MAX + 1), now=NOON)


@pytest.mark.parametrize(
    "ask",
    [
        _grant_nothing,
        _grant_too_much,
        _remove_a_negative,
        _remove_too_much,
        _charge_a_negative,
        _charge_too_much,
    ],
)
def test_credits_out_of_range_are_refused(ask: Callable[[Book], object]) -> None:
    """Nothing is written, and the source may be asked for again."""
    book = Book(opened_at=NOON)
    book.grant(grant(1), now=NOON)
    book.take_changes()
    with pytest.raises(CreditsOutOfRange):
        ask(book)
    assert (book.balance, book.last_entry_number) == (1, 1)
    assert book.take_changes().adjustments == []


def test_the_largest_balance_and_the_largest_overdraft_can_be_reached() -> None:
    """One credit beyond either is refused."""
    book = Book(opened_at=NOON)
    book.grant(grant(CREDITS_MAX), now=NOON)
    book.charge(usage(CREDITS_MAX), now=NOON)
    book.charge(usage(CREDITS_MAX), now=NOON)
    assert book.balance == -CREDITS_MAX
    with pytest.raises(CreditsOutOfRange):
        book.charge(usage(1), now=NOON)
    with pytest.raises(CreditsOutOfRange):
        book.remove(deduction(1), now=NOON)


@dataclass
class _Coin:
    """One credit of a lot; `gone` says to which entry."""

    lot: int
    kind: LotKind
    period_end: datetime | None
    expires_at: datetime | None
    gone: int | None = None


@dataclass
class _Entry:
    """What was written: its number, its amount, its time, and how many coins it still lacks."""

    number: int
    amount: int
    at: datetime
    lacks: int = 0


class _Coins:
    """The ledger as a heap of single coins: slow, and too simple to be wrong."""

    def __init__(self) -> None:
        self.coins: list[_Coin] = []
        self.entries: list[_Entry] = []

    def live(self) -> list[_Coin]:
        return [coin for coin in self.coins if coin.gone is None]

    def write(self, amount: int, now: datetime) -> _Entry:
        entry = _Entry(len(self.entries) + 1, amount, now)
        self.entries.append(entry)
        return entry

    def turn_to(self, now: datetime) -> datetime:
        last = self.entries[-1].at if self.entries else NOON
        now = max(now, last)
        due = {(coin.expires_at or NEVER, coin.lot) for coin in self.live()}
        for expires_at, lot in sorted(due):
            if expires_at <= now:
                self.write_off(lot, max(expires_at, last))
        return now

    def write_off(self, lot: int, now: datetime) -> None:
        coins = [coin for coin in self.live() if coin.lot == lot]
        entry = self.write(-len(coins), now)
        for coin in coins:
            coin.gone = entry.number

    def take(self, entry: _Entry, wanted: int, choose: Callable[[_Coin], object]) -> None:
        for _ in range(wanted):
            choice = [coin for coin in self.live() if choose(coin) is not None]
            if choice:
                coin = min(choice, key=lambda coin: (choose(coin), _coin_order(coin)))
                coin.gone = entry.number
            else:
                entry.lacks += 1

    def grant(self, asked: Grant, now: datetime) -> None:
        now = self.turn_to(now)
        if asked.renews_at is not None:
            over = {
                (_coin_order(coin), coin.lot)
                for coin in self.live()
                if coin.kind is LotKind.RECURRING
                and coin.period_end is not None
                and coin.period_end <= asked.renews_at
            }
            for _, lot in sorted(over):
                self.write_off(lot, now)
        number = self.write(asked.credits, now).number
        for _ in range(asked.credits):
            coin = _Coin(number, asked.kind, asked.period_end, asked.expires_at)
            self.coins.append(coin)
            poor = next((entry for entry in self.entries if entry.lacks), None)
            if poor is not None:
                poor.lacks -= 1
                coin.gone = poor.number
        self.turn_to(now)


def _coin_order(coin: _Coin) -> tuple[datetime, int]:
    return coin.expires_at or NEVER, coin.lot


_AMOUNTS = st.integers(1, 12)
_WAITS = st.sampled_from([hours(-3), hours(0), hours(1), hours(5), DAY, days(8)])
_LIVES = st.sampled_from([None, hours(-1), hours(1), hours(6), DAY, days(10)])


class Ledgers(RuleBasedStateMachine):
    """Ask the book and the coins for the same, and compare all that they have to show."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book(opened_at=NOON)
        self.coins = _Coins()
        self.now = NOON
        self.spends: list[Spend] = []
        self.removals: list[Removal] = []
        self.entries: dict[int, Adjustment | Charge] = {}
        self.unpaid: dict[int, int] = {}
        self.asked: list[Grant] = []

    @rule(wait=_WAITS)
    def wait(self, wait: timedelta) -> None:
        """Let time pass; a clock that goes back is another writer's."""
        self.now += wait

    @rule(
        amount=st.integers(1, 30), kind=st.sampled_from(LotKind), life=_LIVES, renews=st.booleans()
    )
    def grant(self, amount: int, kind: LotKind, life: timedelta | None, *, renews: bool) -> None:
        """Bring in a lot, with an hour of grace after its period."""
        asked = grant(
            amount,
            kind=kind,
            period_end=None if life is None else self.now + life,
            expires_at=None if life is None else self.now + life + hours(1),
            renews_at=self.now + DAY if renews else None,
        )
        self.asked.append(asked)
        self.book.grant(asked, now=self.now)
        self.coins.grant(asked, self.now)

    @precondition(lambda self: self.asked)
    @rule(pick=st.randoms(use_true_random=False))
    def grant_again(self, pick: Random) -> None:
        """Ask for what was granted: nothing happens."""
        self.book.grant(pick.choice(self.asked), now=self.now)

    @rule(amount=st.integers(0, 15))
    def charge(self, amount: int) -> None:
        """Use credits, more than there are too."""
        self.book.charge(usage(amount), now=self.now)
        now = self.coins.turn_to(self.now)
        self.coins.take(self.coins.write(-amount, now), amount, lambda _: 0)

    @rule(amount=_AMOUNTS, recurring_first=st.booleans())
    def remove(self, amount: int, *, recurring_first: bool) -> None:
        """Take credits away."""
        self.book.remove(deduction(amount, recurring_first=recurring_first), now=self.now)
        now = self.coins.turn_to(self.now)
        self.coins.take(
            self.coins.write(-amount, now),
            amount,
            lambda coin: recurring_first and coin.kind is not LotKind.RECURRING,
        )

    @rule(amount=_AMOUNTS, lot=st.integers(1, 30))
    def remove_from(self, amount: int, lot: int) -> None:
        """Take credits from one lot, or what is not a lot at all."""
        self.book.remove(deduction(amount, own_lots=[lot]), now=self.now)
        now = self.coins.turn_to(self.now)
        self.coins.take(
            self.coins.write(-amount, now),
            amount,
            lambda coin: 0 if coin.lot == lot else None,
        )

    @rule(lots=st.sets(st.integers(1, 30), max_size=4))
    def end(self, lots: set[int]) -> None:
        """End lots before their time."""
        self.book.end(lots, source_key=f"end:{self.book.last_entry_number}", now=self.now)
        now = self.coins.turn_to(self.now)
        held = {(_coin_order(coin), coin.lot) for coin in self.coins.live() if coin.lot in lots}
        for _, lot in sorted(held):
            self.coins.write_off(lot, now)

    @rule()
    def expire(self) -> None:
        """Book what is due."""
        self.book.expire(now=self.now)
        last = self.coins.entries[-1].at if self.coins.entries else NOON
        if self.now >= last:
            self.coins.turn_to(self.now)

    @rule()
    def write(self) -> None:
        """Hand over the changes, as a transaction does."""
        changes = self.book.take_changes()
        new: list[Adjustment | Charge] = [*changes.adjustments, *changes.charges]
        assert not self.entries.keys() & {entry.number for entry in new}
        self.entries |= {entry.number: entry for entry in new}
        self.unpaid |= {entry.number: entry.unpaid for entry in new}
        self.unpaid |= changes.charges_unpaid | changes.adjustments_unpaid
        self.spends += changes.spends
        self.removals += changes.removals

    @invariant()
    def the_books_agree(self) -> None:
        """Balance, overdraft and every lot are the coins'."""
        lacking = {entry.number: entry.lacks for entry in self.coins.entries if entry.lacks}
        live = Counter(coin.lot for coin in self.coins.live())
        assert self.book.balance == sum(entry.amount for entry in self.coins.entries)
        assert self.book.overdraft == sum(lacking.values())
        assert {lot.number: lot.remaining for lot in self.book.lots} == live
        assert [lot.number for lot in self.book.lots] == list(
            dict.fromkeys(coin.lot for coin in sorted(self.coins.live(), key=_coin_order))
        )
        assert {entry.number: entry.credits for entry in self.book.unpaid} == lacking

    def teardown(self) -> None:
        """Compare the whole history: each entry, and which lot paid what of it."""
        self.write()
        assert sorted(self.entries) == list(range(1, len(self.coins.entries) + 1))
        balance = 0
        for coins in self.coins.entries:
            entry = self.entries[coins.number]
            balance += coins.amount
            assert (entry.balance_after, entry.created_at) == (balance, coins.at)
            assert self.unpaid[coins.number] == coins.lacks
        paid = Counter((coin.gone, coin.lot) for coin in self.coins.coins if coin.gone)
        links = [tuple(link) for link in (*self.spends, *self.removals)]
        assert sorted(links) == sorted((*pair, count) for pair, count in paid.items())


TestLedgers = Ledgers.TestCase
TestLedgers.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
