"""Bad input: each mistake is told with a code, at its place, and never as a failure of ours."""

import string
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolvers import ids
from tests.resolvers.world import (
    ACME,
    KEY,
    OLGA,
    RIVAL,
    RIVALS_KEY,
    Answer,
    World,
    workspace_id,
)

pytestmark = pytest.mark.usefixtures("quiet")

PAGED = [
    "viewer { workspaces(@) { pageInfo { endCursor } } }",
    *(
        f"workspace(id: $id) {{ {path} }}"
        for path in (
            "apiKeys(@) { pageInfo { endCursor } }",
            "conversationUsage(@) { pageInfo { endCursor } }",
            "mcpHttpCalls(@) { pageInfo { endCursor } }",
            "importUsage(@) { pageInfo { endCursor } }",
            "creditAdjustments(@) { pageInfo { endCursor } }",
            "creditBalance { lots(@) { pageInfo { endCursor } } }",
            "conversationUsage { nodes { charges(@) { pageInfo { endCursor } } } }",
        )
    ),
]
"""Every field that is paged, with an `@` where its arguments go."""


def paged(field: str, arguments: str) -> str:
    """Return a document that asks for a page of the field."""
    head = "query($id: ID!)" if "$id" in field else "query"
    return f"{head} {{ {field.replace('@', arguments)} }}"


@pytest.mark.parametrize("field", PAGED)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("first: -1", "PAGE_SIZE_OUT_OF_RANGE"),
        ("first: 0", "PAGE_SIZE_OUT_OF_RANGE"),
        ("first: 101", "PAGE_SIZE_OUT_OF_RANGE"),
        ("last: 0", "PAGE_SIZE_OUT_OF_RANGE"),
        ("last: 101", "PAGE_SIZE_OUT_OF_RANGE"),
        ("first: 2147483647", "PAGE_SIZE_OUT_OF_RANGE"),
        ("first: 1, last: 1", "PAGE_DIRECTION_UNCLEAR"),
        ('first: 1, before: ""', "PAGE_DIRECTION_UNCLEAR"),
        ('last: 1, after: ""', "PAGE_DIRECTION_UNCLEAR"),
        ('after: "", before: ""', "PAGE_DIRECTION_UNCLEAR"),
        ('before: ""', "PAGE_DIRECTION_UNCLEAR"),
        ('after: ""', "INVALID_CURSOR"),
        ('first: 1, after: "MTIz"', "INVALID_CURSOR"),
        ('last: 1, before: "nonsense"', "INVALID_CURSOR"),
        ('after: "é"', "INVALID_CURSOR"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    shared_world: World, field: str, arguments: str, code: str
) -> None:
    """Whatever list it is of; nothing of the list is read for it."""
    answer = await shared_world.ask(paged(field, arguments))

    assert set(answer.codes) == {code}
    assert all(error.path for error in answer.errors)
    assert answer.statements == (2 if "nodes" in field or "lots" in field else 1)


@pytest.mark.parametrize("field", PAGED)
async def test_a_null_argument_is_one_that_is_left_out(shared_world: World, field: str) -> None:
    """Clients send nulls for what they have no value for."""
    plain = await shared_world.answer(paged(field, "first: 25"))
    nulls = await shared_world.answer(
        paged(field, "first: 25, after: null, last: null, before: null")
    )
    default = await shared_world.answer(
        paged(field, "first: null, after: null, last: null, before: null")
    )

    assert plain == nulls == default


WORKSPACE = "query($id: ID!) { workspace(id: $id) { @ } }"
CONVERSATIONS = "conversationUsage(filterBy: @) { totalCount nodes { id } }"
SERIES = "usageSeries(filterBy: {occurredAt: @}) { credits }"
AS_OF = "creditBalance { asOf(at: @) }"

