"""Ids that the same seed makes again, ordered by the time of what they name."""

from datetime import datetime
from random import Random
from uuid import UUID

_VERSION_7 = 7 << 76
_VARIANT = 2 << 62
_RANDOM_12 = 0xFFF << 64
_RANDOM_62 = (1 << 62) - 1


def at(random: Random, time: datetime) -> UUID:
    """Return the UUIDv7 of something made at `time`."""
    bits = random.getrandbits(76)
    milliseconds = int(time.timestamp() * 1_000) << 80
    return UUID(int=milliseconds | _VERSION_7 | _VARIANT | bits & (_RANDOM_12 | _RANDOM_62))
