"""Search: part of a conversation's id or title, and for those who see people, of its creator."""

import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from billing.access import Viewer
from models.usage import ConversationUsage
from models.workspace import User
from resolvers import ids
from tests.resolvers import busy
from tests.resolvers import world as worlds
from tests.resolvers.busy import BUSY, TITLES
from tests.resolvers.world import (
    ACME,
    ADAM,
    ADMIN,
    MEMBER,
    MIA,
    NOW,
    OLGA,
    OWNER,
    SERVICE,
    World,
    workspace_id,
)

SEARCH = """
query($id: ID!, $search: String) {
  workspace(id: $id) {
    conversationUsage(first: 100, filterBy: {search: $search}) {
      nodes { id conversationId title }
      totalCount
      summary { conversationCount messageCount credits }
    }
  }
}
"""

NAMES = ["Olga Orlova", "Adam Abel", "Mia Moss", "Zoë Ünal"]


async def search(world: World, term: str | None, viewer: Viewer = OWNER, **more: Any) -> Any:
    """Return what a search finds, in Acme unless another workspace is named."""
    data = await world.answer(SEARCH, viewer, search=term, **more)
    return data["workspace"]["conversationUsage"]


def found(page: Any) -> list[str]:
    """Return what was found, by the host product's ids."""
    return sorted(node["conversationId"] for node in page["nodes"])


@settings(max_examples=120)
@given(
    term=st.sampled_from([*TITLES, *NAMES, "conv_01"]).flatmap(
        lambda text: st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(
            lambda ends: text[min(ends) : max(ends)]
        )
    )
    | st.text("%_\\aA0élÉL ", max_size=3),
    viewer=st.sampled_from([OWNER, ADMIN, MEMBER, SERVICE]),
)
@example("%", OWNER)
@example("_", OWNER)
@example("\\", OWNER)
@example("\\%", OWNER)
async def test_a_search_finds_what_holds_its_term(
    busy_world: World, term: str, viewer: Viewer
) -> None:
    """In any case; every character is itself. The totals are of what was found."""
    names = await _names(busy_world)

    def holds(text: str) -> bool:
        return term.strip().lower() in text.lower()

    rows = [
        row
        for row in await busy.rows_of(busy_world.database, ConversationUsage)
        if holds(row.title)
        or holds(row.conversation_id)
        or (viewer is not MEMBER and holds(names[row.user_id]))
    ]

    page = await search(busy_world, term, viewer, id=workspace_id(BUSY))

    assert {ids.decode(node["id"]).key for node in page["nodes"]} == {row.id for row in rows}
    assert page["totalCount"] == page["summary"]["conversationCount"] == len(rows)
    assert page["summary"]["credits"] == sum(row.credits for row in rows)
    assert page["summary"]["messageCount"] == sum(row.message_count for row in rows)


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("march", ["conv_invoices"]),
        ("MARCH", ["conv_invoices"]),
        ("émile", ["conv_old"]),
        ("ÉLAN", ["conv_old"]),
        ("conv_post", ["conv_poster"]),
        ("CONV_POST", ["conv_poster"]),
        ("ices of M", ["conv_invoices"]),
        ("  march\t", ["conv_invoices"]),
        (unicodedata.normalize("NFD", "émile"), ["conv_old"]),
        ("apéritif", ["conv_decomposed"]),
        ("100%", ["conv_percent"]),
        ("0_o", ["conv_sale"]),
        ("0Xo", []),
        ("conv%", []),
        ("convXold", []),
        ("nothing of the kind", []),
    ],
)
async def test_a_term_is_found_in_title_and_conversation_id(
    world: World, term: str, names: list[str]
) -> None:
    """Anywhere in them."""
    await worlds.record(
        world.database,
        ACME,
        [
            worlds.conversation("sale", by=OLGA, title="10000 off, 0_o"),
            worlds.conversation(
                "decomposed", by=OLGA, title=unicodedata.normalize("NFD", "Apéritif")
            ),
        ],
    )

    assert found(await search(world, term)) == names


@pytest.mark.parametrize("nothing", [None, "", " \t\n"])
async def test_an_empty_search_finds_everything(shared_world: World, nothing: str | None) -> None:
    """For a member too."""
    everything = await shared_world.answer(
        """query($id: ID!) { workspace(id: $id) { conversationUsage(first: 100) {
            nodes { id conversationId title }
            totalCount summary { conversationCount messageCount credits }
        } } }"""
    )

    for viewer in (OWNER, MEMBER):
        page = await search(shared_world, nothing, viewer)
        assert page == everything["workspace"]["conversationUsage"]


