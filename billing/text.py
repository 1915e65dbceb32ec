"""Texts that are kept: not blank, not too long, and such that the database can hold them."""

import re
from typing import Final

from billing.errors import TextInvalid

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def check(text: str, *about: str, maximum: int) -> None:
    """Refuse a text by TextInvalid, as that of `about`, unless it has 1 to `maximum` characters."""
    if not (text.strip() and len(text) <= maximum and is_text(text)):
        raise TextInvalid(*about, maximum=maximum)


def is_text(value: str) -> bool:
    """Return whether PostgreSQL can hold `value`: no NUL, no half of a surrogate pair."""
    return _UNSTORABLE.search(value) is None
