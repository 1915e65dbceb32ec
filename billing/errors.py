"""Refusals: what somebody may act on, each with a code for programs that never changes.

    BillingError
    ├── Unauthenticated        UNAUTHENTICATED
    ├── ScopeMissing           SCOPE_MISSING
    ├── CreditsOutOfRange      CREDITS_OUT_OF_RANGE
    ├── LedgerNotFound         LEDGER_NOT_FOUND
    ├── UsageBatchTooLarge     USAGE_BATCH_TOO_LARGE
    ├── SearchTooLong          SEARCH_TOO_LONG
    ├── SearchNotText          SEARCH_NOT_TEXT
    ├── PeriodInverted         PERIOD_INVERTED
    └── TooManyBuckets         TOO_MANY_BUCKETS

A bug is no refusal: it fails an `assert` or the database, and is never one of these.
"""

from typing import ClassVar
from uuid import UUID


class BillingError(Exception):
    """A refusal: its message is for people, its `code` for programs."""

    code: ClassVar[str]


class Unauthenticated(BillingError):
    """Nobody is asking: there is no token."""

    code = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("This needs a token")


class ScopeMissing(BillingError):
    """A service's token lacks the scope for what it asks."""

    code = "SCOPE_MISSING"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a token with the scope {scope}")


class CreditsOutOfRange(BillingError):
    """A number of credits, or the balance that it would lead to, is more than can be kept."""

    code = "CREDITS_OUT_OF_RANGE"


class LedgerNotFound(BillingError):
    """The workspace has no ledger: it does not exist."""

    code = "LEDGER_NOT_FOUND"

    def __init__(self, workspace_id: UUID) -> None:
        super().__init__(f"No ledger of workspace {workspace_id}")


class UsageBatchTooLarge(BillingError):
    """A batch holds more usage events than are recorded in one transaction."""

    code = "USAGE_BATCH_TOO_LARGE"

    def __init__(self, count: int, *, maximum: int) -> None:
        super().__init__(f"{count} events are more than the {maximum} of a batch")


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
        super().__init__("A date range must start before it ends.")


class TooManyBuckets(BillingError):
    """A series would have more buckets than one answer holds."""

    code = "TOO_MANY_BUCKETS"

    def __init__(self, *, maximum: int) -> None:
        super().__init__(
            f"A series has at most {maximum} buckets: ask for less time or longer ones."
        )
