"""Who is asking, and what they may see of a workspace.

A workspace that does not exist and one that the viewer is no member of are answered alike: by
absence, after the same statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, and_, bindparam, func, null, select

from billing.errors import (
    NotOwner,
    PersonRequired,
    ScopeMissing,
    ServiceRequired,
    Unauthenticated,
    WorkspaceNotFound,
)
from models.database import Snapshot
from models.workspace import Membership, Role, User, Workspace

SUBJECT_LENGTH_MAX = 255
"""The most characters of a subject."""


class Scope(StrEnum):
    """What a service token may do."""

    BILLING_READ = "billing:read"
    USAGE_WRITE = "usage:write"
    CREDITS_WRITE = "credits:write"
    WORKSPACES_WRITE = "workspaces:write"


@dataclass(frozen=True, slots=True)
class Person:
    """A person, by the subject of their token."""

    subject: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the host product, with the scopes of its token."""

    name: str
    scopes: frozenset[str]


Viewer = Person | Service


@dataclass(frozen=True, slots=True)
class WorkspaceAccess:
    """A workspace that the viewer may read; `role` is None for a service."""

    workspace_id: UUID
    name: str
    created_at: datetime
    role: Role | None
    user_id: UUID | None

    @property
    def is_owner(self) -> bool:
        """Whether the viewer manages the plan and buys credits here."""
        return self.role == Role.OWNER

    @property
    def sees_people(self) -> bool:
        """Whether the viewer sees who used what: owners, admins and services do."""
        return self.role != Role.MEMBER


def is_subject(text: str) -> bool:
    """Return whether a token may name somebody by `text`: printable, and no blanks around it."""
    return 1 <= len(text) <= SUBJECT_LENGTH_MAX and text == text.strip() and text.isprintable()


def reader(viewer: Viewer | None) -> Viewer:
    """Return the viewer, who may read.

    Raises Unauthenticated without a token, ScopeMissing for a service without `billing:read`.
    """
    if viewer is None:
        raise Unauthenticated
    if isinstance(viewer, Service) and Scope.BILLING_READ not in viewer.scopes:
        raise ScopeMissing(Scope.BILLING_READ)
    return viewer


def service(viewer: Viewer | None, scope: Scope) -> Service:
    """Return the viewer, a service that may do what `scope` is for.

    Raises Unauthenticated without a token, ServiceRequired for a person, ScopeMissing for a
    service without the scope.
    """
    if viewer is None:
        raise Unauthenticated
    if isinstance(viewer, Person):
        raise ServiceRequired(scope)
    if scope not in viewer.scopes:
        raise ScopeMissing(scope)
    return viewer


def person(viewer: Viewer | None) -> Person:
    """Return the viewer, a person. Raises Unauthenticated without a token, else PersonRequired."""
    if viewer is None:
        raise Unauthenticated
    if isinstance(viewer, Service):
        raise PersonRequired
    return viewer


def owner(found: WorkspaceAccess | None, *, workspace_id: UUID) -> WorkspaceAccess:
    """Return what was found of a workspace, which the viewer owns.

    Raises WorkspaceNotFound and NotOwner.
    """
    if found is None:
        raise WorkspaceNotFound(workspace_id)
    if not found.is_owner:
        raise NotOwner
    return found


def actor(viewer: Viewer) -> str:
    """Return who the viewer is to what is kept of their requests."""
    match viewer:
        case Person(subject):
            return f"person:{subject}"
        case Service(name):
            return f"service:{name}"


async def workspaces(
    snapshot: Snapshot, viewer: Viewer, *, workspace_ids: Sequence[UUID]
) -> dict[UUID, WorkspaceAccess]:
    """Return those of the workspaces that the viewer may read, by id."""
    asked: dict[str, Any] = {"workspace_ids": list(workspace_ids)}
    rows: Sequence[Row[Any]] = (
        await snapshot.all(_OF_PERSON, asked | {"subject": viewer.subject})
        if isinstance(viewer, Person)
        else await snapshot.all(_OF_SERVICE, asked)
    )
    return {row.workspace_id: WorkspaceAccess(**row._asdict()) for row in rows}


_WORKSPACE = (Workspace.id.label("workspace_id"), Workspace.name, Workspace.created_at)
_ASKED = Workspace.id == func.any(bindparam("workspace_ids", type_=ARRAY(Uuid)))
_OF_SERVICE = select(*_WORKSPACE, null().label("role"), null().label("user_id")).where(_ASKED)
_OF_PERSON = (
    select(*_WORKSPACE, Membership.role, Membership.user_id)
    .join(Membership, and_(Membership.workspace_id == Workspace.id, Membership.left_at.is_(None)))
    .join(User, User.id == Membership.user_id)
    .where(_ASKED, User.subject == bindparam("subject"))
)
