"""Cursors: what is given out is read back, and nothing else is."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resolvers import cursors
from resolvers.cursors import Cursor
from resolvers.refusals import InvalidCursor, StaleCursor

LIST = cursors.fingerprint("a list")
TIE = UUID("01890000-0000-7000-8000-000000000001")
START = datetime(2026, 11, 9, tzinfo=UTC)

MOMENTS = st.datetimes(timezones=st.just(UTC))
NUMBERS = st.integers(-(2**63), 2**63 - 1)


def read(text: str, key_type: type = datetime) -> Cursor:
    """Return the cursor of `LIST` that `text` is."""
    return cursors.decode(text, LIST, types=(key_type, UUID))


def written(*parts: Any) -> str:
    """Return the text of a cursor of these parts, as somebody could write it."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


@given(MOMENTS | NUMBERS, st.uuids(), st.none() | MOMENTS)
def test_a_cursor_is_read_back_to_the_microsecond(
    key: datetime | int, tie: UUID, start: datetime | None
) -> None:
    """The sort key, the tie and the start of a quick pick."""
    cursor = Cursor((key, tie), start)

    assert read(cursors.encode(cursor, LIST), type(key)) == cursor


@given(st.text() | st.from_regex(r"[\w-]{0,120}", fullmatch=True))
@example("\ud800")
@example("=" * 1_000)
@example(written(LIST, None, {"t": 10**18}, {"u": TIE.hex}))
@example(written(LIST, None, {"t": 0}))
@example(written())
@example("W" * 100_000)
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    """Nothing else happens."""
    with pytest.raises((InvalidCursor, StaleCursor)):
        read(text)


FORGED: dict[str, Callable[[], str]] = {
    "a start that is no time": lambda: written(LIST, 5, {"t": 0}, {"u": TIE.hex}),
    "a start that is true": lambda: written(LIST, True, {"t": 0}, {"u": TIE.hex}),
    "a start that is an id": lambda: written(LIST, {"u": TIE.hex}, {"t": 0}, {"u": TIE.hex}),
    "a key of another type": lambda: written(LIST, None, 5, {"u": TIE.hex}),
    "a key that is null": lambda: written(LIST, None, None, {"u": TIE.hex}),
    "a key out of range": lambda: written(LIST, None, {"t": 10**18}, {"u": TIE.hex}),
    "a tie of another type": lambda: written(LIST, None, {"t": 0}, 5),
    "a tie that is no id": lambda: written(LIST, None, {"t": 0}, {"u": "x"}),
    "a tie written otherwise": lambda: written(LIST, None, {"t": 0}, {"u": str(TIE)}),
    "more than a time": lambda: written(LIST, None, {"t": 0, "z": 0}, {"u": TIE.hex}),
    "a part too many": lambda: written(LIST, None, {"t": 0}, {"u": TIE.hex}, None),
    "a list that is no text": lambda: written(["x"], None, {"t": 0}, {"u": TIE.hex}),
    "spaces": lambda: base64.urlsafe_b64encode(b'["", null, 1, 2]').decode().rstrip("="),
    "no list": lambda: written({"t": 0}),
    "too long": lambda: written("x" * 400, None, {"t": 0}, {"u": TIE.hex}),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_cursor_is_invalid(forge: Callable[[], str]) -> None:
    """What a cursor holds can be read and written by anybody: each part is checked."""
    with pytest.raises(InvalidCursor):
        read(forge())


def test_a_forged_number_is_no_boolean() -> None:
    """JSON's `true` is no 1."""
    with pytest.raises(InvalidCursor):
        read(written(LIST, None, True, {"u": TIE.hex}), int)


def test_a_cursor_of_another_list_is_stale() -> None:
    """It is well written, and of no use here."""
    cursor = cursors.encode(Cursor((START, TIE), None), cursors.fingerprint("another"))

    with pytest.raises(StaleCursor):
        read(cursor)


def test_lists_differ_by_each_of_their_parts() -> None:
    """And the same parts in another order are another list."""
    made = {
        cursors.fingerprint(*parts)
        for parts in [("a", "b"), ("b", "a"), ("ab",), ("a", None), ("a", ("b",)), ("a", "b", "")]
    }

    assert len(made) == 6
