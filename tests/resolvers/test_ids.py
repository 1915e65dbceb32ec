"""Global ids: what is given out is read back, and nothing else is."""

import base64
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resolvers import ids
from resolvers.ids import GlobalId
from resolvers.refusals import InvalidId

HOME = UUID("01890000-0000-7000-8000-0000000000ab")
KEY = UUID("01890000-0000-7000-8000-000000000002")

GIVEN_OUT = {
    "VXNlcjowMTg5MDAwMDAwMDA3MDAwODAwMDAwMDAwMDAwMDAwMg": GlobalId("User", None, KEY),
    "V29ya3NwYWNlOjAxODkwMDAwMDAwMDcwMDA4MDAwMDAwMDAwMDAwMDAy": GlobalId("Workspace", None, KEY),
    "UGxhbjpwcm8": GlobalId("Plan", None, "pro"),
    "UGxhbjrDqWxhbjox": GlobalId("Plan", None, "élan:1"),
    "Q3JlZGl0TG90OjAxODkwMDAwMDAwMDcwMDA4MDAwMDAwMDAwMDAwMGFiOjc": GlobalId("CreditLot", HOME, 7),
    "SW1wb3J0VXNhZ2U6MDE4OTAwMDAwMDAwNzAwMDgwMDAwMDAwMDAwMDAwYWI6"
    "MDE4OTAwMDAwMDAwNzAwMDgwMDAwMDAwMDAwMDAwMDI": GlobalId("ImportUsage", HOME, KEY),
}
"""Ids as clients hold them: none of these may ever read differently."""


def encoded(text: str) -> str:
    """Return what an id of that text would be."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


NEARLY = {
    "empty": "",
    "a space after it": "UGxhbjpwcm8 ",
    "padding": "UGxhbjpwcm8=",
    "another alphabet": "UGxhbjpwcm8!",
    "a bit too many": "UGxhbjpwcm9",
    "not ascii": "UGxhbjpwcm8é",
    "not utf-8": base64.urlsafe_b64encode(b"Plan:\xff").decode(),
    "an unknown type": encoded("Invoice:7"),
    "a type alone": encoded("Workspace"),
    "a key with dashes": encoded(f"User:{KEY}"),
    "a key in capitals": encoded(f"User:{HOME.hex.upper()}"),
    "a number with a sign": encoded(f"CreditLot:{HOME.hex}:+7"),
    "a number with a zero": encoded(f"CreditLot:{HOME.hex}:07"),
    "another digit": encoded(f"CreditLot:{HOME.hex}:\N{ARABIC-INDIC DIGIT SEVEN}"),
    "a number too large": encoded(f"CreditLot:{HOME.hex}:{2**63}"),
    "a number too small": encoded(f"CreditLot:{HOME.hex}:0"),
    "no workspace": encoded("CreditLot:7"),
    "something after it": encoded(f"User:{KEY.hex}:7"),
    "too long": encoded("Plan:" + "x" * 300),
}


@pytest.mark.parametrize("text", GIVEN_OUT, ids=str)
def test_an_id_that_was_given_out_reads_the_same_for_ever(text: str) -> None:
    """Clients store ids: the form cannot change."""
    said = GIVEN_OUT[text]

    assert ids.decode(text) == said
    assert ids.encode(said.type, said.key, workspace_id=said.workspace_id) == text


@pytest.mark.parametrize("text", NEARLY.values(), ids=NEARLY)
def test_what_is_nearly_an_id_is_none(text: str) -> None:
    """There is one way to write an id, and every other is refused."""
    with pytest.raises(InvalidId):
        ids.decode(text)


@given(st.text() | st.from_regex(r"[\w-]{0,80}", fullmatch=True))
@example("\ud800")
def test_any_text_is_an_id_or_refused(text: str) -> None:
    """Nothing else happens, and an id reads back as itself."""
    try:
        said = ids.decode(text)
    except InvalidId:
        return
    assert ids.encode(said.type, said.key, workspace_id=said.workspace_id) == text


@given(st.uuids(), st.uuids())
def test_two_things_never_share_an_id(one: UUID, other: UUID) -> None:
    """Neither two keys, nor one key of two workspaces, nor of two types."""
    made = {
        ids.encode(type_, key, workspace_id=workspace_id)
        for type_ in ("ConversationUsage", "McpHttpCall")
        for workspace_id in (one, other)
        for key in (one, other)
    }

    assert len(made) == 8 if one != other else 2


def test_the_id_of_something_else_is_refused_by_name() -> None:
    """The message says what is expected, and not what was given."""
    with pytest.raises(InvalidId, match="The id is not of type Workspace"):
        ids.decode("UGxhbjpwcm8", "Workspace")