REFUSED = {
    "an inverted range": (
        CONVERSATIONS,
        '{updatedAt: {range: {from: "2026-11-02T00:00:00Z", to: "2026-11-01T00:00:00Z"}}}',
        "PERIOD_INVERTED",
    ),
    "a range inverted by its zones": (
        CONVERSATIONS,
        '{updatedAt: {range: {from: "2026-11-01T00:00:00Z", to: "2026-11-01T00:30:00+01:00"}}}',
        "PERIOD_INVERTED",
    ),
    "both a range and a quick pick": (
        CONVERSATIONS,
        "{updatedAt: {range: {}, quickPick: LAST_7_DAYS}}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "neither a range nor a quick pick": (
        CONVERSATIONS,
        "{updatedAt: {}}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a quick pick that is null": (
        CONVERSATIONS,
        "{updatedAt: {quickPick: null}}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "an unknown quick pick": (
        CONVERSATIONS,
        "{updatedAt: {quickPick: LAST_CENTURY}}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "an unknown filter": (CONVERSATIONS, "{deletedAt: null}", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown type": (CONVERSATIONS, "{billingTypes: [POEM]}", "GRAPHQL_VALIDATION_FAILED"),
    "a type that is null": (CONVERSATIONS, "{billingTypes: [null]}", "GRAPHQL_VALIDATION_FAILED"),
    "a long search": (CONVERSATIONS, f'{{search: "{"x" * 201}"}}', "SEARCH_TOO_LONG"),
    "a very long search": (CONVERSATIONS, f'{{search: "{"%" * 10_000}"}}', "SEARCH_TOO_LONG"),
    "a NUL in a search": (CONVERSATIONS, r'{search: "a\u0000b"}', "BAD_USER_INPUT"),
    "a NUL in braces": (CONVERSATIONS, r'{search: "a\u{0}b"}', "BAD_USER_INPUT"),
    "half of a surrogate pair": (CONVERSATIONS, r'{search: "\ud800"}', "GRAPHQL_PARSE_FAILED"),
    "the other half": (CONVERSATIONS, r'{search: "\udfff\ud800"}', "GRAPHQL_PARSE_FAILED"),
    "a surrogate in braces": (CONVERSATIONS, r'{search: "\u{d800}"}', "GRAPHQL_PARSE_FAILED"),
    "beyond Unicode": (CONVERSATIONS, r'{search: "\u{110000}"}', "GRAPHQL_PARSE_FAILED"),
    "a search that is a number": (CONVERSATIONS, "{search: 7}", "GRAPHQL_VALIDATION_FAILED"),
    "an order without a field": (
        "conversationUsage(orderBy: @) { totalCount }",
        "{field: null}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "an order of another list": (
        "importUsage(orderBy: @) { totalCount }",
        "{field: UPDATED_AT}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "an API key that is none": (
        "mcpHttpCalls(filterBy: {apiKeyIds: @}) { totalCount }",
        '["nonsense"]',
        "INVALID_ID",
    ),
    "an API key that is a workspace": (
        "mcpHttpCalls(filterBy: {apiKeyIds: @}) { totalCount }",
        f'["{workspace_id()}"]',
        "INVALID_ID",
    ),
    "more API keys than can be asked for": (
        "mcpHttpCalls(filterBy: {apiKeyIds: @}) { totalCount }",
        str(["nonsense"] * 101).replace("'", '"'),
        "TOO_MANY_IDS",
    ),
    "a series without a start": (SERIES, '{range: {to: "2026-11-01T00:00:00Z"}}', "PERIOD_OPEN"),
    "a series of no range": (SERIES, "{range: {}}", "PERIOD_OPEN"),
    "a series that is inverted": (
        SERIES,
        '{range: {from: "2026-11-02T00:00:00Z", to: "2026-11-01T00:00:00Z"}}',
        "PERIOD_INVERTED",
    ),
    "a series of too many buckets": (
        SERIES,
        '{range: {from: "2025-10-11T00:00:00Z"}}',
        "TOO_MANY_BUCKETS",
    ),
    "a series of all time": (
        SERIES,
        '{range: {from: "0001-01-01T00:00:00Z", to: "9999-12-31T23:59:59Z"}}',
        "TOO_MANY_BUCKETS",
    ),
}


@pytest.mark.parametrize(("field", "argument", "code"), REFUSED.values(), ids=REFUSED)
async def test_an_argument_that_cannot_be_is_refused(
    shared_world: World, field: str, argument: str, code: str
) -> None:
    """By a code, and before anything but the workspace is read."""
    answer = await shared_world.ask(WORKSPACE.replace("@", field.replace("@", argument)))

    assert answer.codes == [code]
    assert answer.data in (None, {"workspace": None})
    assert answer.statements <= 1


TIMES = [
    "2026-11-01",
    "2026-11-01T00:00:00",
    "2026-11-01 00:00:00Z",
    "2026-11-01T00:00Z",
    "2026-11-01T24:00:00Z",
    "2026-11-01T23:59:60Z",
    "2016-12-31T23:59:60Z",
    "2026-11-01T00:00:00.Z",
    "2026-11-01T00:00:00.1234567890Z",
    "2026-11-01T00:00:00,5Z",
    "2026-11-01T00:00:00+24:00",
    "2026-11-01T00:00:00+0100",
    "2026-11-01T00:00:00+01",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-W45-1T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-00:01",
    "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "٢٠٢٦-11-01T00:00:00Z",
    " 2026-11-01T00:00:00Z",
    "2026-11-01T00:00:00Z\n",
    "now",
    "",
]


@pytest.mark.parametrize("time", TIMES)
async def test_a_time_that_is_none_is_refused(shared_world: World, time: str) -> None:
    """Written in the document or sent as a variable: RFC 3339 with a zone, in years 1 to 9999."""
    written = time.replace("\n", r"\n")
    literal = await shared_world.ask(WORKSPACE.replace("@", AS_OF.replace("@", f'"{written}"')))
    document = WORKSPACE.replace("@", AS_OF.replace("@", "$at")).replace(
        "ID!)", "ID!, $at: DateTime!)"
    )
    variable = await shared_world.ask(document, at=time)

    assert literal.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert variable.codes == ["BAD_USER_INPUT"]
    for answer in (literal, variable):
        assert "RFC 3339" in answer.errors[0].message
        assert answer.data is None
        assert answer.statements == 0


@pytest.mark.parametrize("time", ["1761955200", "1.5", "true", "[]", "{}", "null", "NOW"])
async def test_a_time_is_text(shared_world: World, time: str) -> None:
    """A number of seconds would be a guess at its unit."""
    answer = await shared_world.ask(WORKSPACE.replace("@", AS_OF.replace("@", time)))

    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]


@pytest.mark.parametrize(
    ("time", "balance"),
    [
        ("0001-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", 0),
        ("2026-11-15T12:00:00Z", 1_241),
        ("2026-11-15t12:00:00z", 1_241),
        ("2026-11-15T12:00:00-00:00", 1_241),
        ("2026-11-16T01:59:59+13:59", 1_241),
        ("2026-11-15T12:00:00.123456789Z", 1_241),
        ("9999-12-31T23:59:59.999999Z", 985),
    ],
)
async def test_any_time_of_rfc_3339_is_taken(shared_world: World, time: str, balance: int) -> None:
    """From the first moment of a calendar to its last; what is finer than stored is cut."""
    data = await shared_world.answer(WORKSPACE.replace("@", AS_OF.replace("@", f'"{time}"')))

    assert data["workspace"]["creditBalance"]["asOf"] == balance


IDS = {
    "empty": "",
    "nonsense": "nonsense",
    "padding": workspace_id() + "=",
    "no ascii": "é",
    "very long": "V" * 10_000,
    "of another type": ids.encode("Plan", "pro"),
    "of a person": ids.encode("User", OLGA),
    "of a thing in it": ids.encode("ApiKey", KEY, workspace_id=ACME),
}


@pytest.mark.parametrize("id_", IDS.values(), ids=IDS)
async def test_a_workspace_is_asked_for_by_its_own_id(shared_world: World, id_: str) -> None:
    """Any other is refused, and not merely unknown."""
    answer = await shared_world.ask("query($id: ID!) { workspace(id: $id) { id } }", id=id_)

    assert answer.codes == ["INVALID_ID"]
    assert answer.data == {"workspace": None}
    assert answer.statements == 0


@pytest.mark.parametrize("id_", list(IDS.values())[:5], ids=list(IDS)[:5])
async def test_a_node_is_asked_for_by_an_id(shared_world: World, id_: str) -> None:
    """What is no id is refused; an id of nothing is null."""
    refused = await shared_world.ask("query($id: ID!) { node(id: $id) { id } }", id=id_)
    nothing = await shared_world.answer(
        "query($id: ID!) { node(id: $id) { id } }", id=ids.encode("Plan", "gone")
    )

    assert refused.codes == ["INVALID_ID"]
    assert refused.data == {"node": None}
    assert nothing == {"node": None}


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"filterBy": {"search": "a\0b"}}, "BAD_USER_INPUT"),
        ({"filterBy": {"search": "\ud800"}}, "BAD_USER_INPUT"),
        ({"filterBy": {"search": "a\udfffb"}}, "BAD_USER_INPUT"),
        ({"filterBy": {"search": "x" * 10_000}}, "SEARCH_TOO_LONG"),
        ({"filterBy": {"search": "\U0001f600" * 201}}, "SEARCH_TOO_LONG"),
        ({"filterBy": {"search": 7}}, "BAD_USER_INPUT"),
        ({"filterBy": {"search": ["a"]}}, "BAD_USER_INPUT"),
        ({"unused": "a\0b"}, "BAD_USER_INPUT"),
        ({"filterBy": {"search": "\0"}}, "BAD_USER_INPUT"),
        ({"filterBy": {"updatedAt": {}}}, "BAD_USER_INPUT"),
        ({"filterBy": {"updatedAt": {"range": None}}}, "BAD_USER_INPUT"),
        (
            {"filterBy": {"updatedAt": {"range": {}, "quickPick": "LAST_7_DAYS"}}},
            "BAD_USER_INPUT",
        ),
        ({"filterBy": {"updatedAt": {"range": {"since": None}}}}, "BAD_USER_INPUT"),
        ({"filterBy": {"billingTypes": ["POEM"]}}, "BAD_USER_INPUT"),
        ({"filterBy": []}, "BAD_USER_INPUT"),
        ({"first": 2**31}, "BAD_USER_INPUT"),
        ({"first": -(2**63)}, "BAD_USER_INPUT"),
        ({"first": 10**400}, "BAD_USER_INPUT"),
        ({"first": "1"}, "BAD_USER_INPUT"),
        ({"first": 1.5}, "BAD_USER_INPUT"),
        ({"first": True}, "BAD_USER_INPUT"),
        ({"first": 101}, "PAGE_SIZE_OUT_OF_RANGE"),
        ({"id": None}, "BAD_USER_INPUT"),
        ({"id": 7}, "INVALID_ID"),
        ({"id": 1.5}, "BAD_USER_INPUT"),
    ],
    ids=lambda each: str(each)[:60],
)
async def test_variables_that_cannot_be_are_refused(
    shared_world: World, variables: dict[str, Any], code: str
) -> None:
    """Like what stands in the document."""
    document = """query($id: ID!, $first: Int, $filterBy: ConversationUsageFilter) {
        workspace(id: $id) {
            conversationUsage(first: $first, filterBy: $filterBy) { totalCount nodes { id } }
        }
    }"""

    answer = await shared_world.ask(document, **variables)

    assert answer.codes == [code]
    assert answer.data in (None, {"workspace": None})
    assert answer.statements <= 1


