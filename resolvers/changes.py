"""What a change of the schema means to operations that were written against the old one."""

import re
from dataclasses import dataclass
from typing import Final

from graphql import GraphQLInputObjectType, GraphQLSchema, build_schema
from graphql.utilities import find_schema_changes
from graphql.utilities.find_schema_changes import BreakingChangeType, DangerousChangeType


@dataclass(frozen=True, slots=True)
class Change:
    """A change that an operation can notice; `coordinate` is such as `Workspace.apiKeys(first:)`.

    A breaking one makes operations fail. Any other only shows clients what they have not met
    before: a new word of an enum, a new member of a union.
    """

    coordinate: str
    description: str
    is_breaking: bool


def between(old: str, new: str) -> list[Change]:
    """Return what changed between two schemas in their own language, breaking changes first.

    What nobody notices (an addition, a description) is left out. Raises GraphQLError for a text
    that is no schema.
    """
    before, after = build_schema(old), build_schema(new)
    changes = [
        Change(_coordinate(change.description), change.description, change.type in _BREAKING)
        for change in find_schema_changes(before, after)
        if change.type in _NOTICED and not change.description.startswith(_UNREFERENCED)
    ]
    return sorted([*changes, *_narrowed(before, after)], key=lambda change: not change.is_breaking)


_BREAKING: Final = frozenset[object](BreakingChangeType)
_NOTICED: Final = _BREAKING | frozenset[object](DangerousChangeType)
# GraphQL's own scalars leave with the last field that uses them, and that field is told of.
_UNREFERENCED: Final = "Standard scalar "
_MEMBER: Final = re.compile(r"@\w+(?:\(\w+:\))?|\w+\.\w+(?:\(\w+:\))?")
_TYPE: Final = re.compile(r"(?:.* (?:union type|implemented by) )?(\w+)")


def _coordinate(description: str) -> str:
    """Return the schema coordinate that graphql-core's sentence is about."""
    if member := _MEMBER.search(description):
        return member[0]
    type_ = _TYPE.match(description)
    assert type_ is not None
    return type_[1]


def _narrowed(before: GraphQLSchema, after: GraphQLSchema) -> list[Change]:
    """Return the inputs that take only one of their fields now: graphql-core does not tell."""
    return [
        Change(name, f"Input {name} takes exactly one of its fields now.", is_breaking=True)
        for name, type_ in after.type_map.items()
        if isinstance(type_, GraphQLInputObjectType)
        and type_.is_one_of
        and isinstance(old := before.type_map.get(name), GraphQLInputObjectType)
        and not old.is_one_of
    ]
