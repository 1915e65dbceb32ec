"""The pipeline of documents: limits, errors, and what is remembered."""

import time

import pytest
from graphql import GraphQLError, get_introspection_query

from resolvers.documents import DocumentLimits, Documents
from tests.http import world
from tests.http.world import execute, schema


def _nested(levels: int) -> str:
    return "{" + " thing {" * (levels - 1) + " name" + " }" * levels


def _codes(answer: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


async def test_a_document_may_use_every_limit_up() -> None:
    """What is allowed is the limit itself, not one less."""
    limits = DocumentLimits(tokens=50, depth=4, aliases=2, directives=2, root_fields=3, fragments=1)
    document = """
        query ($yes: Boolean!) {
            a: thing @include(if: $yes) { thing { thing { ...Name } } }
            viewer @include(if: $yes)
            b: viewer
        }
        fragment Name on Thing { name }
    """

    answer = await execute(document, limits=limits, variable_values={"yes": True})

    assert answer["errors"] == []
    assert answer["data"]["a"] == {"thing": {"thing": {"name": "thing"}}}


@pytest.mark.parametrize(
    ("document", "code", "message"),
    [
        (
            "{ thing { name } viewer context echo __typename a: echo b: echo }",
            "ROOT_FIELD_LIMIT_EXCEEDED",
            "7 fields at the root; 6 are",
        ),
        (
            (
                "{ ...A ... { a: echo } } fragment A on Query { viewer context echo ...B }"
                " fragment B on Query { b: echo c: echo __typename }"
            ),
            "ROOT_FIELD_LIMIT_EXCEEDED",
            "7 fields at the root; 6 are",
        ),
        (_nested(6), "DEPTH_LIMIT_EXCEEDED", "6 levels of fields; 5 are"),
        (
            (
                "{ thing { ...A } } fragment A on Thing { thing { thing { ...B } } }"
                " fragment B on Thing { thing { thing { name } } }"
            ),
            "DEPTH_LIMIT_EXCEEDED",
            "6 levels of fields; 5 are",
        ),
        ("{ a: viewer b: viewer c: viewer d: viewer }", "ALIAS_LIMIT_EXCEEDED", "4 aliases; 3 are"),
        (
            "{ thing { ...A thing { ...A } } } fragment A on Thing { a: name b: name }",
            "ALIAS_LIMIT_EXCEEDED",
            "4 aliases; 3 are",
        ),
        (
            "{ viewer" + " @skip(if: false)" * 5 + " }",
            "DIRECTIVE_LIMIT_EXCEEDED",
            "5 directives; 4 are",
        ),
        (
            (
                "{ ...A ...B ...C } fragment A on Query { viewer } fragment B on Query { viewer }"
                " fragment C on Query { viewer }"
            ),
            "FRAGMENT_LIMIT_EXCEEDED",
            "3 fragments; 2 are",
        ),
        (
            (
                "{ __schema { queryType { name } } ...A }"
                ' fragment A on Query { __type(name: "A") { name } a: __schema { __typename } }'
            ),
            "INTROSPECTION_LIMIT_EXCEEDED",
            "3 fields of introspection; 2 are",
        ),
        ("{ echo(text: [" + "1 " * 40 + "]) }", "TOKEN_LIMIT_EXCEEDED", "more than 40 tokens"),
        ("{ viewer }" + "\n#" * 41, "TOKEN_LIMIT_EXCEEDED", "more than 40 comments"),
    ],
)
async def test_each_limit_refuses_one_more_with_a_code_of_its_own(
    document: str, code: str, message: str
) -> None:
    """Nothing of an excessive document runs; the message names the limit."""
    limits = DocumentLimits(
        tokens=40,
        depth=5,
        aliases=3,
        directives=4,
        root_fields=6,
        fragments=2,
        introspections=2,
    )

    answer = await execute(document, limits=limits)

    assert answer["data"] is None
    assert _codes(answer) == [code]
    assert message in answer["errors"][0]["message"]


async def test_variables_hold_a_limited_number_of_values() -> None:
    """Lists and objects count too, also those of a variable that nothing uses."""
    document = "query ($pick: Pick!) { picked(pick: $pick) }"
    variables = {"pick": {"name": "x"}, "unused": [1, [2]]}

    allowed = await execute(document, limits=DocumentLimits(values=6), variable_values=variables)
    refused = await execute(document, limits=DocumentLimits(values=5), variable_values=variables)

    assert allowed == {"data": {"picked": "name"}, "errors": []}
    assert refused["data"] is None
    assert _codes(refused) == ["VALUE_LIMIT_EXCEEDED"]


async def test_what_is_asked_twice_under_one_name_counts_once() -> None:
    """It merges in the response, as the fragments of a page's parts do."""
    limits = DocumentLimits(root_fields=2, aliases=2)
    document = (
        "{ a: thing { b: name } a: thing { b: name name } viewer viewer ...A ...A }"
        " fragment A on Query { viewer }"
    )

    merged = await execute(document, limits=limits)
    apart = await execute("{ a: thing { b: name } c: thing { b: name } }", limits=limits)

    assert merged["errors"] == []
    assert _codes(apart) == ["ALIAS_LIMIT_EXCEEDED"]


async def test_the_document_that_graphiql_introspects_with_is_allowed() -> None:
    """It nests deeper than any query may, to spell out one type."""
    answer = await execute(get_introspection_query(input_value_deprecation=True))

    assert answer["errors"] == []
    assert answer["data"]["__schema"]["queryType"]["name"] == "Query"


async def test_introspection_that_goes_round_in_circles_is_refused() -> None:
    """Its answer would grow with each round."""
    rounds = "fields { type { " * 4 + "name" + " } }" * 4

    answer = await execute("{ __schema { types { " + rounds + " } } }")

    assert answer["data"] is None
    assert _codes(answer) == ["GRAPHQL_VALIDATION_FAILED"]
    assert answer["errors"][0]["message"] == "Maximum introspection depth exceeded"


async def test_a_fragment_that_introspection_shares_counts_where_a_field_spreads_it() -> None:
    """Only the spread below `__type` has no depth; the invalid one is found by its depth first."""
    shared = "fragment A on Thing { thing { thing { name } } }"
    limits = DocumentLimits(depth=3)

    beside = await execute('{ __type(name: "A") { ...A } } ' + shared, limits=limits)
    below = await execute('{ __type(name: "A") { ...A } thing { ...A } } ' + shared, limits=limits)

    assert set(_codes(beside)) == {"GRAPHQL_VALIDATION_FAILED"}
    assert _codes(below) == ["DEPTH_LIMIT_EXCEEDED"]


async def test_introspection_can_be_switched_off() -> None:
    """Neither introspection nor a suggestion gives the schema away."""
    closed = schema.limited(DocumentLimits(), timeout_seconds=10, introspection=False)

    for document in ("{ __schema { types { name } } }", "{ viewe }"):
        result = await closed.execute(document)
        assert result.data is None
        assert result.errors
        assert result.errors[0].extensions == {"code": "GRAPHQL_VALIDATION_FAILED"}
        assert "Did you mean" not in result.errors[0].message


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        pytest.param(
            "{ ...F0 } "
            + " ".join(
                f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} a{n}: viewer }}"
                for n in range(98)
            )
            + " fragment F98 on Query { viewer }",
            ["ALIAS_LIMIT_EXCEEDED", "ROOT_FIELD_LIMIT_EXCEEDED"],
            id="each fragment spread twice, a hundred times",
        ),
        pytest.param(
            "{ ...F0 } "
            + " ".join(
                f"fragment F{n} on Thing {{ thing {{ ...F{n + 1} }} things {{ ...F{n + 1} }} }}"
                for n in range(99)
            )
            + " fragment F99 on Thing { name }",
            ["DEPTH_LIMIT_EXCEEDED"],
            id="each fragment one deeper, twice",
        ),
        pytest.param(
            "{ thing {" + " name" * 1_900 + " } }",
            ["COMPLEXITY_LIMIT_EXCEEDED"],
            id="one field, again and again",
        ),
        pytest.param(
            "{ thing {" + " thing { name }" * 480 + " } }",
            ["COMPLEXITY_LIMIT_EXCEEDED"],
            id="one branch, again and again",
        ),
        pytest.param(
            "{ viewer" + " { viewer" * 400 + " }" * 401, ["DEPTH_LIMIT_EXCEEDED"], id="braces"
        ),
        pytest.param(
            "{ echo(text: " + "[" * 900 + "]" * 900 + ") }",
            ["DEPTH_LIMIT_EXCEEDED"],
            id="brackets",
        ),
        pytest.param(
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
            ["GRAPHQL_VALIDATION_FAILED"],
            id="fragments in a circle",
        ),
    ],
)
async def test_no_document_is_dear_to_refuse(document: str, codes: list[str]) -> None:
    """A document within the limit of tokens is read in time linear in its size."""
    limits = DocumentLimits()
    documents = Documents(schema._schema, limits=limits)
    started = time.process_time()

    read = documents.read(document)

    assert time.process_time() - started < 2
    assert [error.extensions and error.extensions["code"] for error in read.errors] == codes


