"""Documents: parsed, measured and validated once, then remembered by their hash.

Every transport comes here for the text that it was sent. What is kept is the document together
with its errors, so that neither a good nor a bad document is paid for twice.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    Token,
    TokenKind,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import ASTValidationRule
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from resolvers import breadth, errors, text
from resolvers.errors import Code

# What validation may spend on comparing fields that a document repeats, in graphql-core's units. A
# page of 90 fragments that all ask for the same takes half of it; graphql-core's own limit is five
# times as high, which is a second for 2,000 tokens.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 100_000

_ERRORS_REPORTED: Final = 20
_BYTES_A_TOKEN: Final = 700  # measured: what a token and its nodes weigh
_COUNT_SHOWN_MAX: Final = 1_000_000
_INTROSPECTION: Final = ("__schema", "__type")
_STRINGS: Final = (TokenKind.STRING, TokenKind.BLOCK_STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLimits:
    """What a document and its variables may hold, and what is remembered of documents."""

    tokens: int = 2_000
    depth: int = 12
    aliases: int = 30
    directives: int = 50
    root_fields: int = 20
    fragments: int = 100
    objects: int = 20_000
    introspections: int = 3
    values: int = 20_000
    remembered_documents: int = 1_000
    remembered_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """A document with everything that is wrong with it; `node` is None when it cannot be read.

    `objects` is the most that one of its operations can answer with, whatever the variables.
    """

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    weight_bytes: int
    objects: int = 0

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation called `name`, or the only one. Raises GraphQLError."""
        operations = [] if self.node is None else list(_operations(self.node))
        if name is None and len(operations) == 1:
            return operations[0]
        for operation in operations:
            if name is not None and operation.name and operation.name.value == name:
                return operation

        if not operations:
            message = "The document holds no operation."
        elif name is None:
            message = "`operationName` must say which of the document's operations to run."
        else:
            message = f"The document holds no operation called {errors.quote(name)}."
        raise errors.coded(message, Code.OPERATION_RESOLUTION_FAILURE)


