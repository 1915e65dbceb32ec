"""How many objects an operation can answer with: told from its document and variables alone.

Pages multiply: 100 rows with 100 rows each are 10,000. A page counts as many as it asks for, and
any other list as many as its field says that it commonly has.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    value_from_ast_untyped,
)

from resolvers.connection import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX
from resolvers.fields import rows

_UNKNOWN: Final = object()

_Groups = dict[tuple[str, str], list[FieldNode]]
"""The fields of a selection by type and name in the response: what is asked twice is one."""


def objects(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any] | None,
) -> int:
    """Return how many objects a valid operation can answer with.

    Without variables, the most that it can with any. Introspection does not count.
    """
    root = schema.get_root_type(operation.operation)
    assert root is not None, "a valid operation has a root"
    values = {} if variables is None else {**_defaults(operation), **variables}
    counter = _Counter(schema, document, values, are_known=variables is not None)
    return counter.below(root, (operation.selection_set,), PAGE_SIZE_DEFAULT)


class _Counter:
    """Counts below each selection once, however often it is spread."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        values: Mapping[str, Any],
        *,
        are_known: bool,
    ) -> None:
        self._schema = schema
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._values = values
        self._are_known = are_known
        self._counted: dict[tuple[str, int, tuple[int, ...]], int] = {}

    def below(
        self, type_: GraphQLCompositeType, selected: Sequence[SelectionSetNode], page: int
    ) -> int:
        """Return how many objects one of `type_` brings along; its page has `page` rows."""
        key = (type_.name, page, tuple(id(each) for each in selected))
        if key not in self._counted:
            self._counted[key] = self._count(type_, selected, page)
        return self._counted[key]

    def _count(
        self, type_: GraphQLCompositeType, selected: Sequence[SelectionSetNode], page: int
    ) -> int:
        groups: _Groups = {}
        spread: set[str] = set()
        for selection_set in selected:
            self._collect(type_, selection_set, groups, spread)

        of_types: dict[str, int] = {}
        for (name, _), nodes in groups.items():
            parent = cast("GraphQLCompositeType", self._schema.type_map[name])
            of_types[name] = of_types.get(name, 0) + self._of_field(parent, nodes, page)
        if isinstance(type_, GraphQLObjectType):
            return sum(of_types.values())
        # An interface or a union is one of its types only: the largest counts.
        concrete = {
            name: count
            for name, count in of_types.items()
            if isinstance(self._schema.type_map[name], GraphQLObjectType)
        }
        common = sum(count for name, count in of_types.items() if name not in concrete)
        return common + max(concrete.values(), default=0)

    def _collect(
        self,
        type_: GraphQLCompositeType,
        selection_set: SelectionSetNode,
        groups: _Groups,
        spread: set[str],
    ) -> None:
        for selection in selection_set.selections:
            if not self._is_included(selection):
                continue
            if isinstance(selection, FieldNode):
                name = (selection.alias or selection.name).value
                groups.setdefault((type_.name, name), []).append(selection)
                continue
            within: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                if selection.name.value in spread:
                    continue
                spread.add(selection.name.value)
                within = self._fragments[selection.name.value]
            condition = within.type_condition
            narrowed = self._schema.type_map[condition.name.value] if condition else type_
            # What an interface asks of a type that is known is asked of the type.
            known = isinstance(type_, GraphQLObjectType)
            below = type_ if known else cast("GraphQLCompositeType", narrowed)
            self._collect(below, within.selection_set, groups, spread)

    def _of_field(self, parent: GraphQLCompositeType, nodes: list[FieldNode], page: int) -> int:
        fields: Mapping[str, GraphQLField] = getattr(parent, "fields", {})
        field = fields.get(nodes[0].name.value)
        if field is None:
            return 0  # of introspection
        type_ = get_named_type(field.type)
        if not is_composite_type(type_):
            return 0
        times, page_below = 1, page
        if "first" in field.args:
            page_below = self._page(nodes[0])
        elif is_list_type(get_nullable_type(field.type)):
            times = self._times(parent, field, nodes[0], page)
        selected = tuple(
            {id(each): each for node in nodes if (each := node.selection_set)}.values()
        )
        return times * (1 + self.below(type_, selected, page_below))

    def _page(self, node: FieldNode) -> int:
        """Return the size of the page that is asked for; one that is refused counts as some."""
        given = [self._argument(node, name) for name in ("first", "last")]
        if _UNKNOWN in given:
            return PAGE_SIZE_MAX
        sizes = [size for size in given if isinstance(size, int | float)]
        return int(min(max(1, *sizes), PAGE_SIZE_MAX)) if sizes else PAGE_SIZE_DEFAULT

    def _times(
        self, parent: GraphQLCompositeType, field: GraphQLField, node: FieldNode, page: int
    ) -> int:
        """Return how long a list is taken to be."""
        if parent.name.endswith("Connection"):
            return page
        if "ids" in field.args:
            ids = self._argument(node, "ids")
            return min(len(ids), PAGE_SIZE_MAX) if isinstance(ids, list) else PAGE_SIZE_MAX
        return rows(field)

    def _argument(self, node: FieldNode, name: str) -> Any:
        for argument in node.arguments or ():
            if argument.name.value == name:
                return self._value(argument.value)
        return None

    def _value(self, node: ValueNode) -> Any:
        if isinstance(node, VariableNode):
            return self._values.get(node.name.value) if self._are_known else _UNKNOWN
        if isinstance(node, IntValueNode | BooleanValueNode | ListValueNode):
            return value_from_ast_untyped(node)
        return None

    def _is_included(self, selection: SelectionNode) -> bool:
        """Tell whether @skip and @include let a selection through, as far as that is known."""
        for directive in selection.directives or ():
            name = directive.name.value
            if name in ("skip", "include") and directive.arguments:
                value = self._value(directive.arguments[0].value)
                if value is (name == "skip"):
                    return False
        return True


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """Return what variables are that no value is given for."""
    return {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value
    }
