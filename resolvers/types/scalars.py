"""The scalars, and money."""

import re
from datetime import UTC, datetime
from typing import Any, NewType
from urllib.parse import urlsplit

import strawberry
from strawberry.types.scalar import ScalarDefinition

from billing import catalog
from models.base import CREDITS_MAX
from resolvers.refusals import NumberTooLarge

BigInt = NewType("BigInt", int)
URL = NewType("URL", str)


@strawberry.type(description="An amount of money. Formatting is the client's, by locale.")
class Money:
    """Whole minor units of a currency."""

    amount_minor: BigInt = strawberry.field(
        description="Whole minor units of the currency, such as cents."
    )
    currency: str = strawberry.field(description="The ISO 4217 code, such as `USD`.")

    @classmethod
    def of(cls, money: catalog.Money) -> "Money":
        """Return the GraphQL value of `money`."""
        return cls(amount_minor=BigInt(money.amount_minor), currency=money.currency)


def _serialize_time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def _parse_time(value: Any) -> datetime:
    try:
        written = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
        time = written and datetime.fromisoformat(written[0].upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        time = None
    if time is None:
        raise ValueError("A DateTime is RFC 3339 with a time zone, such as `2026-11-01T00:00:00Z`.")
    return time


def _parse_big_int(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or abs(value) > CREDITS_MAX:
        raise ValueError(f"A BigInt is a whole number from -{CREDITS_MAX} to {CREDITS_MAX}.")
    return value


def _serialize_big_int(value: int) -> int:
    if abs(value) > CREDITS_MAX:
        raise NumberTooLarge(value)
    return value


def _parse_url(value: Any) -> str:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("A URL is absolute, with http or https.")
    return str(value)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment, as RFC 3339 in UTC, such as `2026-11-01T09:30:00Z`.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=_serialize_time,
        parse_value=_parse_time,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number up to 2^53-1 either way, a JSON number.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=_serialize_big_int,
        parse_value=_parse_big_int,
    ),
    URL: strawberry.scalar(
        name="URL",
        description="An absolute URL, with `http` or `https`.",
        specified_by_url="https://url.spec.whatwg.org/",
        serialize=str,
        parse_value=_parse_url,
    ),
}