class Documents:
    """The documents of one schema, least recently used ones forgotten first."""

    def __init__(
        self, schema: GraphQLSchema, *, limits: DocumentLimits, introspection: bool = True
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._introspection = introspection
        # Strawberry's rule for @oneOf is left out: it stumbles over variables in fragments, and
        # graphql-core's own rules know @oneOf.
        self._rules: tuple[type[ASTValidationRule], ...] = (
            *specified_rules,
            MaybeNullValidationRule,
            *(() if introspection else (NoSchemaIntrospectionCustomRule,)),
        )
        self._remembered: OrderedDict[bytes, Document] = OrderedDict()
        self._remembered_bytes = 0

    def read(self, query: str) -> Document:
        """Return the document of `query`, whole with its errors."""
        try:
            digest = hashlib.sha256(query.encode()).digest()
        except UnicodeEncodeError:
            error = errors.coded("The document is no Unicode text.", Code.GRAPHQL_PARSE_FAILED)
            return Document(None, (error,), 0)
        document = self._remembered.get(digest)
        if document is not None:
            self._remembered.move_to_end(digest)
            return document

        document = self._examine(query)
        self._remember(digest, document)
        return document

    def refuse_too_many_values(self, variables: Mapping[str, Any] | None) -> None:
        """Raise the GraphQLError of variables that hold too many values.

        No timeout helps: while they are coerced, the process answers nobody else.
        """
        limit = self._limits.values
        unread: list[Any] = [variables or {}]
        held = 0
        while unread:
            each = unread.pop()
            if isinstance(each, dict | list):
                held += len(each)
                if held > limit:
                    message = f"The variables hold more than the {limit} values that are allowed."
                    raise errors.coded(message, Code.VALUE_LIMIT_EXCEEDED, limit=limit)
                unread.extend(each.values() if isinstance(each, dict) else each)

    def refuse_too_broad(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
    ) -> None:
        """Raise the GraphQLError of an operation that can answer with too many objects."""
        limit = self._limits.objects
        if document.objects <= limit:
            return
        assert document.node is not None, "what cannot be read has no operation"
        actual = breadth.objects(self._schema, document.node, operation, variables or {})
        if actual <= limit:
            return
        shown = min(actual, _COUNT_SHOWN_MAX)
        more = "more than " if shown < actual else ""
        message = (
            f"The operation can answer with {more}{shown} objects; {limit} are allowed. "
            "Ask for smaller pages, or in parts."
        )
        raise errors.coded(message, Code.OBJECT_LIMIT_EXCEEDED, nodes=operation, limit=limit)

    def _remember(self, digest: bytes, document: Document) -> None:
        self._remembered[digest] = document
        self._remembered_bytes += document.weight_bytes
        while (
            len(self._remembered) > self._limits.remembered_documents
            or self._remembered_bytes > self._limits.remembered_bytes
        ):
            _, forgotten = self._remembered.popitem(last=False)
            self._remembered_bytes -= forgotten.weight_bytes

    def _examine(self, query: str) -> Document:
        weight_bytes = len(query)
        try:
            node = parse(
                query,
                max_lexical_tokens=self._limits.tokens,
                max_comments=self._limits.tokens,
            )
        except GraphQLSyntaxError as error:
            return Document(None, (_syntax_error(error),), weight_bytes)
        weight_bytes += _BYTES_A_TOKEN * node.token_count
        # Measured before it is validated: validation is what an excessive document makes dear.
        excesses = [*_excesses(node, self._limits), *_unstorable_texts(query, node)]
        found = tuple(excesses or self._invalidities(node))
        objects = 0 if found else self._objects(node)
        return Document(node, found, weight_bytes, objects)

    def _objects(self, node: DocumentNode) -> int:
        """Return the most objects that an operation can answer with, whatever the variables."""
        each = (breadth.objects(self._schema, node, asked, None) for asked in _operations(node))
        return max(each, default=0)

    def _invalidities(self, node: DocumentNode) -> Iterator[GraphQLError]:
        found = validate(
            self._schema,
            node,
            self._rules,
            max_errors=_ERRORS_REPORTED,
            hide_suggestions=not self._introspection,
        )
        for error in found:
            if isinstance(error, ValidationAbortedError) and len(found) <= _ERRORS_REPORTED:
                message = "The document repeats too many fields to be validated."
                yield errors.coded(message, Code.COMPLEXITY_LIMIT_EXCEEDED)
            else:
                yield errors.recoded(error, Code.GRAPHQL_VALIDATION_FAILED)


Place = tuple[str, ...]
"""Where a field stands: the names in the response from the definition's root on."""


@dataclass(slots=True)
class _Measure:
    """How much a definition asks for; with its fragments, once `_expand` has added them."""

    depth: int = 0
    aliases: int = 0
    root_fields: set[str] = field(default_factory=set)  # their names in the response
    directives: int = 0
    introspections: int = 0
    spreads: tuple[tuple[str, int | None], ...] = ()  # with the depth; None in introspection


def _excesses(node: DocumentNode, limits: DocumentLimits) -> Iterator[GraphQLError]:
    """Tell which limits the document exceeds, in time linear in its size."""
    fragments = {
        definition.name.value: _measure(definition)
        for definition in node.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    operations = [(operation, _measure(operation)) for operation in _operations(node)]
    directives = sum(each.directives for each in fragments.values())
    directives += sum(measure.directives for _, measure in operations)
    if len(fragments) > limits.fragments:
        yield _excess("fragments", Code.FRAGMENT_LIMIT_EXCEEDED, limits.fragments, len(fragments))
    if directives > limits.directives:
        yield _excess("directives", Code.DIRECTIVE_LIMIT_EXCEEDED, limits.directives, directives)
    try:
        names = {name: [spread for spread, _ in each.spreads] for name, each in fragments.items()}
        for name in TopologicalSorter(names).static_order():
            if name in fragments:
                _expand(fragments[name], fragments)
    except CycleError:
        return  # fragments that spread themselves are invalid, which validation will tell

    for operation, measure in operations:
        _expand(measure, fragments)
        for what, code, limit, actual in (
            ("levels of fields", Code.DEPTH_LIMIT_EXCEEDED, limits.depth, measure.depth),
            ("aliases", Code.ALIAS_LIMIT_EXCEEDED, limits.aliases, measure.aliases),
            (
                "fields at the root",
                Code.ROOT_FIELD_LIMIT_EXCEEDED,
                limits.root_fields,
                len(measure.root_fields),
            ),
            (
                "fields of introspection",
                Code.INTROSPECTION_LIMIT_EXCEEDED,
                limits.introspections,
                measure.introspections,
            ),
        ):
            if actual > limit:
                yield _excess(what, code, limit, actual, operation)


def _measure(definition: OperationDefinitionNode | FragmentDefinitionNode) -> _Measure:
    """Measure a definition by itself. The fields of introspection have no depth.

    Introspection nests deep to spell out one type and is bounded by a rule of graphql-core. What
    is asked again under the same name, at the same place, is asked once.
    """
    measure = _Measure(directives=len(definition.directives or ()))
    spreads: dict[tuple[Place, str], int | None] = {}
    aliased: set[Place] = set()
    unread: list[tuple[Any, int | None, Place]] = [(definition.selection_set, 0, ())]
    while unread:
        selection_set, depth, place = unread.pop()
        for selection in selection_set.selections:
            measure.directives += len(selection.directives or ())
            if isinstance(selection, FragmentSpreadNode):
                spreads[place, selection.name.value] = depth
            elif not isinstance(selection, FieldNode):
                unread.append((selection.selection_set, depth, place))
            else:
                below = None if depth is None else depth + 1
                name = (selection.alias or selection.name).value
                if selection.alias:
                    aliased.add((*place, name))
                if depth == 0:
                    measure.root_fields.add(name)
                measure.depth = max(measure.depth, below or 0)
                introspects = selection.name.value in _INTROSPECTION
                measure.introspections += introspects
                if selection.selection_set:
                    below = None if introspects else below
                    unread.append((selection.selection_set, below, (*place, name)))
    measure.aliases = len(aliased)
    measure.spreads = tuple((name, depth) for (_, name), depth in spreads.items())
    return measure


def _expand(measure: _Measure, fragments: Mapping[str, _Measure]) -> None:
    """Add the fragments that are spread, which have been expanded before."""
    for name, depth in measure.spreads:
        fragment = fragments.get(name)
        if fragment is None:
            continue  # an unknown fragment is invalid, which validation will tell
        measure.aliases += fragment.aliases
        measure.introspections += fragment.introspections
        if depth is not None:
            measure.depth = max(measure.depth, depth + fragment.depth)
        if depth == 0:
            measure.root_fields |= fragment.root_fields


def _excess(
    what: str, code: Code, limit: int, actual: int, node: OperationDefinitionNode | None = None
) -> GraphQLError:
    # Fragments multiply: the count can have more digits than a reader or JSON can take.
    shown = min(actual, _COUNT_SHOWN_MAX)
    more = "more than " if shown < actual else ""
    message = f"The document has {more}{shown} {what}; {limit} are allowed."
    return errors.coded(message, code, nodes=node, limit=limit)


def _unstorable_texts(query: str, node: DocumentNode) -> Iterator[GraphQLError]:
    """Tell of the strings in the document that no database stores as text."""
    if "\\" not in query and "\0" not in query:
        return
    assert node.loc is not None  # the parser was not told to leave locations out
    token: Token | None = node.loc.start_token
    while token is not None:
        if token.kind in _STRINGS and text.is_unstorable(token.value or ""):
            yield errors.coded(
                "A string of the document holds a NUL character.",
                Code.BAD_USER_INPUT,
                source=node.loc.source,
                position=token.start,
            )
            return
        token = token.next


def _operations(node: DocumentNode) -> Iterator[OperationDefinitionNode]:
    return (each for each in node.definitions if isinstance(each, OperationDefinitionNode))


def _syntax_error(error: GraphQLSyntaxError) -> GraphQLError:
    """Return the error with the code of what stopped the parser, which its message alone tells."""
    if "Document contains more than" in error.message:
        return errors.recoded(error, Code.TOKEN_LIMIT_EXCEEDED)
    if "nested too deeply" in error.message:
        return errors.recoded(error, Code.DEPTH_LIMIT_EXCEEDED)
    return errors.recoded(error, Code.GRAPHQL_PARSE_FAILED)
