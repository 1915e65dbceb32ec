"""The enums: the trade's words as the tables and rules know them, with what each means.

Types take them from here: that makes sure that a word is described before it is used.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast

import strawberry

from billing.calendar import QuickPick
from billing.details import ExpirationReason, ReferralStage, ReversalKind
from billing.series import Granularity
from billing.switching import SwitchAction, SwitchReason
from models.ledger import AdjustmentType, LotKind, UsageKind
from models.plan import BillingCycle, PlanKind
from models.subscription import CheckoutStatus, SubscriptionStatus
from models.usage import BillingType, ImportType
from models.workspace import Role

__all__ = [
    "AdjustmentType",
    "BillingCycle",
    "BillingType",
    "CheckoutStatus",
    "ExpirationReason",
    "Granularity",
    "ImportType",
    "LotKind",
    "OrderDirection",
    "PermissionReason",
    "PlanKind",
    "QuickPick",
    "ReferralStage",
    "ReversalKind",
    "Role",
    "SubscriptionStatus",
    "SwitchAction",
    "SwitchReason",
    "UsageKind",
    "described",
]

Word = TypeVar("Word", bound=type[StrEnum])


class OrderDirection(StrEnum):
    """Which end of a list comes first."""

    ASC = "ASC"
    DESC = "DESC"


class PermissionReason(StrEnum):
    """Why an action of a workspace is not the viewer's to take."""

    NOT_OWNER = "NOT_OWNER"
    PAID_PLAN_REQUIRED = "PAID_PLAN_REQUIRED"


def described(
    words: Word, description: str, meanings: Mapping[str, str], *, name: str = ""
) -> Word:
    """Make `words` a GraphQL enum whose every value says what it means."""
    made = strawberry.enum(words, name=name or words.__name__, description=description)
    definition = cast("Any", made).__strawberry_definition__
    assert {value.name for value in definition.values} == set(meanings)
    for value in definition.values:
        value.description = meanings[value.name]
    return made


