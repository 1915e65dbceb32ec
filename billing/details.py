"""The story behind an adjustment: one kind of detail for each kind of reason.

An entry stores its detail as JSON under these field names; `parse` reads it back.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from models.ledger import AdjustmentType
from models.plan import BillingCycle


class ReferralStage(StrEnum):
    """What a referral was rewarded for."""

    SIGNUP = "SIGNUP"
    FIRST_PAID_PLAN = "FIRST_PAID_PLAN"


class ReversalKind(StrEnum):
    """How a payment was reversed."""

    REFUND = "REFUND"
    DISPUTE = "DISPUTE"


class ExpirationReason(StrEnum):
    """Why credits expired."""

    PERIOD_ENDED = "PERIOD_ENDED"
    REPLACED_BY_RENEWAL = "REPLACED_BY_RENEWAL"
    SUBSCRIPTION_ENDED = "SUBSCRIPTION_ENDED"


@dataclass(frozen=True, slots=True)
class Package:
    """The credits of a plan: a first grant, a reset or a renewal."""

    plan_id: str
    billing_cycle: BillingCycle | None


@dataclass(frozen=True, slots=True)
class Compensation:
    """The difference that a plan switch makes; `fraction_left` is of the refresh period, 0 to 1."""

    from_plan_id: str
    to_plan_id: str
    fraction_left: float


@dataclass(frozen=True, slots=True)
class Referral:
    """A reward for a workspace that was referred; its name is kept as it was then."""

    stage: ReferralStage
    workspace_id: UUID
    workspace_name: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """Packs bought, and the money paid for them."""

    packs: int
    amount_minor: int
    currency: str
    checkout_id: UUID | None
    receipt_url: str | None


@dataclass(frozen=True, slots=True)
class PaymentReversal:
    """Credits taken back for a payment that was reversed, or given again; `of` is the entry."""

    kind: ReversalKind
    of: int


@dataclass(frozen=True, slots=True)
class Administration:
    """A correction by the operator."""

    note: str


@dataclass(frozen=True, slots=True)
class Expiration:
    """Credits of a lot that were not used in time; `lot_number` says of which."""

    reason: ExpirationReason
    lot_number: int


Detail = (
    Package | Compensation | Referral | Purchase | PaymentReversal | Administration | Expiration
)


def to_json(detail: Detail) -> dict[str, Any]:
    """Return `detail` as the JSON object that an entry stores."""
    return {name: _plain(value) for name, value in asdict(detail).items()}


def parse(type_: AdjustmentType, stored: dict[str, Any]) -> Detail:
    """Return the detail of an entry of `type_`, as `to_json` stored it."""
    return _PARSERS[type_](stored)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def _package(stored: dict[str, Any]) -> Package:
    cycle = stored["billing_cycle"]
    return Package(stored["plan_id"], None if cycle is None else BillingCycle(cycle))


def _referral(stored: dict[str, Any]) -> Referral:
    return Referral(
        ReferralStage(stored["stage"]), UUID(stored["workspace_id"]), stored["workspace_name"]
    )


def _purchase(stored: dict[str, Any]) -> Purchase:
    checkout_id = stored["checkout_id"]
    return Purchase(**stored | {"checkout_id": None if checkout_id is None else UUID(checkout_id)})


def _reversal(stored: dict[str, Any]) -> PaymentReversal:
    return PaymentReversal(ReversalKind(stored["kind"]), stored["of"])


def _expiration(stored: dict[str, Any]) -> Expiration:
    return Expiration(ExpirationReason(stored["reason"]), stored["lot_number"])


_PARSERS: Mapping[AdjustmentType, Callable[[dict[str, Any]], Detail]] = {
    AdjustmentType.FREE_WORKSPACE_GRANT: _package,
    AdjustmentType.PACKAGE_RESET: _package,
    AdjustmentType.SUBSCRIPTION_RENEWAL: _package,
    AdjustmentType.SUBSCRIPTION_SWITCH_COMPENSATION: lambda stored: Compensation(**stored),
    AdjustmentType.REFERRAL_SIGNUP_REWARD: _referral,
    AdjustmentType.REFERRAL_FIRST_PAID_PLAN_REWARD: _referral,
    AdjustmentType.CREDIT_PACKAGE_PURCHASE: _purchase,
    AdjustmentType.ADMIN_ADJUSTMENT: lambda stored: Administration(**stored),
    AdjustmentType.CREDIT_EXPIRATION: _expiration,
    AdjustmentType.CREDIT_REFUND: _reversal,
}
