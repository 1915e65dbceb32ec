"""Texts that are kept: not blank, not too long, and such that the database can hold them."""

from billing import records
from billing.errors import TextInvalid


def check(text: str, *about: str, maximum: int) -> None:
    """Refuse a text by TextInvalid, as that of `about`, unless it has 1 to `maximum` characters."""
    if not (text.strip() and len(text) <= maximum and records.is_text(text)):
        raise TextInvalid(*about, maximum=maximum)