async def test_a_search_of_200_characters_is_taken(shared_world: World) -> None:
    """Characters, not bytes."""
    document = WORKSPACE.replace("@", CONVERSATIONS.replace("@", "{search: $search}")).replace(
        "ID!)", "ID!, $search: String!)"
    )

    data = await shared_world.answer(document, search="\U0001f600" * 200)

    assert data["workspace"]["conversationUsage"]["totalCount"] == 0


async def test_what_is_refused_is_told_where(shared_world: World) -> None:
    """An error carries its place in the response, and its message names the argument."""
    answer = await shared_world.ask(
        """query($id: ID!) {
            page: workspace(id: $id) { usage: conversationUsage(last: 500) { totalCount } }
            plans { id }
        }"""
    )

    [error] = answer.errors
    assert error.path == ("page", "usage")
    assert error.message == "`last` must be from 1 to 100."
    assert answer.data["page"] is None
    assert len(answer.data["plans"]) == 4


CURSORS = f"""query($id: ID!, $cursor: String!) {{ workspace(id: $id) {{
    {
    " ".join(
        f"{name}: {field}(first: 1, after: $cursor) {{ nodes {{ id }} }}"
        for name, field in {
            "a": "conversationUsage",
            "b": "mcpHttpCalls",
            "c": "importUsage",
            "d": "creditAdjustments",
            "e": "apiKeys",
        }.items()
    )
}
    creditBalance {{ lots(first: 1, after: $cursor) {{ nodes {{ id }} }} }}
}} }}"""
ANY_ID = """query($id: ID!, $any: ID!, $first: Int) {
    workspace(id: $any) { id }
    node(id: $any) { id }
    nodes(ids: [$any, $any]) { id }
    filtered: workspace(id: $id) {
        mcpHttpCalls(first: $first, filterBy: {apiKeyIds: [$any]}) { nodes { id } totalCount }
    }
}"""
CODES = {"INVALID_ID", "INVALID_CURSOR", "STALE_CURSOR", "BAD_USER_INPUT"}

