"""Refusals: what somebody may act on, each with a code for programs that never changes.

    BillingError
    ├── AccessRefused
    │   ├── Unauthenticated               UNAUTHENTICATED
    │   ├── ScopeMissing                  SCOPE_MISSING
    │   ├── ServiceRequired               SERVICE_REQUIRED
    │   └── PersonRequired                PERSON_REQUIRED
    ├── WorkspaceNotFound                 WORKSPACE_NOT_FOUND
    ├── NotOwner                          NOT_OWNER
    ├── ValueRequired                     VALUE_REQUIRED
    ├── TextInvalid                       TEXT_INVALID
    ├── CreditsOutOfRange                 CREDITS_OUT_OF_RANGE
    ├── UsageBatchTooLarge                USAGE_BATCH_TOO_LARGE
    ├── TooManyMembers                    TOO_MANY_MEMBERS
    ├── MemberNamedTwice                  MEMBER_NAMED_TWICE
    ├── ReferrerNotFound                  REFERRER_NOT_FOUND
    ├── ReferrerFixed                     REFERRER_FIXED
    ├── FreePlanMissing                   FREE_PLAN_MISSING
    ├── IdempotencyKeyInvalid             IDEMPOTENCY_KEY_INVALID
    ├── IdempotencyKeyReused              IDEMPOTENCY_KEY_REUSED
    ├── IdempotencyKeyInUse               IDEMPOTENCY_KEY_IN_USE
    ├── PaymentDeclined                   PAYMENT_DECLINED
    ├── PaymentsUnavailable               PAYMENTS_UNAVAILABLE
    ├── PaymentsRefused                   PAYMENTS_REFUSED
    │   └── CustomerGone                  PAYMENTS_REFUSED
    ├── SearchTooLong                     SEARCH_TOO_LONG
    ├── SearchNotText                     SEARCH_NOT_TEXT
    ├── PeriodInverted                    PERIOD_INVERTED
    ├── TooManyBuckets                    TOO_MANY_BUCKETS
    ├── PlanNotFound                      PLAN_NOT_FOUND
    ├── AlreadyOnPlan                     ALREADY_ON_PLAN
    ├── PlanUnavailable
    │   ├── PastDue                       PAST_DUE
    │   ├── RecurringPlanMustEndFirst     RECURRING_PLAN_MUST_END_FIRST
    │   ├── OneTimePlanLapses             ONE_TIME_PLAN_LAPSES
    │   ├── AlreadyScheduled              ALREADY_SCHEDULED
    │   ├── PaidPlanFollows               PAID_PLAN_FOLLOWS
    │   ├── CheckoutProcessing            CHECKOUT_PROCESSING
    │   └── SwitchUnderWay                SWITCH_UNDER_WAY
    ├── PreviewNotPossible                PREVIEW_NOT_POSSIBLE
    ├── PreviewExpired                    PREVIEW_EXPIRED
    ├── NoPendingChange                   NO_PENDING_CHANGE
    ├── PaidPlanRequired                  PAID_PLAN_REQUIRED
    ├── PacksOutOfRange                   PACKS_OUT_OF_RANGE
    ├── PackNotSold                       PACK_NOT_SOLD
    ├── ReturnUrlRequired                 RETURN_URL_REQUIRED
    └── ReturnUrlNotAllowed               RETURN_URL_NOT_ALLOWED

A bug is no refusal: it fails an `assert` or the database, and is never one of these.
"""

from typing import ClassVar
from uuid import UUID


class BillingError(Exception):
    """A refusal: its message is for people, its `code` for programs.

    `about` is the part of what was asked that it speaks of, the outermost name first; empty for
    the whole of it.
    """

    code: ClassVar[str]
    about: tuple[str, ...] = ()


class AccessRefused(BillingError):
    """Whoever asks may not ask this, whatever it is about."""


class Unauthenticated(AccessRefused):
    """Nobody is asking: there is no token."""

    code = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("This needs a token")


class ScopeMissing(AccessRefused):
    """A service's token lacks the scope for what it asks."""

    code = "SCOPE_MISSING"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a token with the scope {scope}")


class ServiceRequired(AccessRefused):
    """A person asks what only services may, whatever that person's role."""

    code = "SERVICE_REQUIRED"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This is for services: it needs a service token with the scope {scope}")


class PersonRequired(AccessRefused):
    """A service asks what only people do, whatever its scopes."""

    code = "PERSON_REQUIRED"

    def __init__(self) -> None:
        super().__init__("This is for people: it needs a person's token")


class WorkspaceNotFound(BillingError):
    """There is no such workspace, or none that whoever asks may know of."""

    code = "WORKSPACE_NOT_FOUND"
    about = ("workspace_id",)

    def __init__(self, workspace_id: UUID) -> None:
        super().__init__("There is no workspace of this id that you may know of")
        self.workspace_id = workspace_id


class NotOwner(BillingError):
    """A member asks what only the owner of the workspace may."""

    code = "NOT_OWNER"
    about = ("workspace_id",)

    def __init__(self) -> None:
        super().__init__("Only the owner of the workspace may do this")


