"""Refusals of the GraphQL surface: what is wrong with an argument, or cannot be written.

BillingError
├── InvalidId                INVALID_ID
├── TooManyIds               TOO_MANY_IDS
├── InvalidCursor            INVALID_CURSOR
├── StaleCursor              STALE_CURSOR
├── PageSizeOutOfRange       PAGE_SIZE_OUT_OF_RANGE
├── PageDirectionUnclear     PAGE_DIRECTION_UNCLEAR
├── NumberTooLarge           NUMBER_TOO_LARGE
└── PeriodOpen               PERIOD_OPEN
"""

from billing.errors import BillingError


class InvalidId(BillingError):
    """An id that this gateway never gave out, or the id of something else."""

    code = "INVALID_ID"

    def __init__(self, *expected: str) -> None:
        wanted = " or ".join(expected)
        super().__init__(
            f"The id is not of type {wanted}." if wanted else "This is not an id of the gateway."
        )


class TooManyIds(BillingError):
    """More ids than one field answers."""

    code = "TOO_MANY_IDS"

    def __init__(self, *, maximum: int) -> None:
        super().__init__(f"At most {maximum} ids can be asked for at once.")


class InvalidCursor(BillingError):
    """A cursor that this gateway never gave out."""

    code = "INVALID_CURSOR"

    def __init__(self) -> None:
        super().__init__("This is not a cursor of the gateway: pass on what `pageInfo` gave.")


class StaleCursor(BillingError):
    """A cursor of another list, workspace, filter or order."""

    code = "STALE_CURSOR"

    def __init__(self) -> None:
        super().__init__(
            "The cursor is of another workspace, filter or order: start from the first page."
        )


class PageSizeOutOfRange(BillingError):
    """A page of no, of negative or of too many rows."""

    code = "PAGE_SIZE_OUT_OF_RANGE"

    def __init__(self, *, argument: str, maximum: int) -> None:
        super().__init__(f"`{argument}` must be from 1 to {maximum}.")


class PageDirectionUnclear(BillingError):
    """Arguments that page forwards and backwards at once."""

    code = "PAGE_DIRECTION_UNCLEAR"

    def __init__(self) -> None:
        super().__init__("Use either `first` with `after`, or `last` with `before`.")


class NumberTooLarge(BillingError):
    """A total of more than 2^53 - 1, which JSON cannot carry exactly."""

    code = "NUMBER_TOO_LARGE"

    def __init__(self, number: int) -> None:
        super().__init__(f"{number} is more than a JSON number can carry exactly.")


class PeriodOpen(BillingError):
    """A series without a start."""

    code = "PERIOD_OPEN"

    def __init__(self) -> None:
        super().__init__("A series needs to know from when: give `from` or a quick pick.")
