"""Who is in a workspace, and as what: a patch by the host product, which knows people by subject.

Who is not named stays as they are; a member leaves only when they are named as leaving. Who left
keeps their row, since records name them, and may join again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import access, notices, rows, text
from billing.errors import MemberNamedTwice, TextInvalid, TooManyMembers, ValueRequired
from billing.rows import Rows
from billing.use import ID_LENGTH_MAX
from models.base import new_id
from models.workspace import Membership, Role, User

MEMBERS_MAX = 1_000
"""The most people that one patch names."""

NAME_LENGTH_MAX = 255
"""The most characters of a person's name."""

EMAIL_LENGTH_MAX = 320
"""The most characters of an email address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPatch:
    """What the host says of a member; None says nothing."""

    subject: str
    role: Role | None = None
    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersPatch:
    """The members that are to be or to change, and the subjects of those who leave."""

    staying: Sequence[MemberPatch] = ()
    leaving: Sequence[str] = ()


async def change(
    session: AsyncSession, *, workspace_id: UUID, patch: MembersPatch, now: datetime
) -> None:
    """Let people join, change and leave; who leaves without being a member changes nothing.

    A new person needs a name and an address, a new member a role.
    Raises TooManyMembers, TextInvalid, MemberNamedTwice and ValueRequired.
    """
    _check(patch)
    subjects = [member.subject for member in patch.staying]
    people = await _people(session, [*subjects, *patch.leaving])
    user_ids = await _write_people(session, patch.staying, people, now)
    await _write_roles(session, workspace_id, patch.staying, user_ids, now)
    leaving = [people[subject].id for subject in patch.leaving if subject in people]
    if leaving:
        await session.execute(
            update(_MEMBERSHIPS)
            .where(_M.workspace_id == workspace_id, _M.user_id.in_(leaving), _M.left_at.is_(None))
            .values(left_at=now)
        )
    notices.announce(session, notices.members(workspace_id))


class _Person(NamedTuple):
    id: UUID
    name: str
    email: str


def _check(patch: MembersPatch) -> None:
    named = len(patch.staying) + len(patch.leaving)
    if named > MEMBERS_MAX:
        raise TooManyMembers(named, maximum=MEMBERS_MAX)
    seen = set[str]()
    for place, member in enumerate(patch.staying):
        about = ("members", str(place))
        if not access.is_subject(member.subject):
            maximum = access.SUBJECT_LENGTH_MAX
            raise TextInvalid(*about, "subject", maximum=maximum, is_printable=True)
        if member.name is not None:
            text.check(member.name, *about, "name", maximum=NAME_LENGTH_MAX)
        if member.email is not None:
            text.check(member.email, *about, "email", maximum=EMAIL_LENGTH_MAX)
        if member.subject in seen:
            raise MemberNamedTwice(*about, "subject")
        seen.add(member.subject)
    for place, subject in enumerate(patch.leaving):
        text.check(subject, "leaving", str(place), maximum=ID_LENGTH_MAX)
        if subject in seen:
            raise MemberNamedTwice("leaving", str(place))
        seen.add(subject)


async def _people(session: AsyncSession, subjects: Sequence[str]) -> dict[str, _Person]:
    if not subjects:
        return {}
    found = await session.execute(_PEOPLE, {"subjects": list(subjects)})
    return {row.subject: _Person(row.id, row.name, row.email) for row in found}


async def _write_people(
    session: AsyncSession,
    members: Sequence[MemberPatch],
    people: Mapping[str, _Person],
    now: datetime,
) -> dict[str, UUID]:
    """Add new people and change those of whom something new is said; return the ids of all."""
    user_ids: dict[str, UUID] = {}
    said: list[dict[str, Any]] = []
    for place, member in enumerate(members):
        person = people.get(member.subject)
        if person is not None:
            user_ids[member.subject] = person.id
            if (member.name or person.name, member.email or person.email) == person[1:]:
                continue
        for name in ("name", "email"):
            if person is None and getattr(member, name) is None:
                raise ValueRequired("members", str(place), name, of="person")
        said.append(
            {
                "id": new_id(),
                "subject": member.subject,
                "name": member.name or _UNSAID,
                "email": member.email or _UNSAID,
                "created_at": now,
            }
        )
    if said:
        # In one order whoever writes: two that name the same people do not wait in a circle.
        said.sort(key=lambda person: person["subject"])
        written = await session.execute(_UPSERT_PEOPLE.values(said).returning(_U.subject, _U.id))
        user_ids |= {row.subject: row.id for row in written}
    return user_ids


async def _write_roles(
    session: AsyncSession,
    workspace_id: UUID,
    members: Sequence[MemberPatch],
    user_ids: Mapping[str, UUID],
    now: datetime,
) -> None:
    """Let people join, and give members the roles that are said of them."""
    asked = {"of_workspace": workspace_id, "user_ids": list(user_ids.values())}
    joined = set(await session.scalars(_MEMBERS, asked)) if user_ids else set()
    for place, member in enumerate(members):
        if member.role is None and user_ids[member.subject] not in joined:
            raise ValueRequired("members", str(place), "role", of="member")

    values = sorted(
        (user_ids[member.subject], member.role, now) for member in members if member.role
    )
    await rows.send(
        session,
        _UPSERT_ROLES,
        Rows(("user_id", "role", "created_at"), values),
        workspace_id=workspace_id,
    )


_UNSAID = ""
"""What stands for a name or an address of which nothing is said: neither can be empty."""

_USERS = rows.table(User)
_U = _USERS.c
_MEMBERSHIPS = rows.table(Membership)
_M = _MEMBERSHIPS.c

_PEOPLE = select(_U.subject, _U.id, _U.name, _U.email).where(
    _U.subject == func.any(bindparam("subjects", type_=ARRAY(Text)))
)
_MEMBERS = select(_M.user_id).where(
    _M.workspace_id == bindparam("of_workspace", type_=Uuid()),
    _M.user_id == func.any(bindparam("user_ids", type_=ARRAY(Uuid))),
    _M.left_at.is_(None),
)

_NEW_PERSON = insert(_USERS)
_UPSERT_PEOPLE = _NEW_PERSON.on_conflict_do_update(
    index_elements=["subject"],
    set_={
        name: case(
            (_NEW_PERSON.excluded[name] == _UNSAID, _U[name]), else_=_NEW_PERSON.excluded[name]
        )
        for name in ("name", "email")
    },
)
_NEW_ROLE = rows.inserting(Membership, "user_id", "role", "created_at")
_UPSERT_ROLES = _NEW_ROLE.on_conflict_do_update(
    index_elements=["workspace_id", "user_id"],
    set_={
        "role": _NEW_ROLE.excluded.role,
        "left_at": None,
        "created_at": case(
            (_M.left_at.is_(None), _M.created_at), else_=_NEW_ROLE.excluded.created_at
        ),
    },
)