async def test_a_page_of_many_fragments_that_all_ask_for_the_same_is_no_excess() -> None:
    """What a compiler of fragments sends stays far from every limit."""
    names = [f"F{number}" for number in range(90)]
    document = "query { thing { " + " ".join(f"...{name}" for name in names) + " } } "
    document += " ".join(
        f"fragment {name} on Thing {{ __typename name thing {{ name }} }}" for name in names
    )

    answer = await execute(document)

    assert answer["errors"] == []


async def test_a_syntax_error_says_where_it_is() -> None:
    """The code is Apollo's."""
    answer = await execute("{ viewer")

    assert _codes(answer) == ["GRAPHQL_PARSE_FAILED"]
    assert answer["errors"][0]["locations"] == [{"line": 1, "column": 9}]


async def test_an_invalid_document_tells_each_mistake_up_to_twenty() -> None:
    """The rest is summed up in one more error."""
    answer = await execute("{ thing {" + "".join(f" no{number}" for number in range(30)) + " } }")

    assert _codes(answer) == ["GRAPHQL_VALIDATION_FAILED"] * 21
    assert "error limit reached" in answer["errors"][-1]["message"]


async def test_several_operations_need_a_name_to_run() -> None:
    """The first is not run by guess, and a name that does not exist runs none."""
    document = "query A { a: viewer } query B { b: viewer }"

    unnamed = await execute(document)
    unknown = await execute(document, operation_name='C"' + "x" * 1_000)
    named = await execute(document, operation_name="B")

    assert unnamed["data"] is None
    assert _codes(unnamed) == ["OPERATION_RESOLUTION_FAILURE"]
    assert unknown["data"] is None
    assert _codes(unknown) == ["OPERATION_RESOLUTION_FAILURE"]
    assert len(unknown["errors"][0]["message"]) < 200
    assert named["data"] == {"b": None}


