"""Which fields a document asks for below a field, so that no more is read than is asked for."""

from collections.abc import Iterable, Iterator

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)

from resolvers.context import Info


def under(info: Info, *path: str) -> frozenset[str]:
    """Return the names of the fields selected below the field and the `path` of names from it.

    Fields that a directive may skip count as asked for.
    """
    raw = info._raw_info  # noqa: SLF001 - the document itself, without converting all of it
    sets: list[SelectionSetNode] = [
        node.selection_set for node in raw.field_nodes if node.selection_set is not None
    ]
    for name in path:
        sets = [
            field.selection_set
            for field in _fields(sets, raw.fragments)
            if field.name.value == name and field.selection_set is not None
        ]
    return frozenset(field.name.value for field in _fields(sets, raw.fragments))


def _fields(
    sets: Iterable[SelectionSetNode], fragments: dict[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    """Yield the fields of the selection sets, each fragment entered once."""
    waiting, entered = list(sets), set[str]()
    while waiting:
        for selection in waiting.pop().selections:
            match selection:
                case FieldNode():
                    yield selection
                case InlineFragmentNode():
                    waiting.append(selection.selection_set)
                case FragmentSpreadNode() if selection.name.value not in entered:
                    entered.add(selection.name.value)
                    waiting.append(fragments[selection.name.value].selection_set)
                case _:
                    pass