@pytest.mark.parametrize("term", ["adam", "Abel", "ADAM ABEL", "m a"])
async def test_creators_are_found_by_those_who_see_people(shared_world: World, term: str) -> None:
    """Owners, admins and services."""
    for viewer in (OWNER, ADMIN, SERVICE):
        assert "conv_poster" in found(await search(shared_world, term, viewer))


@pytest.mark.parametrize("name", ["Olga Orlova", "Adam Abel", "Mia Moss", "Fay", "Sam Stone"])
async def test_a_member_cannot_find_a_conversation_by_its_creator(
    whole_world: World, name: str
) -> None:
    """Neither rows nor totals nor statements differ from those of a name that nobody has."""
    for term in (name, name.lower(), name[:4]):
        heard: list[list[str]] = []
        pages = []
        for each in (term, "Zz" + term[2:]):
            statements: list[str] = []
            stop = whole_world.database.on_statement(statements.append)
            pages.append(await search(whole_world, each, MEMBER))
            stop()
            heard.append(statements)

        assert pages[0] == pages[1]
        assert pages[0]["totalCount"] == 0
        assert heard[0] == heard[1]
        assert not any("users" in statement for statement in heard[0][1:])


async def test_a_member_finds_a_name_where_it_is_written(world: World) -> None:
    """In a title, it is no secret."""
    written = worlds.conversation("written", by=MIA, title="For Adam Abel")
    await worlds.record(world.database, ACME, [written])

    assert found(await search(world, "adam abel", MEMBER)) == ["conv_written"]
    assert found(await search(world, "adam abel", OWNER)) == ["conv_poster", "conv_written"]


async def test_who_has_left_is_still_found(whole_world: World) -> None:
    """Their conversations stay, and so does their name."""
    assert found(await search(whole_world, "fay")) == ["conv_farewell"]
    assert found(await search(whole_world, "fay", ADMIN)) == ["conv_farewell"]
    assert found(await search(whole_world, "fay", MEMBER)) == []


async def test_a_search_is_one_filter_among_others(world: World) -> None:
    """All of them let a row through, or it is not there."""
    await worlds.record(
        world.database,
        ACME,
        [worlds.conversation("invoice", by=ADAM, title="Invoices of April", at=NOW)],
    )
    document = """query($id: ID!, $filterBy: ConversationUsageFilter) { workspace(id: $id) {
        conversationUsage(filterBy: $filterBy) { nodes { conversationId } totalCount }
    } }"""
    dates = {"range": {"from": "2026-11-15T00:00:00Z"}}

    async def filtered(**filter_by: Any) -> list[str]:
        data = await world.answer(document, filterBy=filter_by)
        return found(data["workspace"]["conversationUsage"])

    assert await filtered(search="invoices") == ["conv_invoice", "conv_invoices"]
    assert await filtered(search="april", updatedAt=dates) == ["conv_invoice"]
    assert await filtered(search="invoices", billingTypes=["IMAGE_GENERATION"]) == []
    assert await filtered(search="adam", billingTypes=["IMAGE_GENERATION"]) == ["conv_poster"]


async def test_a_search_is_paged_by_its_own_cursors(busy_world: World) -> None:
    """Page after page finds what one page finds; another term is another list."""
    document = """query($id: ID!, $search: String, $after: String) { workspace(id: $id) {
        conversationUsage(first: 2, after: $after, filterBy: {search: $search}) {
            nodes { conversationId } pageInfo { hasNextPage endCursor }
        }
    } }"""
    met: list[str] = []
    cursor = None
    while True:
        data = await busy_world.answer(document, id=workspace_id(BUSY), search="o", after=cursor)
        page = data["workspace"]["conversationUsage"]
        met += [node["conversationId"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    at_once = await search(busy_world, "o", id=workspace_id(BUSY))
    stale = await busy_world.ask(document, id=workspace_id(BUSY), search="on", after=cursor)

    alike = await busy_world.ask(document, id=workspace_id(BUSY), search=" O", after=cursor)

    assert met == [node["conversationId"] for node in at_once["nodes"]]
    assert alike.errors == []
    assert alike.data["workspace"]["conversationUsage"]["nodes"] == []
    assert len(met) > 4
    assert stale.codes == ["STALE_CURSOR"]


async def _names(world: World) -> dict[Any, str]:
    """Return the name of everybody, by their key."""
    async with world.database.snapshot() as snapshot:
        rows = await snapshot.all(select(User.id, User.name))
    return {row.id: row.name for row in rows}
