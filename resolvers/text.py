"""Text that cannot be stored: PostgreSQL takes neither NUL nor half of a surrogate pair."""

from typing import Any

from billing import text


def is_unstorable(value: str) -> bool:
    """Tell whether no database takes `value` as text."""
    return not text.is_text(value)


def holds_unstorable(value: Any) -> bool:
    """Tell whether a value that came as JSON holds such a text anywhere, in keys too."""
    unread = [value]
    while unread:
        each = unread.pop()
        if isinstance(each, str):
            if is_unstorable(each):
                return True
        elif isinstance(each, dict):
            unread.extend(each)
            unread.extend(each.values())
        elif isinstance(each, list):
            unread.extend(each)
    return False
