"""Nodes that are made of rows: they hold the columns that were read, and nothing else."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from billing.access import WorkspaceAccess
from models.database import Record
from resolvers import ids
from resolvers.types.node import Node

N = TypeVar("N", bound=Node)


def node(type_: type[N], row: Record, key: ids.Key, *, access: WorkspaceAccess) -> N:
    """Return the node of `row`, whose key in its workspace is `key`.

    A column that nobody asked for is not in the row, so its field is missing on the node: nobody
    asks for it.
    """
    made = object.__new__(type_)
    vars(made).update(row._asdict())
    vars(made).update(
        access=access,
        key=key,
        id=ids.encode(type_.__name__, key, workspace_id=access.workspace_id),
    )
    return made


def columns(
    type_: type[Node], fields: Iterable[str], *, behind: Mapping[str, tuple[str, ...]]
) -> frozenset[str]:
    """Return the columns that the fields of `type_` need, by their GraphQL names.

    A plain field is its column; `behind` says what a resolver's field reads.
    """
    definition = get_object_definition(type_, strict=True)
    plain = {
        field.graphql_name or to_camel_case(field.python_name): field.python_name
        for field in definition.fields
        if field.base_resolver is None and field.python_name != "id"
    }
    needed = set[str]()
    for name in fields:
        needed.update(behind.get(name, (plain[name],) if name in plain else ()))
    return frozenset(needed)