class ValueRequired(BillingError):
    """What would be created lacks a value that a later change may leave out."""

    code = "VALUE_REQUIRED"

    def __init__(self, *about: str, of: str) -> None:
        super().__init__(f"A new {of} needs this")
        self.about = about


class TextInvalid(BillingError):
    """A text is empty where something is known by it, too long, or cannot be stored."""

    code = "TEXT_INVALID"

    def __init__(self, *about: str, maximum: int | None = None, is_printable: bool = False) -> None:
        length = "" if maximum is None else f"1 to {maximum} characters, "
        plain = "no NUL and no lone surrogate"
        printable = "all of them printable, without blanks around them"
        super().__init__(f"This takes {length}{printable if is_printable else plain}")
        self.about = about


class CreditsOutOfRange(BillingError):
    """A number of credits, or the balance that it would lead to, is more than can be kept."""

    code = "CREDITS_OUT_OF_RANGE"
    about = ("amount",)


class UsageBatchTooLarge(BillingError):
    """A batch holds more usage events than are recorded in one transaction."""

    code = "USAGE_BATCH_TOO_LARGE"
    about = ("events",)

    def __init__(self, count: int, *, maximum: int) -> None:
        super().__init__(f"{count} events are more than the {maximum} of a batch")


class TooManyMembers(BillingError):
    """More people are named than are brought into a workspace in one transaction."""

    code = "TOO_MANY_MEMBERS"
    about = ("members",)

    def __init__(self, count: int, *, maximum: int) -> None:
        super().__init__(f"{count} people are more than the {maximum} that can be named at once")


class MemberNamedTwice(BillingError):
    """A person is named twice, so that it is not clear what becomes of them."""

    code = "MEMBER_NAMED_TWICE"

    def __init__(self, *about: str) -> None:
        super().__init__("This person is named twice")
        self.about = about


class ReferrerNotFound(BillingError):
    """There is no workspace of the id that is to have referred a new one."""

    code = "REFERRER_NOT_FOUND"
    about = ("referred_by",)

    def __init__(self) -> None:
        super().__init__("There is no workspace of this id that could have referred another")


class ReferrerFixed(BillingError):
    """A workspace that exists is to have been referred by another one, or by one at all."""

    code = "REFERRER_FIXED"
    about = ("referred_by",)

    def __init__(self) -> None:
        super().__init__("Who referred a workspace is said when it is created, and never changes")


class FreePlanMissing(BillingError):
    """The catalogue has no Free plan, which every workspace begins on."""

    code = "FREE_PLAN_MISSING"

    def __init__(self) -> None:
        super().__init__("The catalogue has no Free plan for a workspace to begin on")


class IdempotencyKeyInvalid(BillingError):
    """An idempotency key is empty, too long, or not printable ASCII."""

    code = "IDEMPOTENCY_KEY_INVALID"
    about = ("idempotency_key",)

    def __init__(self, *, maximum: int) -> None:
        super().__init__(f"An idempotency key is 1 to {maximum} printable ASCII characters")


class IdempotencyKeyReused(BillingError):
    """An idempotency key that was answered comes again with another input."""

    code = "IDEMPOTENCY_KEY_REUSED"
    about = ("idempotency_key",)

    def __init__(self) -> None:
        super().__init__("This idempotency key was used with another input")


class IdempotencyKeyInUse(BillingError):
    """The first request with an idempotency key has not been answered yet."""

    code = "IDEMPOTENCY_KEY_IN_USE"
    about = ("idempotency_key",)

    def __init__(self) -> None:
        super().__init__("A request with this idempotency key is under way: ask again in a moment")


class PaymentDeclined(BillingError):
    """The card was declined; the plan stays, and so does a change that was to come."""

    code = "PAYMENT_DECLINED"

    def __init__(self, message: str = "The card was declined") -> None:
        super().__init__(message)


class PaymentsUnavailable(BillingError):
    """The payment provider does not answer, or none is set up; it is safe to ask again.

    `is_final` when it answered with a failure of its own, which it repeats under the same
    idempotency key: only another key makes it try again.
    """

    code = "PAYMENTS_UNAVAILABLE"

    def __init__(
        self,
        message: str = "Payments are not available now: ask again later",
        *,
        is_final: bool = False,
    ) -> None:
        super().__init__(message)
        self.is_final = is_final


class PaymentsRefused(BillingError):
    """The payment provider does not take a request: a bug, or a catalogue that it lacks."""

    code = "PAYMENTS_REFUSED"


class CustomerGone(PaymentsRefused):
    """The customer of a workspace was deleted at the payment provider: another one is made."""


class SearchTooLong(BillingError):
    """A search term is longer than a search takes."""

    code = "SEARCH_TOO_LONG"

    def __init__(self, *, maximum: int) -> None:
        super().__init__(f"A search takes at most {maximum} characters.")


class SearchNotText(BillingError):
    """A search term holds a NUL or half of a surrogate pair."""

    code = "SEARCH_NOT_TEXT"

    def __init__(self) -> None:
        super().__init__("A search takes text: no NUL and no lone surrogate.")


