"""The words of the ledger, as values: what is asked of it, and what it writes.

Asked: a `Grant`, a `Deduction`, a `Usage`.
Written: entries (`Adjustment`, `Charge`), the lots they bring in, and the links that say which lot
paid for which entry (`Spend`, `Removal`).
All credits are whole numbers.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from billing.details import Detail
from models.ledger import AdjustmentType, LotKind, UsageKind

NEVER = datetime.max.replace(tzinfo=UTC)
"""When a lot without an expiry expires: after every other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Credits that are to come in together, as a lot; each `source_key` is granted once.

    `renews_at` makes it a renewal: recurring lots whose period ends by then are over, and what is
    left of them expires in the same step. `period_end` is the end that people are shown,
    `expires_at` the moment from which the lot does not count.
    """

    source_key: str
    type: AdjustmentType
    credits: int
    kind: LotKind
    period_end: datetime | None = None
    expires_at: datetime | None = None
    renews_at: datetime | None = None
    detail: Detail
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduction:
    """Credits to be removed; each `source_key` is removed once.

    They are taken in burn order, with `recurring_first` from the recurring lots before the others,
    with `own_lots` from the lots of those numbers alone. What is not found there is unpaid.
    """

    source_key: str
    type: AdjustmentType
    credits: int
    recurring_first: bool = False
    own_lots: Collection[int] | None = None
    detail: Detail
    description: str = ""

    def __post_init__(self) -> None:
        assert self.own_lots is None or not self.recurring_first


class Usage(NamedTuple):
    """One usage event to be charged to its record: a conversation, an MCP-HTTP call, an import.

    `kind` says which of the three `record_id` is; `event_hash` tells a resent event from another.
    """

    event_id: str
    event_hash: str
    kind: UsageKind
    record_id: UUID
    credits: int
    message_count: int
    occurred_at: datetime


class Adjustment(NamedTuple):
    """Credits added (`amount` > 0) or removed; `unpaid` is what no lot has covered yet."""

    number: int
    source_key: str
    type: AdjustmentType
    amount: int
    unpaid: int
    balance_after: int
    detail: Detail
    description: str
    created_at: datetime


class Charge(NamedTuple):
    """What a usage event cost; `unpaid` is what no lot has paid for yet."""

    number: int
    usage: Usage
    unpaid: int
    balance_after: int
    created_at: datetime


@dataclass(slots=True, eq=False, kw_only=True)
class Lot:
    """Credits that came in together; its number is its adjustment's. Only `remaining` changes."""

    number: int
    kind: LotKind
    granted: int
    remaining: int
    period_end: datetime | None
    expires_at: datetime | None
    created_at: datetime

    @property
    def burn_order(self) -> tuple[datetime, int]:
        """The place of the lot among those that can pay: the least pays first."""
        return self.expires_at or NEVER, self.number


class Spend(NamedTuple):
    """What a lot paid of a charge, when it was made or when the lot came."""

    charge_number: int
    lot_number: int
    credits: int


class Removal(NamedTuple):
    """What a negative adjustment took from a lot, when it was made or when the lot came."""

    adjustment_number: int
    lot_number: int
    credits: int


class Unpaid(NamedTuple):
    """What an entry has not been paid yet, and whether that is a charge or an adjustment."""

    number: int
    credits: int
    is_charge: bool


class Changes(NamedTuple):
    """What is to be written: new rows whole, and what has changed on rows written before.

    `remaining` is by lot number, `charges_unpaid` and `adjustments_unpaid` by entry number.
    """

    adjustments: list[Adjustment]
    charges: list[Charge]
    lots: list[Lot]
    spends: list[Spend]
    removals: list[Removal]
    remaining: dict[int, int]
    charges_unpaid: dict[int, int]
    adjustments_unpaid: dict[int, int]
