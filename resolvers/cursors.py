"""Cursors: where a row stands in one list, opaque to clients and strictly parsed.

A cursor holds the row's position in the order, a fingerprint of the list that it is of (workspace,
filter and order), and the start that a quick pick was resolved to, so that paging never shifts.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from billing.keyset import Position
from resolvers.refusals import InvalidCursor, StaleCursor


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a list, and the start that the list's quick pick was resolved to."""

    position: Position
    start: datetime | None


def fingerprint(*parts: object) -> str:
    """Return what tells lists apart: a short hash of their workspace, filter and order."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=9).hexdigest()


def encode(cursor: Cursor, of: str) -> str:
    """Return the text of a cursor of the list whose fingerprint is `of`."""
    parts = [of, _plain(cursor.start), *map(_plain, cursor.position)]
    return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()


def decode(text: str, of: str, *, types: Sequence[type]) -> Cursor:
    """Return the cursor, whose position has these types.

    Raises InvalidCursor, and StaleCursor if it is of another list.
    """
    if len(text) > _LENGTH_MAX:
        raise InvalidCursor
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        found, *parts = orjson.loads(base64.urlsafe_b64decode(padded))
        start, *position = (_value(part) for part in parts)
        cursor = Cursor(tuple(position), start)
        canonical = encode(cursor, found) == text
    except (ValueError, TypeError, KeyError, OverflowError):
        raise InvalidCursor from None
    if not canonical or type(found) is not str or not isinstance(start, datetime | None):
        raise InvalidCursor
    if found != of:
        raise StaleCursor
    if [type(value) for value in position] != list(types):
        raise InvalidCursor
    return cursor


_LENGTH_MAX = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return {"t": (value - _EPOCH) // _MICROSECOND}
        case UUID():
            return {"u": value.hex}
        case _:
            return value


def _value(plain: Any) -> Any:
    match plain:
        case {"t": int(microseconds)}:
            return _EPOCH + microseconds * _MICROSECOND
        case {"u": str(text)}:
            return UUID(text)
        case None:
            return None
        case int(number) if -(2**63) <= number < 2**63:
            return number
        case _:
            raise ValueError(plain)