LETTERS = string.ascii_letters + string.digits + "-_"


def mutated(valid: list[str]) -> st.SearchStrategy[str]:
    """Return valid texts with some of their letters changed, taken out, put in or repeated."""

    def mutate(drawn: tuple[str, list[tuple[int, str, int]]]) -> str:
        text, changes = drawn
        for place, letter, length in changes:
            at = place % (len(text) + 1)
            text = text[:at] + letter + text[at + length :]
        return text

    change = st.tuples(st.integers(0, 200), st.text(LETTERS, max_size=2), st.integers(0, 2))
    return st.tuples(st.sampled_from(valid), st.lists(change, max_size=3)).map(mutate)


VALID_IDS = [
    workspace_id(),
    workspace_id(RIVAL),
    ids.encode("User", OLGA),
    ids.encode("Plan", "pro"),
    ids.encode("CreditLot", 1, workspace_id=ACME),
    ids.encode("UsageCharge", 2**62, workspace_id=ACME),
    ids.encode("CreditAdjustment", 1, workspace_id=ACME),
    ids.encode("ApiKey", KEY, workspace_id=ACME),
    ids.encode("ApiKey", RIVALS_KEY, workspace_id=RIVAL),
    ids.encode("ConversationUsage", KEY, workspace_id=ACME),
]


