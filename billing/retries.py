"""What failed and is tried again: after how long a rest, and what is kept of the failure."""

from datetime import timedelta
from typing import Final

DELAY_FIRST: Final = timedelta(seconds=5)
DELAY_MAX: Final = timedelta(hours=1)
"""How long something that failed rests: twice as long after each failure, up to the latter."""

REASON_LENGTH_MAX: Final = 2_000
"""The most characters that are kept of a failure."""

_DOUBLINGS_MAX: Final = 32


def delay(*, attempts: int) -> timedelta:
    """Return how long something rests that has failed for so many attempts, 1 at least."""
    factor: int = 2 ** min(attempts - 1, _DOUBLINGS_MAX)
    return min(DELAY_FIRST * factor, DELAY_MAX)


def reason(error: Exception) -> str:
    """Return what is kept of a failure: a text that PostgreSQL can hold, cut if it is long."""
    told = f"{type(error).__name__}: {error}"
    return told.encode(errors="replace").decode().replace("\0", "?")[:REASON_LENGTH_MAX]
