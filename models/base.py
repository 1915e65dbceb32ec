"""The declarative base, the column types that every table shares, and the distribution rules.

Every table says where it lives when the database is distributed (`DISTRIBUTION`):

- TENANT: split by workspace; `workspace_id` leads every key, unique, foreign key and index.
- REFERENCE: copied to every node; small, read by all workspaces (users, plans, prices, packs).
- LOCAL: stays on the coordinator (the Stripe inbox and the map of Stripe objects).
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import BigInteger, DateTime, Enum, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

CREDITS_MAX = 2**53 - 1
"""The largest number of credits or minor units: what a JSON number carries exactly."""

Key = Annotated[UUID, mapped_column(Uuid)]
Timestamp = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Credits = Annotated[int, mapped_column(BigInteger)]
MinorUnits = Annotated[int, mapped_column(BigInteger)]
EntryNumber = Annotated[int, mapped_column(BigInteger)]
String = Annotated[str, mapped_column(Text)]
Json = Annotated[dict[str, Any], mapped_column(JSONB)]


class Distribution(StrEnum):
    """Where a table lives in a distributed database."""

    TENANT = "TENANT"
    REFERENCE = "REFERENCE"
    LOCAL = "LOCAL"


DISTRIBUTION = "distribution"
"""The key of `Table.info` under which a table says its `Distribution`."""

TENANT: Mapping[str, Any] = {"info": {DISTRIBUTION: Distribution.TENANT}}
REFERENCE: Mapping[str, Any] = {"info": {DISTRIBUTION: Distribution.REFERENCE}}
LOCAL: Mapping[str, Any] = {"info": {DISTRIBUTION: Distribution.LOCAL}}


class Base(DeclarativeBase):
    """The base of every table; it names each constraint that has no name of its own."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "ck": "%(constraint_name)s",
        }
    )


def new_id() -> UUID:
    """Return a new UUIDv7: ids made later sort later, whichever process made them."""
    return uuid_utils.compat.uuid7()


def one_of(words: type[StrEnum], *, name: str) -> Enum:
    """Return a text column type that holds one of `words`, kept by the CHECK called `name`."""
    return Enum(
        words,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=64,
        values_callable=lambda enum: [word.value for word in enum],
    )
