"""How many objects an operation can answer with, and the limit of them."""

import time
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse

from resolvers import breadth
from resolvers.documents import DocumentLimits
from resolvers.schema import schema
from tests.resolvers.page import PAGE
from tests.resolvers.world import World

LISTS = 4
LIMIT = DocumentLimits().objects


def _objects(document: str, variables: dict[str, Any] | None) -> int:
    read = parse(document)
    operation = read.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return breadth.objects(schema._schema, read, operation, variables)


def _workspace(selection: str, *, rest: str = "", variables: str = "") -> str:
    return f'query A{variables} {{ workspace(id: "w") {{ {selection} }} }} {rest}'


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        pytest.param(_workspace("name"), {}, 1, id="one"),
        pytest.param(_workspace("importUsage { nodes { id } }"), {}, 2 + 25, id="the default"),
        pytest.param(
            _workspace("importUsage(first: 100) { nodes { user { id } } }"),
            {},
            2 + 100 * 2,
            id="what is below a row counts with it",
        ),
        pytest.param(
            _workspace("importUsage(last: 7) { edges { node { id } } }"),
            {},
            2 + 7 * 2,
            id="an edge is an object",
        ),
        pytest.param(
            _workspace("importUsage(first: 3) { totalCount pageInfo { endCursor } }"),
            {},
            3,
            id="rows that are not asked for do not count",
        ),
        pytest.param(
            _workspace(
                "conversationUsage(first: 100) { nodes { charges(first: 50) { nodes { id } } } }"
            ),
            {},
            2 + 100 * (2 + 50),
            id="pages multiply",
        ),
        pytest.param(
            _workspace("importUsage(first: $n) { nodes { id } }", variables="($n: Int)"),
            {"n": 40},
            2 + 40,
            id="a variable",
        ),
        pytest.param(
            _workspace("importUsage(first: $n) { nodes { id } }", variables="($n: Int = 60)"),
            {},
            2 + 60,
            id="a variable's default",
        ),
        pytest.param(
            _workspace("importUsage(first: $n) { nodes { id } }", variables="($n: Int)"),
            None,
            2 + 100,
            id="a variable that may be anything",
        ),
        pytest.param(
            _workspace("importUsage(first: $n) { nodes { id } }", variables="($n: Int)"),
            {"n": 1_000_000_000},
            2 + 100,
            id="a page that the field refuses",
        ),
        pytest.param(
            _workspace("a: importUsage { nodes { id } } b: importUsage { nodes { id } }"),
            {},
            1 + 2 * (1 + 25),
            id="aliases are fields of their own",
        ),
        pytest.param(
            _workspace(
                "importUsage { nodes { id } } ...F ...F ... { importUsage { nodes { user { id } } "
                "} }",
                rest="fragment F on Workspace { importUsage { nodes { id user { name } } } }",
            ),
            {},
            2 + 25 * 2,
            id="what merges is one",
        ),
        pytest.param(
            _workspace(
                "importUsage @include(if: $yes) { nodes { id } }"
                " mcpHttpCalls @skip(if: $yes) { nodes { id } }",
                variables="($yes: Boolean!)",
            ),
            {"yes": False},
            2 + 25,
            id="what is left out does not count",
        ),
        pytest.param(
            _workspace(
                "importUsage @include(if: $yes) { nodes { id } }"
                " mcpHttpCalls @skip(if: $yes) { nodes { id } }",
                variables="($yes: Boolean!)",
            ),
            None,
            1 + 2 * (1 + 25),
            id="what may be there counts",
        ),
        pytest.param(
            'query { nodes(ids: ["a", "b", "c"]) { ... on McpHttpCall { user { id } apiKey { id } }'
            " ... on ImportUsage { user { id } } ... on Node { id } } }",
            {},
            3 * (1 + 2),
            id="of the types of a node the largest counts",
        ),
        pytest.param(
            "query A($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 9}, 9, id="ids"
        ),
        pytest.param(
            _workspace("usageSeries(filterBy: {}) { credits byKind { credits } }"),
            {},
            1 + 400 * (1 + 5),
            id="a series",
        ),
        pytest.param("{ __schema { types { name } } __typename }", {}, 0, id="introspection"),
    ],
)
def test_the_objects_of_an_operation_are_counted(
    document: str, variables: dict[str, Any] | None, expected: int
) -> None:
    """As many as its pages ask for, multiplied down the tree."""
    assert _objects(document, variables) == expected


def test_the_page_is_far_from_the_limit() -> None:
    """With 100 rows in each list, and 100 charges beside them."""
    charges = _workspace(
        "conversationUsage(first: 1) { nodes { charges(first: 100) { nodes { payments"
        " { lot { adjustment { detail { __typename } } } } } } } }"
    )

    assert LISTS * 100 < _objects(PAGE, {"first": 100}) < LIMIT / 10
    assert _objects(charges, {}) < LIMIT / 10


@pytest.mark.parametrize("size", [100, None], ids=["said", "in a variable"])
async def test_an_operation_of_too_many_objects_is_refused_unread(
    shared_world: World, size: int | None
) -> None:
    """Nothing is asked of the database; the same document with small pages is answered."""
    document = """query A($id: ID!, $first: Int) { workspace(id: $id) {
        conversationUsage(first: %s) { nodes { charges(first: $first) { nodes {
            payments { lot { adjustment { id } } }
        } } } }
    } }"""
    document %= size or "$first"

    refused = await shared_world.ask(document, first=100)
    answered = await shared_world.ask(document, first=2)

    assert refused.codes == ["OBJECT_LIMIT_EXCEEDED"]
    assert refused.errors[0].message == (
        "The operation can answer with 70202 objects; 20000 are allowed. "
        "Ask for smaller pages, or in parts."
    )
    assert refused.statements == 0
    assert refused.data is None
    assert answered.errors == []


def test_no_document_is_dear_to_count() -> None:
    """Fragments that lead back to where they came from, by every way there is."""
    ways = " ".join(
        f"{list_} {{ nodes {{ user {{ workspaces {{ nodes {{ ...{fragment} }} "
        f"edges {{ node {{ ...{fragment} }} }} }} }} }} "
        f"edges {{ node {{ user {{ workspaces {{ nodes {{ ...{fragment} }} }} }} }} }} }}"
        for list_ in ("conversationUsage", "mcpHttpCalls", "importUsage")
        for fragment in ("%(a)s", "%(b)s")
    )
    fragments = " ".join(
        f"fragment F{n} on Workspace {{ "
        + ways % {"a": f"F{n + 1}", "b": f"F{min(n + 2, 5)}"}
        + " }"
        for n in range(5)
    )
    document = _workspace("...F0", rest=fragments + " fragment F5 on Workspace { name }")
    started = time.process_time()

    assert _objects(document, {}) > 10**12

    assert time.process_time() - started < 1
