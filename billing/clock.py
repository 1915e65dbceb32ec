"""The clocks: what time it is, where a task goes on for longer than one moment."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two times that are the same, unless time is moved for development."""

    def now(self) -> datetime:
        """Return the time of the business: of periods, packages and entries."""
        ...

    def real(self) -> datetime:
        """Return the time of the machine: of leases, attempts and fetches."""
        ...


class SystemClock:
    """The machine's clock for both."""

    def now(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)

    def real(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)
