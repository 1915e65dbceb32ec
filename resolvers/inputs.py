"""Inputs that come by the thousand."""

from collections.abc import Mapping
from typing import Any, TypeVar

from strawberry.types import get_object_definition
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryContainer, StrawberryObjectDefinition
from strawberry.utils.str_converters import to_camel_case

Input = TypeVar("Input", bound=type)


def plain(input_: Input) -> Input:
    """Make an input of the values that GraphQL has coerced, by the names of its fields alone.

    Strawberry asks of each value of each field what it may be: for a batch of usage, that took
    longer than to record it. The fields are leaves or plain inputs, and no lists; those that may
    be left out have a default.
    """
    definition = get_object_definition(input_, strict=True)
    fields = {
        field.graphql_name or to_camel_case(field.python_name): (
            field.python_name,
            _plain_input(field.type),
        )
        for field in definition.fields
    }

    def build(made: type, given: Mapping[str, Any], context: InputContext) -> Any:
        values = {}
        for name, value in given.items():
            python_name, inner = fields[name]
            if inner is not None and value is not None:
                assert inner.from_input is not None
                values[python_name] = inner.from_input(inner.origin, value, context)
            else:
                values[python_name] = value
        return made(**values)

    definition.from_input = build
    return input_


def _plain_input(type_: Any) -> StrawberryObjectDefinition | None:
    """Return the definition of a field's type, if that is an input of its own."""
    while isinstance(type_, StrawberryContainer):
        type_ = type_.of_type
    definition = get_object_definition(type_)
    assert definition is None or definition.from_input is not None, "it is not plain"
    return definition
