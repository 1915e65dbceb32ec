"""What a query can reach of the schema."""

from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type, is_abstract_type

from resolvers.schema import schema


def _reached() -> dict[str, GraphQLObjectType]:
    found: dict[str, GraphQLObjectType] = {}
    unread: list[GraphQLNamedType | None] = [schema._schema.query_type]
    while unread:
        type_ = unread.pop()
        if is_abstract_type(type_):
            unread += schema._schema.get_possible_types(type_)
        elif isinstance(type_, GraphQLObjectType) and type_.name not in found:
            found[type_.name] = type_
            unread += (get_named_type(field.type) for field in type_.fields.values())
    return found


OBJECTS = _reached()
"""Every object type that a query can reach by name, those included that only an id leads to."""