async def test_a_document_of_fragments_only_holds_no_operation() -> None:
    """It is a request error, whatever validation would say of it."""
    answer = await execute("fragment A on Query { viewer }")

    assert answer["data"] is None
    assert _codes(answer) == ["GRAPHQL_VALIDATION_FAILED"]


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ('{ echo(text: "a\\u0000b") }', None),
        ('{ echo(text: "a\\u{0}b") }', None),
        ('{ echo(text: "a\0b") }', None),
        ('{ echo(text: """a\0b""") }', None),
        ("query ($t: String!) { echo(text: $t) }", {"t": "a\0b"}),
        ("query ($t: String!) { echo(text: $t) }", {"t": "a\ud800b"}),
        ("query ($r: Range!) { ranged(within: $r) }", {"r": {"first": 1, "label": "\udfff"}}),
        ("query ($r: Range!) { ranged(within: $r) }", {"r": {"first": 1, "\0": "x"}}),
        ("{ viewer }", {"unused": [{"deep": ["\0"]}]}),
    ],
)
async def test_text_that_no_database_takes_is_the_clients_mistake(
    document: str, variables: dict[str, object] | None
) -> None:
    """NUL and halves of surrogate pairs are refused before any resolver sees them."""
    answer = await execute(document, variable_values=variables)

    assert answer["data"] is None
    assert set(_codes(answer)) <= {"BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED"}


