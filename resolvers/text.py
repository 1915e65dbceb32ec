"""Text that cannot be stored: PostgreSQL takes neither NUL nor half of a surrogate pair."""

import re
from typing import Any, Final

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def is_unstorable(value: str) -> bool:
    """Tell whether no database takes `value` as text."""
    return _UNSTORABLE.search(value) is not None


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