class PeriodInverted(BillingError):
    """A date range ends before it starts."""

    code = "PERIOD_INVERTED"

    def __init__(self) -> None:
        super().__init__("A date range must not end before it starts.")


class TooManyBuckets(BillingError):
    """A series would have more buckets than one answer holds."""

    code = "TOO_MANY_BUCKETS"

    def __init__(self, *, maximum: int) -> None:
        super().__init__(
            f"A series has at most {maximum} buckets: ask for less time or longer ones."
        )


class PlanNotFound(BillingError):
    """No such plan is sold in that billing cycle."""

    code = "PLAN_NOT_FOUND"
    about = ("plan_id",)

    def __init__(self) -> None:
        super().__init__("No such plan is sold in this billing cycle")


class AlreadyOnPlan(BillingError):
    """The workspace is on that plan, in that billing cycle."""

    code = "ALREADY_ON_PLAN"
    about = ("plan_id",)

    def __init__(self) -> None:
        super().__init__("The workspace is on this plan already")


class PlanUnavailable(BillingError):
    """A plan that is sold can't be chosen now; each reason is a refusal of its own."""

    about = ("plan_id",)


class PastDue(PlanUnavailable):
    """A payment for the plan that is held is due."""

    code = "PAST_DUE"

    def __init__(self) -> None:
        super().__init__("A payment is due: put it right in the customer portal first")


class RecurringPlanMustEndFirst(PlanUnavailable):
    """A one-time plan does not follow a recurring one that still renews."""

    code = "RECURRING_PLAN_MUST_END_FIRST"

    def __init__(self) -> None:
        super().__init__("Cancel the recurring plan and let its period end first")


class OneTimePlanLapses(PlanUnavailable):
    """There is nothing to cancel: a one-time plan ends by itself."""

    code = "ONE_TIME_PLAN_LAPSES"

    def __init__(self) -> None:
        super().__init__("A one-time plan ends by itself when its period does")


class AlreadyScheduled(PlanUnavailable):
    """That very change is to come already."""

    code = "ALREADY_SCHEDULED"

    def __init__(self) -> None:
        super().__init__("This change is scheduled already")


class PaidPlanFollows(PlanUnavailable):
    """Another plan is paid for and begins when this one ends: a third one would take its place."""

    code = "PAID_PLAN_FOLLOWS"

    def __init__(self) -> None:
        super().__init__("Another plan is paid for already: it begins when this one ends")


class CheckoutProcessing(PlanUnavailable):
    """A plan was bought by a payment that takes days: until it ends, no other is bought."""

    code = "CHECKOUT_PROCESSING"

    def __init__(self) -> None:
        super().__init__("The payment for a plan is still under way: wait until it ends")


class SwitchUnderWay(PlanUnavailable):
    """Another switch of the workspace is being made, or was left off a moment ago."""

    code = "SWITCH_UNDER_WAY"
    about = ("workspace_id",)

    def __init__(self) -> None:
        super().__init__("Another switch of the plan is under way: ask again in a minute")


class PreviewNotPossible(BillingError):
    """Choosing that plan needs no preview: nothing is charged or scheduled by choosing it."""

    code = "PREVIEW_NOT_POSSIBLE"
    about = ("plan_id",)

    def __init__(self) -> None:
        super().__init__("Choosing this plan needs no preview: switch to it")


class PreviewExpired(BillingError):
    """What was shown is not true any more, or was shown too long ago, or for another choice."""

    code = "PREVIEW_EXPIRED"
    about = ("preview_token",)

    def __init__(self) -> None:
        super().__init__("The preview is no longer true: ask for a new one")


class NoPendingChange(BillingError):
    """Nothing is to come that could be undone."""

    code = "NO_PENDING_CHANGE"

    def __init__(self) -> None:
        super().__init__("No plan change is to come")


class PaidPlanRequired(BillingError):
    """Only a workspace on a paid plan buys credits."""

    code = "PAID_PLAN_REQUIRED"
    about = ("workspace_id",)

    def __init__(self) -> None:
        super().__init__("Only a workspace on a paid plan buys credits")


class PacksOutOfRange(BillingError):
    """The number of packs is 0, negative, or more than one purchase takes."""

    code = "PACKS_OUT_OF_RANGE"
    about = ("packs",)

    def __init__(self, *, maximum: int) -> None:
        super().__init__(f"A purchase is of 1 to {maximum} packs")


class PackNotSold(BillingError):
    """The catalogue has no credit pack."""

    code = "PACK_NOT_SOLD"

    def __init__(self) -> None:
        super().__init__("No credit packs are sold")


class ReturnUrlRequired(BillingError):
    """A page that is left has to know where people come back to."""

    code = "RETURN_URL_REQUIRED"

    def __init__(self, *about: str) -> None:
        super().__init__("This choice is paid on a checkout page: say where to return from it")
        self.about = about


class ReturnUrlNotAllowed(BillingError):
    """People are sent back only to the origins that the operator has named."""

    code = "RETURN_URL_NOT_ALLOWED"

    def __init__(self, *about: str) -> None:
        super().__init__("The address to return to is not of an allowed origin")
        self.about = about