described(
    Role,
    "What a person may do in a workspace.",
    {
        "OWNER": "Manages the plan and buys credits.",
        "ADMIN": "Sees who used what.",
        "MEMBER": "Sees plan, credits and records, but not people.",
    },
    name="WorkspaceRole",
)
described(
    PlanKind,
    "How a plan is paid.",
    {
        "FREE": "Not paid.",
        "RECURRING": "Paid each month or year until cancelled.",
        "ONE_TIME": "Paid once for a fixed period; it does not renew.",
    },
)
described(
    BillingCycle,
    "How often a price is paid.",
    {
        "MONTHLY": "Each month.",
        "YEARLY": "Each year; credits that refresh still do so each month.",
        "ONE_TIME": "Once, for the plan's fixed period.",
    },
)
described(
    SubscriptionStatus,
    "Whether a subscription is paid.",
    {
        "ACTIVE": "Paid, or Free; also while a bank takes days to pay: the credits come then.",
        "PAST_DUE": "A payment failed; the portal lets the owner put it right.",
        "ENDED": "Over; another subscription has taken its place.",
    },
)
described(
    CheckoutStatus,
    "How far a purchase on a checkout page has come.",
    {
        "PENDING": "Its page is being opened.",
        "OPEN": "It can be paid on its page.",
        "PROCESSING": "It is completed, with a payment that takes days.",
        "COMPLETED": "It is paid.",
        "FAILED": "Its payment failed, or its page could not be opened.",
        "EXPIRED": "Its page was closed unpaid.",
    },
)
described(
    LotKind,
    "Where a lot's credits come from.",
    {
        "RECURRING": "The plan's package; it ends with its period.",
        "PURCHASED": "Credit packs that were bought.",
        "GRANTED": "A gift, a reward or a correction.",
    },
)
described(
    UsageKind,
    "What credits were charged for.",
    {
        "MESSAGE": "Messages of a conversation.",
        "IMAGE_GENERATION": "Images made in a conversation.",
        "VIDEO_GENERATION": "Videos made in a conversation.",
        "MCP_HTTP_CALL": "A call with an API key.",
        "IMPORT": "A brand or product import.",
    },
)
described(
    BillingType,
    "What a conversation is billed as: the kind of its first charge.",
    {
        "MESSAGE": "Messages.",
        "IMAGE_GENERATION": "Image generation.",
        "VIDEO_GENERATION": "Video generation.",
    },
    name="ConversationBillingType",
)
described(
    ImportType,
    "What an import job brings in.",
    {"BRAND": "A brand.", "PRODUCT": "Products."},
)
described(
    AdjustmentType,
    "Why credits were added or removed.",
    {
        "FREE_WORKSPACE_GRANT": "The credits that a new Free workspace starts with.",
        "PACKAGE_RESET": "The plan's package of a new month.",
        "SUBSCRIPTION_RENEWAL": "The plan's package of a newly paid period.",
        "SUBSCRIPTION_SWITCH_COMPENSATION": "The difference that a plan switch made.",
        "REFERRAL_SIGNUP_REWARD": "A reward: a referred workspace was created.",
        "REFERRAL_FIRST_PAID_PLAN_REWARD": "A reward: a referred workspace paid for a plan.",
        "CREDIT_PACKAGE_PURCHASE": "Credit packs that were bought.",
        "ADMIN_ADJUSTMENT": "A correction by the operator.",
        "CREDIT_EXPIRATION": "Credits that were not used in time.",
        "CREDIT_REFUND": "Credits of a payment that was refunded or disputed.",
    },
    name="CreditAdjustmentType",
)
described(
    ReferralStage,
    "What a referral was rewarded for.",
    {
        "SIGNUP": "The referred workspace was created.",
        "FIRST_PAID_PLAN": "The referred workspace paid for its first plan.",
    },
)
described(
    ReversalKind,
    "How a payment was reversed.",
    {"REFUND": "It was refunded.", "DISPUTE": "The cardholder's bank took it back."},
    name="PaymentReversalKind",
)
described(
    ExpirationReason,
    "Why credits expired.",
    {
        "PERIOD_ENDED": "Their period ended.",
        "REPLACED_BY_RENEWAL": "The package of the next period took their place.",
        "SUBSCRIPTION_ENDED": "The subscription that gave them ended.",
    },
    name="CreditExpirationReason",
)
described(
    SwitchAction,
    "What choosing a plan does.",
    {
        "CURRENT": "Nothing: the workspace is on it.",
        "CHECKOUT": "It is paid on a checkout page; buying a one-time plan again extends it.",
        "UPGRADE_NOW": "It takes effect at once, and the difference is charged.",
        "SWITCH_AT_PERIOD_END": "It takes effect when the paid period ends.",
        "CANCEL_AT_PERIOD_END": "The plan ends with its paid period, then the workspace is Free.",
        "UNAVAILABLE": "It can't be chosen now: the reason says why.",
    },
    name="PlanOptionAction",
)
described(
    SwitchReason,
    "Why a plan can't be chosen now.",
    {
        "PAST_DUE": "A payment is due: put it right in the customer portal first.",
        "RECURRING_PLAN_MUST_END_FIRST": "Cancel the recurring plan and let its period end first.",
        "ONE_TIME_PLAN_LAPSES": "A one-time plan ends by itself when its period does.",
        "ALREADY_SCHEDULED": "This change is already scheduled.",
        "PAID_PLAN_FOLLOWS": "Another plan is paid for already, and begins when this one ends.",
    },
    name="PlanOptionReason",
)
described(
    QuickPick,
    "A date range up to now.",
    {
        "LAST_7_DAYS": "From UTC midnight 6 days ago.",
        "LAST_30_DAYS": "From UTC midnight 29 days ago.",
        "LAST_3_MONTHS": "From UTC midnight of the same calendar day three months ago, or of the"
        " last day of a shorter month.",
    },
    name="DateQuickPick",
)
described(
    Granularity,
    "How long a bucket of a series is, in UTC.",
    {"DAY": "A day.", "WEEK": "A week from Monday.", "MONTH": "A calendar month."},
    name="SeriesGranularity",
)
described(
    OrderDirection,
    "Which end of a list comes first.",
    {"ASC": "Smallest or oldest first.", "DESC": "Largest or newest first."},
)
described(
    PermissionReason,
    "Why an action is not the viewer's to take.",
    {
        "NOT_OWNER": "Only the owner of the workspace may.",
        "PAID_PLAN_REQUIRED": "Only a workspace on a paid plan buys credits.",
    },
)