async def test_a_document_that_is_no_unicode_text_is_refused_and_not_remembered() -> None:
    """Half of a surrogate pair has no hash."""
    documents = Documents(schema._schema, limits=DocumentLimits())

    read = documents.read('{ echo(text: "\ud800") }')

    assert read.node is None
    assert [error.extensions for error in read.errors] == [{"code": "GRAPHQL_PARSE_FAILED"}]
    assert not documents._remembered


async def test_emoji_and_escapes_pass_unharmed() -> None:
    """Only halves of pairs are refused, not the pairs."""
    answer = await execute(
        'query ($t: String!) { a: echo(text: $t) b: echo(text: "\\uD83C\\uDFCA \\n") }',
        variable_values={"t": "🏊 é"},
    )

    assert answer == {"data": {"a": "🏊 é", "b": "🏊 \n"}, "errors": []}


async def test_a_document_is_parsed_and_validated_once() -> None:
    """The second reading is the same object, good or bad."""
    documents = Documents(schema._schema, limits=DocumentLimits())

    for query in ("{ viewer }", "{ nothing }", "{"):
        assert documents.read(query) is documents.read(query)

    assert documents.read("{ viewer }") is not documents.read("{ viewer  }")


async def test_the_least_recently_used_document_is_forgotten_first() -> None:
    """The number of documents is bounded."""
    documents = Documents(schema._schema, limits=DocumentLimits(remembered_documents=2))
    kept, dropped = documents.read("{ kept: viewer }"), documents.read("{ dropped: viewer }")

    documents.read("{ kept: viewer }")
    documents.read("{ new: viewer }")

    assert documents.read("{ kept: viewer }") is kept
    assert documents.read("{ dropped: viewer }") is not dropped


async def test_large_documents_push_out_more_than_small_ones() -> None:
    """The memory that documents take is bounded, and accounted for when they are forgotten."""
    documents = Documents(schema._schema, limits=DocumentLimits(remembered_bytes=100_000))

    for number in range(10, 60):
        documents.read(f"{{ a{number}: viewer }}")
    assert len(documents._remembered) == 28
    documents.read("{ viewer # " + "x" * 99_000)

    assert len(documents._remembered) == 1
    assert documents._remembered_bytes == sum(
        document.weight_bytes for document in documents._remembered.values()
    )


@pytest.mark.parametrize(
    ("pick", "accepted"),
    [
        ({"name": "x"}, True),
        ({"name": "x", "number": 1}, False),
        ({}, False),
        ({"name": None}, False),
    ],
)
async def test_one_of_holds_in_variables(pick: dict[str, object], accepted: bool) -> None:  # noqa: FBT001 - a case
    """Exactly one field, and not null."""
    answer = await execute(
        "query ($pick: Pick!) { picked(pick: $pick) }", variable_values={"pick": pick}
    )

    assert (answer["data"] == {"picked": "name"}) is accepted
    assert _codes(answer) == ([] if accepted else ["BAD_USER_INPUT"])


async def test_one_of_works_with_a_variable_in_a_fragment_before_its_operation() -> None:
    """A rule that knows only variables it has met would fail here."""
    fragment = "fragment F on Query { picked(pick: {name: $name}) }"
    operation = "query ($name: String!) { ...F }"

    for document in (f"{fragment} {operation}", f"{operation} {fragment}"):
        answer = await execute(document, variable_values={"name": "x"})
        assert answer == {"data": {"picked": "name"}, "errors": []}


async def test_one_of_refuses_two_literals() -> None:
    """It is told by validation, before anything runs."""
    answer = await execute('{ picked(pick: {name: "x", number: 1}) }')

    assert answer["data"] is None
    assert _codes(answer) == ["GRAPHQL_VALIDATION_FAILED"]


def test_the_printed_schema_says_one_of_once() -> None:
    """Telling graphql-core of it does not print it twice."""
    assert str(schema).count("input Pick @oneOf {") == 1


def test_an_operation_is_found_by_what_it_is() -> None:
    """`operation` raises what a client is to be told."""
    document = schema.documents.read("query A { viewer } mutation B { bump }")

    assert document.operation("B").operation.value == "mutation"
    with pytest.raises(GraphQLError, match="operationName"):
        document.operation(None)
    assert world.schema.operation_type("{", None) is None