def check(answer: Answer) -> None:
    """Fail for any error but the refusals that are meant."""
    assert set(answer.codes) <= CODES, answer.errors


@settings(max_examples=150)
@given(st.text(max_size=60) | st.text(LETTERS, max_size=120) | mutated(VALID_IDS))
@example("\0")
@example("\ud800")
async def test_any_text_may_be_sent_as_an_id(shared_world: World, any_: str) -> None:
    """It is refused, or it is the id of something, or of nothing."""
    check(await shared_world.ask(ANY_ID, any=any_))


@settings(max_examples=150)
@given(data=st.data())
async def test_any_text_may_be_sent_as_a_cursor(shared_world: World, data: st.DataObject) -> None:
    """It is refused, or it is a place in the list."""
    valid = await _cursors(shared_world)
    cursor = data.draw(st.text(max_size=60) | st.text(LETTERS, max_size=160) | mutated(valid))

    check(await shared_world.ask(CURSORS, cursor=cursor))


_found_cursors: list[str] = []


async def _cursors(world: World) -> list[str]:
    """Return a cursor of each list, found once."""
    if not _found_cursors:
        document = CURSORS.replace(", after: $cursor", "").replace(", $cursor: String!", "")
        data = await world.answer(document.replace("nodes { id }", "pageInfo { endCursor }"))
        workspace = data["workspace"]
        pages = [*workspace.values(), workspace["creditBalance"]["lots"]]
        _found_cursors.extend(page["pageInfo"]["endCursor"] for page in pages if "pageInfo" in page)
    return _found_cursors
