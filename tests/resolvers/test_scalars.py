"""The scalars: what is taken in, and how it is written."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from graphql import GraphQLScalarType
from hypothesis import given
from hypothesis import strategies as st

from models.base import CREDITS_MAX
from resolvers.refusals import NumberTooLarge
from resolvers.schema import schema


def scalar(name: str) -> GraphQLScalarType:
    """Return a scalar of the schema."""
    found = schema._schema.type_map[name]
    assert isinstance(found, GraphQLScalarType)
    return found


BIG_INT, DATE_TIME, URL = map(scalar, ("BigInt", "DateTime", "URL"))


@given(st.integers(-CREDITS_MAX, CREDITS_MAX))
def test_a_big_int_is_what_a_json_number_carries(value: int) -> None:
    """In and out, also as a whole float, which is how some clients write it."""
    assert BIG_INT.parse_value(value) == value
    assert BIG_INT.parse_value(float(value)) == value
    assert BIG_INT.serialize(value) == value


@pytest.mark.parametrize(
    "value",
    [CREDITS_MAX + 1, -CREDITS_MAX - 1, 10**400, 1.5, 1e300, float("inf"), float("nan"), True, "1"],
)
def test_what_is_no_big_int_is_refused(value: Any) -> None:
    """Neither text nor truth, and nothing that a JSON number would round."""
    with pytest.raises(ValueError, match="A BigInt is a whole number"):
        BIG_INT.parse_value(value)


def test_a_number_that_json_would_round_is_never_written() -> None:
    """A wrong number of credits is worse than none."""
    with pytest.raises(NumberTooLarge, match="more than a JSON number can carry"):
        BIG_INT.serialize(CREDITS_MAX + 1)


@given(st.datetimes(timezones=st.integers(-14, 14).map(lambda h: timezone(timedelta(hours=h)))))
def test_a_time_is_written_in_utc_and_read_back(time: datetime) -> None:
    """To the microsecond, unless no calendar has it in UTC."""
    try:
        utc = time.astimezone(UTC)
    except OverflowError:
        with pytest.raises(ValueError, match="A DateTime is RFC 3339"):
            DATE_TIME.parse_value(time.isoformat())
        return

    written = DATE_TIME.serialize(utc)

    assert written.endswith("Z")
    assert DATE_TIME.parse_value(written) == DATE_TIME.parse_value(time.isoformat()) == time


@pytest.mark.parametrize("value", ["https://a.example/b?c#d", "http://localhost:8000"])
def test_an_absolute_address_is_a_url(value: str) -> None:
    """As it is written."""
    assert URL.parse_value(value) == URL.serialize(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "/path",
        "//a.example",
        "a.example",
        "javascript:alert(1)",
        "https://",
        "http://[",
        7,
        None,
    ],
)
def test_what_a_browser_should_not_open_is_no_url(value: Any) -> None:
    """Only the web, and only absolute."""
    with pytest.raises(ValueError, match="A URL is absolute"):
        URL.parse_value(value)
